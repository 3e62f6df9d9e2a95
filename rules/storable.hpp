#pragma once

#include "rules/definition.hpp"
#include "rules/request.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sidecache::rules {

/// Why a response was not stored (RFC 9111 section 3, design.md section 2). One table feeds
/// Cache-Status, metrics and `explain`.
enum class not_stored : std::uint8_t {
    status,         ///< neither 200 nor listed in `statuses`
    no_store,       ///< Cache-Control: no-store
    is_private,     ///< Cache-Control: private
    set_cookie,     ///< and the rule does not say `store_set_cookie: true`
    vary_star,      ///< Vary: *, or a field that did not reach the upstream as the client sent it
    partial,        ///< 206, or Content-Range
    too_large,      ///< over `max_object`
    truncated,      ///< the upstream broke off
    marked,         ///< a mutation was under way when the fill began
    quarantine,     ///< after a failover, until old markers are over
    store_down,     ///< no store to put it in, or no generations to put it under
    max_keys,       ///< the rule has as many entries as it may have
    authorization,  ///< `ttl: origin`: of a request with Authorization (RFC 9111 section 3.5)
    not_fresh,      ///< `ttl: origin`: neither fresh nor to be validated nor to be served stale
};

std::string_view name(not_stored reason);

/// How long a response may be stored under a rule with a duration.
struct storable {
    std::chrono::milliseconds ttl{0};
    /// The request fields named by Vary with the values of this request, to be compared with a
    /// reader's (RFC 9111 section 4.1). Names in lower case, sorted.
    std::vector<std::pair<std::string, std::string>> vary;
    /// How long it is kept where that is longer than it is fresh (`ttl: origin`, stale windows);
    /// 0: as long as `ttl`.
    std::chrono::milliseconds life{0};
    /// `ttl: origin`: its age in seconds when its request was sent (RFC 9111 section 4.2.3).
    std::optional<std::uint32_t> initial_age = std::nullopt;
    /// Fields that it is stored without.
    std::vector<std::string> left_out = {};
};

/// Whether a complete response may be stored under that rule: pure, headers only; the caller adds
/// what only it knows (truncated, too large, marked).
std::variant<storable, not_stored> may_store(rule_definition const& rule,
                                             request const& asked,
                                             unsigned status,
                                             std::span<field const> response);

/// Whether a stored response was selected by the same field values (RFC 9111 section 4.1).
bool vary_matches(std::span<std::pair<std::string_view, std::string_view> const> stored,
                  request const& asked);

}  // namespace sidecache::rules
