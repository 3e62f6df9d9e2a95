#pragma once

#include "tests/consistency/history.hpp"

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sidecache::consistency {

/// What an answer's body says, for a register of that kind. A 404 shows nothing.
content decode(register_kind what, int status, std::string_view body);

/// Bodies as numbers: each is decoded once, however often it is served. Any thread.
class content_table {
public:
    std::size_t number_of(register_kind what, int status, std::string_view body);
    /// All of them, by their numbers. Afterwards the table is empty.
    std::vector<content> take();

private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::size_t> numbers_;  // by kind, status and body
    std::vector<content> contents_;
};

}  // namespace sidecache::consistency
