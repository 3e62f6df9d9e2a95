#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sidecache::rules {

/// Why a request went to the upstream (RFC 9211 section 2.2).
enum class forwarded : std::uint8_t {
    no,         ///< it did not: a hit
    miss,       ///< nothing (valid) was stored under its key
    uri_miss,   ///< nothing was stored for its URI
    vary_miss,  ///< ... but for other values of the fields that the response varies on
    request,    ///< what is stored is fresh, and the request asked for more
    stale,      ///< something was, and its time was over
    bypass,     ///< the rules said so: no rule, or a `bypass_reason`
    method,     ///< its method is not one that is answered from a cache
};

/// One member of the Cache-Status response field (RFC 9211).
struct cache_status {
    forwarded fwd = forwarded::no;
    /// Status of the upstream's response, where it differs from what the client gets.
    std::optional<unsigned> fwd_status = std::nullopt;
    /// Remaining freshness in seconds, negative when stale.
    std::optional<std::int64_t> ttl = std::nullopt;
    bool stored = false;
    bool collapsed = false;
    /// The entry's key; empty: left out.
    std::string_view key = {};
    /// "store", or a `bypass_reason` or `not_stored` name; empty: left out.
    std::string_view detail = {};
};

/// Appends the field value: `sidecache; hit; ttl=541; key="product:42:details"; detail=store` or
/// `sidecache; fwd=miss; stored; collapsed; key="..."; detail=...`. Bytes of the key that an
/// sf-string cannot hold (RFC 8941 section 3.3.3) are left out. Allocates only when `out` grows.
void render_to(std::string& out, cache_status const& status);

}  // namespace sidecache::rules
