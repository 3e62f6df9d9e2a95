#pragma once

#include "config/model.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::config {

/// One finding, ready to print: "products.yaml:12:9: error: unknown key `tll`; did you mean `ttl`?"
struct finding {
    rules::severity level = rules::severity::error;
    std::string file;
    rules::position at;
    std::string text;
    std::string hint;
    std::string print() const;
};

struct yaml_node;

struct loaded {
    /// Null when there is an error among the findings.
    std::shared_ptr<model const> config;
    std::vector<finding> findings;
    /// What the file says, with its variables filled in: for `dump`.
    std::shared_ptr<yaml_node const> tree{};
    /// The file's bytes, as they were read; nullopt when they could not be, or came from no file.
    std::optional<std::string> text{};
};

/// Looks a variable up for `${VAR:-default}`; `load_file` uses the environment.
using environment = std::function<std::optional<std::string>(std::string_view name)>;

/// Reads, substitutes, parses, validates and compiles: every finding at once, never an exception.
loaded load_text(std::string_view yaml, std::string file_name, environment const& env);
loaded load_file(std::string const& path);

}  // namespace sidecache::config
