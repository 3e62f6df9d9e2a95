#pragma once

#include "rules/definition.hpp"
#include "rules/http_cache/freshness.hpp"
#include "rules/request.hpp"
#include "rules/storable.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sidecache::rules::http_cache {

/// What of a response a shared cache keeps, and for how long.
struct kept {
    http_cache::freshness freshness;
    /// Seconds, when its request was sent (`initial_age`).
    std::uint64_t initial_age = 0;
    /// How long it is fresh from when its request was sent: its lifetime less what it arrived with.
    milliseconds fresh{0};
    /// How long it is worth keeping from then on: `fresh` and what `worth_keeping` adds, bounded by
    /// `longest_kept`.
    milliseconds life{0};
    std::vector<std::pair<std::string, std::string>> vary;  ///< as in `rules::storable`
    /// Fields that it is kept without: named by `private` and `no-cache` (sections 5.2.2.4 and
    /// 5.2.2.7).
    std::vector<std::string> left_out;
};

/// Nothing is kept longer than that without having been asked about again.
inline constexpr milliseconds longest_kept = std::chrono::hours(24 * 7);

/// Whether a shared cache may keep a complete response under a rule with `ttl: origin` (RFC 9111
/// section 3), and is of any use to it. Pure, headers only; the caller adds what only it knows
/// (truncated, too large, marked).
///
/// - not 206 (section 3.3), nor 416, which is about a part as well;
/// - not `no-store`, of the request (5.2.1.5) or the response, unless `must-understand` stands
///   beside it and the status is understood (5.2.2.3);
/// - not `private` without names (5.2.2.7), not `Vary: *` (4.1), not with Set-Cookie unless the
///   rule says so;
/// - of a request with Authorization only what says `public`, `must-revalidate` or `s-maxage`
///   (3.5);
/// - of errors only those that are about the target (404, 405, 410, 414, 451, 501), unless the rule
///   says `store_errors`; then any but those of RFC 6585;
/// - any other final status with explicit freshness; without it what may be guessed about (4.2.2);
/// - what is neither fresh nor can be validated nor served stale is of no use.
std::variant<kept, not_stored> may_keep(rule_definition const& rule,
                                        request const& asked,
                                        unsigned status,
                                        std::span<field const> response,
                                        unix_milliseconds requested_at,
                                        unix_milliseconds received_at);

}  // namespace sidecache::rules::http_cache
