#pragma once

#include "rules/request.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// Cache-Control and Pragma (RFC 9111 sections 5.2 and 5.4). Unknown directives are ignored; what
/// is malformed or said twice is read towards caution (section 4.2.1). Nothing is allocated.
namespace sidecache::rules::http_cache {

/// A number of seconds that is too large to count (RFC 9111 section 1.2.2).
inline constexpr std::uint64_t longest_delta = 1ULL << 31U;

/// delta-seconds (RFC 9111 section 1.2.2), also as a quoted string (section 5.2); what is too large
/// counts as `longest_delta`. nullopt: not a number.
std::optional<std::uint64_t> read_delta(std::string_view text);

/// What a response says (RFC 9111 section 5.2.2, RFC 5861). Views into the message.
struct response_directives {
    bool no_store = false;
    bool no_cache = false;    ///< unqualified, or in a form that nobody can tell
    bool is_private = false;  ///< likewise
    bool is_public = false;
    bool must_revalidate = false;
    bool proxy_revalidate = false;
    bool must_understand = false;
    std::optional<std::uint64_t> max_age;                 ///< seconds; an unreadable number is 0
    std::optional<std::uint64_t> s_maxage;                ///< seconds; an unreadable number is 0
    std::optional<std::uint64_t> stale_while_revalidate;  ///< absent when unreadable
    std::optional<std::uint64_t> stale_if_error;          ///< absent when unreadable
    /// `no-cache="a, b"` and `private="a, b"`: the names, comma-separated; empty: not qualified.
    std::string_view no_cache_fields;
    std::string_view private_fields;
};

/// Reads every Cache-Control line of a response.
response_directives read_response_directives(std::span<field const> fields);

/// What a request says (RFC 9111 section 5.2.1). An unreadable number is the strictest one.
struct request_directives {
    bool no_cache = false;  ///< also `Pragma: no-cache` where there is no Cache-Control (5.4)
    bool no_store = false;
    bool only_if_cached = false;
    std::optional<std::uint64_t> max_age;
    std::optional<std::uint64_t> min_fresh;
    std::optional<std::uint64_t> max_stale;  ///< without a value: `longest_delta`
    std::optional<std::uint64_t> stale_if_error;

    /// Nothing that narrows or widens what a cache may answer.
    bool is_plain() const {
        return !no_cache && !no_store && !only_if_cached && !max_age && !min_fresh && !max_stale &&
               !stale_if_error;
    }
};

request_directives read_request_directives(std::span<field const> fields);

}  // namespace sidecache::rules::http_cache
