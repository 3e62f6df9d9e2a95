#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::rules {
class rule_set;
}

namespace sidecache::admin {

/// What `POST /purge` may be sent: more than a name or a pattern is not needed.
inline constexpr std::size_t max_purge_body = 65'536;

/// The tags that a purge request names, or a sentence that says what is wrong with it and what to
/// do. Exactly one of:
///
///     {"pattern": "product:42*"}            as in a purge of the configuration, values filled in
///     {"key": "product:42:details"}         one Redis key; its partition behind '|' is ignored,
///                                           since tags never hold it
///     {"rule": "product-details"}           everything that rule has stored
///     {"group": "catalogue"}                what said it belongs to that group (Cache-Groups,
///                                           Surrogate-Key), under rules with `ttl: origin`
///     {"groups": ["catalogue", "prices"]}   several, at most 64
std::variant<std::vector<std::string>, std::string> tags_of_purge(rules::rule_set const& rules,
                                                                  std::string_view body);

}  // namespace sidecache::admin
