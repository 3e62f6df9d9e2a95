#pragma once

#include "rules/request.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sidecache::rules {

/// The directives of a message's Cache-Control fields (RFC 9111 section 5.2) that a shared cache
/// looks at. Unknown ones are ignored; malformed ones are read towards caution.
struct cache_control {
    bool no_store = false;
    bool no_cache = false;    ///< also with field names: taken as the whole
    bool is_private = false;  ///< also with field names: taken as the whole
    bool is_public = false;
    bool must_revalidate = false;           ///< or proxy-revalidate
    std::optional<std::uint64_t> max_age;   ///< seconds; an unreadable number is 0
    std::optional<std::uint64_t> s_maxage;  ///< seconds; an unreadable number is 0
};

/// Reads every Cache-Control line of a message. Allocates nothing.
cache_control read_cache_control(std::span<field const> fields);

}  // namespace sidecache::rules
