#pragma once

#include "rules/http_cache/freshness.hpp"
#include "rules/request.hpp"

#include <optional>
#include <span>
#include <string_view>

/// Conditional requests answered from a stored response (RFC 9110 section 13, RFC 9111 section
/// 4.3.2).
namespace sidecache::rules::http_cache {

/// An entity tag (RFC 9110 section 8.8.3). A view.
struct entity_tag {
    std::string_view opaque;  ///< with its quotes
    bool weak = false;
};

/// `"abc"` or `W/"abc"`; nullopt for anything else (also `w/"abc"` and `abc`).
std::optional<entity_tag> read_entity_tag(std::string_view text);

/// RFC 9110 section 8.8.3.2.
bool strongly_equal(entity_tag const& a, entity_tag const& b);
bool weakly_equal(entity_tag const& a, entity_tag const& b);

enum class precondition : std::uint8_t {
    none,          ///< nothing to evaluate: the whole response answers
    modified,      ///< evaluated: the whole response answers
    not_modified,  ///< 304
};

/// What a request's If-None-Match and If-Modified-Since come to over a stored response (RFC 9110
/// section 13.2.2): If-None-Match first, by weak comparison; then, only without it,
/// If-Modified-Since by Last-Modified, or by Date where there is none (RFC 9111 section 4.3.2).
/// Only of a 2xx (RFC 9110 section 13.2.1).
precondition evaluate(request const& asked,
                      unsigned status,
                      std::span<field const> response,
                      unix_milliseconds now);

/// Whether a request has conditions that only the origin may evaluate (RFC 9111 section 4.3.2):
/// If-Match, If-Unmodified-Since.
bool is_for_origin(request const& asked);

/// Whether a field of a stored response belongs into a 304 that is made of it (RFC 9110 section
/// 15.4.5): Cache-Control, Content-Location, Date, ETag, Expires, Vary; Last-Modified where there
/// is no ETag; and what says how caches are to treat it.
bool belongs_into_304(std::string_view name, bool has_etag);

}  // namespace sidecache::rules::http_cache
