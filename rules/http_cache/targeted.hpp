#pragma once

#include "rules/http_cache/directives.hpp"
#include "rules/request.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>

/// Targeted cache control (RFC 9213).
namespace sidecache::rules::http_cache {

/// The target list (RFC 9213 section 2.2): the first of these that a response has, valid and not
/// empty, is obeyed instead of Cache-Control and Expires.
inline constexpr std::array<std::string_view, 2> target_list{"Sidecache-Cache-Control",
                                                             "CDN-Cache-Control"};

/// What governs a response.
struct governing {
    response_directives directives;
    /// A targeted field was taken: Cache-Control and Expires are "as if not present" (section 2.2).
    bool is_targeted = false;
    /// Keeps the names that qualify a targeted directive; `directives` views it.
    std::string no_cache_names;
    std::string private_names;

    governing() = default;
    governing(governing const&) = delete;
    governing& operator=(governing const&) = delete;
};

/// Reads them into `out`: a targeted field that is not a dictionary of RFC 8941, that gives a known
/// directive a value of another type than RFC 9213 section 2.1 says, or that is empty, is ignored
/// as a whole.
void read_governing(std::span<field const> response, governing& out);

}  // namespace sidecache::rules::http_cache
