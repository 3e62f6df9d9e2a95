#pragma once

#include "rules/http_cache/groups.hpp"
#include "rules/request.hpp"

#include <span>
#include <string>
#include <vector>

/// What the answer to an unsafe request makes stale beside what its request names (RFC 9111 section
/// 4.4, RFC 9875).
namespace sidecache::rules::http_cache {

struct also_stale {
    /// Paths of the same origin that Location and Content-Location name.
    std::vector<std::string> paths{};
    /// What `Cache-Group-Invalidation` names (RFC 9875 section 3).
    named_groups groups{};
};

/// Reads it from a final answer; nothing from an error (RFC 9111 section 4.4: "a non-error
/// response" is 2xx or 3xx).
also_stale made_stale(request const& asked, unsigned status, std::span<field const> response);

/// The path that a URI reference names, seen from a request (RFC 3986 section 5.2), without query
/// and fragment; empty: another origin, or nothing to make out.
std::string same_origin_path(request const& asked, std::string_view reference);

}  // namespace sidecache::rules::http_cache
