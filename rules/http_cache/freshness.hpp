#pragma once

#include "rules/http_cache/directives.hpp"
#include "rules/http_cache/targeted.hpp"
#include "rules/request.hpp"

#include <chrono>
#include <cstdint>
#include <span>

/// How long a response is fresh, how old it is, and how it may be used beyond (RFC 9111 section
/// 4.2, RFC 5861). Times come in; nothing here reads a clock.
namespace sidecache::rules::http_cache {

using std::chrono::milliseconds;
using std::chrono::seconds;
/// Milliseconds since 1970.
using unix_milliseconds = std::int64_t;

/// All that the time of a stored response is about: small enough to lie in a near entry.
struct freshness {
    enum class source : std::uint8_t {
        none,  ///< no freshness information: never fresh
        s_maxage,
        max_age,
        expires,
        heuristic,
    };
    seconds lifetime{0};
    source from = source::none;
    /// Every use needs a validation (section 5.2.2.4).
    bool always_validate = false;
    /// Never served stale: no-cache, must-revalidate, proxy-revalidate, s-maxage (section 4.2.4).
    bool never_stale = false;
    seconds stale_while_revalidate{0};  ///< RFC 5861 section 3
    seconds stale_if_error{0};          ///< RFC 5861 section 4
    /// It may be reused without asking for some time, now or later.
    bool can_be_fresh() const { return lifetime > seconds(0) && !always_validate; }
};

/// Whether a status may be stored on a guess, where nothing says how long it is fresh (RFC 9110
/// section 15.1): 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501.
bool is_heuristically_cacheable(unsigned status);

/// Whether this cache knows what a status means for caching (section 3, must-understand).
bool is_understood(unsigned status);

/// The freshness of a response (section 4.2.1): s-maxage, then max-age, then Expires minus Date,
/// then, where Last-Modified allows a guess, a tenth of what had passed since then, a day at most
/// (section 4.2.2). Expires that is no date is over already (section 5.3). `received_at` stands in
/// for a Date that is missing or unreadable.
freshness freshness_of(unsigned status,
                       std::span<field const> response,
                       governing const& rules,
                       unix_milliseconds received_at);
freshness freshness_of(unsigned status,
                       std::span<field const> response,
                       unix_milliseconds received_at);

/// A response's Age as it arrived (section 5.1): the first member of the first line; what is no
/// number counts as none, what is too large as `longest_delta`.
std::uint64_t read_age(std::span<field const> response);

/// How old a response was when its request was sent, so that its age is this and the time since
/// then (section 4.2.3: the larger of what Age says, corrected by the delay, and what Date tells
/// against our clock). Seconds.
std::uint64_t initial_age(std::span<field const> response,
                          unix_milliseconds requested_at,
                          unix_milliseconds received_at);

/// How a stored response may answer a request.
enum class reuse : std::uint8_t {
    fresh,             ///< as it is
    stale_allowed,     ///< stale, and the client takes that (max-stale)
    while_revalidate,  ///< stale, the origin allows it, and a validation is due
    validate,          ///< not without asking (section 4.3)
};

/// Whether a response of that age may be reused for a request (sections 4.2, 4.2.4 and 5.2.1).
reuse may_reuse(freshness const& f, milliseconds age, request_directives const& asked);

enum class trouble : std::uint8_t {
    unreachable,  ///< connection refused or closed, no answer in time: "disconnected"
    error,        ///< 500, 502, 503 or 504 (RFC 5861 section 4)
};
bool is_trouble(unsigned status);

/// Whether a stale response may answer when the origin cannot (section 4.2.4, RFC 5861 section 4):
/// on an error only as long as stale-if-error, the response's or the request's, allows; when the
/// origin cannot be reached unless something forbids it.
bool may_serve_on(trouble what,
                  freshness const& f,
                  milliseconds age,
                  request_directives const& asked);

/// How long a response is worth keeping past its freshness: the stale windows, and time to validate
/// it or to stand in for an origin that is gone. Zero where neither can be.
seconds worth_keeping(freshness const& f, bool has_validator);

}  // namespace sidecache::rules::http_cache
