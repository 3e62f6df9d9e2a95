#pragma once

#include "proxy/async/clock.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::store {

/// A member's record in `sidecache:members` (protocol.md section 3.8), version 1:
///
///     "1" SP LAPSE SP FINGERPRINT *( LF RULE )
///
///     LAPSE        when the listing ends, Unix ms by the server's clock
///     FINGERPRINT  of its rules and purges (`rule_set::fingerprint`)
///     RULE         the names of its rules
///
///     1 1764000010000 5f0c9a7be1d2c3b4\nproduct-details\nproduct-list
///
/// `scripts/member_renew.lua` writes the first two words, the member the rest.
struct member_record {
    unix_ms lapse = 0;
    std::string_view fingerprint;  // views of the parsed text
    std::vector<std::string_view> rule_names;
};
/// nullopt: another version, or malformed.
std::optional<member_record> parse_member(std::string_view text);

/// What follows the lapse.
std::string member_rest(std::string_view fingerprint, std::vector<std::string> const& rule_names);

}  // namespace sidecache::store
