#pragma once

#include "config/load.hpp"
#include "config/problem.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace sidecache::config {

/// Gathers every finding of one file, so that its author sees all of them at once.
class report {
public:
    explicit report(std::string file) : file_(std::move(file)) {}

    void error(rules::position at, std::string text, std::string hint = {});
    void warning(rules::position at, std::string text, std::string hint = {});
    void add(rules::position at, problem p) { error(at, std::move(p.text), std::move(p.hint)); }

    std::size_t errors() const { return errors_; }

    /// In the order of the file; what an alias made appear twice is named once.
    std::vector<finding> take();

private:
    void put(rules::severity level, rules::position at, std::string text, std::string hint);

    std::string file_;
    std::vector<finding> findings_;
    std::size_t errors_ = 0;
    bool is_full_ = false;
};

}  // namespace sidecache::config
