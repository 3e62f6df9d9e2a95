#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::admin {

using query_parameters = std::vector<std::pair<std::string, std::string>>;

/// The parameters of the admin port's own URIs, in order, percent-decoded, '+' as a space.
/// nullopt: bad percent-encoding.
std::optional<query_parameters> parse_query(std::string_view query);

}  // namespace sidecache::admin
