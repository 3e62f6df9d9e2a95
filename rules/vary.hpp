#pragma once

#include "rules/request.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::rules {

/// Stands for a field that the request did not have: no field value can hold a line feed, so that
/// an absent field and an empty one stay apart.
inline constexpr std::string_view absent_field = "\n";

/// The request fields that a response varies on, with this request's values: names in lower case,
/// sorted; several lines of one field joined by ", " (RFC 9111 section 4.1). nullopt: `Vary: *`.
std::optional<std::vector<std::pair<std::string, std::string>>> varied_fields(
    std::span<field const> response, request const& asked);

}  // namespace sidecache::rules
