#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backend {

/// A request as the routes see it: complete, with its path's segments and query values decoded.
struct request {
    std::string method;
    std::string target;
    std::string path;
    std::vector<std::string> segments;
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;

    /// The first field of that name (case-insensitive).
    std::optional<std::string_view> field(std::string_view name) const;
    /// The first query value of that name.
    std::optional<std::string_view> parameter(std::string_view name) const;
};

struct response {
    int status = 200;
    std::string body{};
    std::vector<std::pair<std::string, std::string>> fields{};
};

/// {"error": text}.
response problem(int status, std::string_view text);

/// A decimal number of 1 or more, nothing else; an id is one.
std::optional<std::int64_t> parse_id(std::string_view text);

/// Splits and decodes `target` into path, segments and query. False: bad percent-encoding.
bool parse_target(request& r);

}  // namespace backend
