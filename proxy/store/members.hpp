#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/tag_value.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::store {

/// A member's record in `sidecache:members` (protocol.md sections 3.8 and 4), version 2:
///
///     "2" SP LAPSE SP COUNT SP JOIN SP LEASE SP NEAR SP FINGERPRINT *( LF RULE )
///
///     LAPSE        when the listing ends, Unix ms by the server's clock
///     COUNT        the member's own number of its last renewal: it never falls
///     JOIN         32 hex digits, new at each joining
///     LEASE        how long its near cache may serve after a renewal, ms
///     NEAR         "1": it may serve from a near cache, so mutations ask it; else "0"
///     FINGERPRINT  of its rules and purges (`rule_set::fingerprint`)
///     RULE         the names of its rules
///
///     2 1764000010000 17 09ab…77 500 1 5f0c9a7be1d2c3b4\nproduct-details\nproduct-list
///
/// `scripts/member_renew.lua` writes it; `scripts/member_dismiss.lua` turns NEAR off.
struct member_record {
    unix_ms lapse = 0;
    std::uint64_t count = 0;
    id128 join;
    std::chrono::milliseconds lease{0};
    bool near = false;
    std::string_view fingerprint;  // views of the parsed text
    std::vector<std::string_view> rule_names;
};
/// nullopt: another version, or malformed.
std::optional<member_record> parse_member(std::string_view text);

/// What follows NEAR.
std::string member_rest(std::string_view fingerprint, std::vector<std::string> const& rule_names);

}  // namespace sidecache::store
