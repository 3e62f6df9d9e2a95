#pragma once

#include "rules/http_cache/conditional.hpp"
#include "rules/request.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Asking the origin whether a stored response is still good, and what its answer makes of it (RFC
/// 9111 sections 3.2 and 4.3).
namespace sidecache::rules::http_cache {

/// Begins the opaque text of an entity tag that this cache has made, from the content, for a
/// response without one. The origin does not know it: it is never sent there by ourselves.
inline constexpr std::string_view own_tag_begin = "\"sidecache-";

/// `"sidecache-0123..."` of a content's 128-bit hash: a strong tag, since the same tag means the
/// same bytes.
std::string own_entity_tag(std::uint64_t high, std::uint64_t low);

/// What a stored response can be validated by, as far as the origin knows it.
struct validators {
    std::string_view etag;  ///< as it came, also where it is malformed; empty: none
    std::string_view last_modified;
    bool is_strong = false;  ///< `etag` is a strong entity tag

    bool any() const { return !etag.empty() || !last_modified.empty(); }
};
validators validators_of(std::span<field const> response);

/// Whether a stored response may be validated at all. `purged`: a mutation has made it invalid, so
/// that only a tag that stands for the very bytes tells whether it is good again (protocol.md
/// section 2).
bool may_validate(validators const& v, bool purged);

/// The fields that make a request conditional (section 4.3.1), by name and value: If-None-Match
/// with the entity tag, If-Modified-Since with the date. With `purged`, the tag alone.
std::vector<field> condition_of(validators const& v, bool purged);

/// Whether a 304 is about the stored response that was validated (section 4.3.4): by its strong
/// entity tag, else by what validators it has, else because nothing else was asked about.
bool is_about(std::span<field const> not_modified, validators const& stored);

/// Whether a field of a newer response replaces what is stored under its name (section 3.2): all
/// but Content-Length, Content-Encoding, Content-Range and ETag's like, which belong to the stored
/// content, and what is not stored at all.
bool is_updated(std::string_view name);

/// The stored fields as the newer ones make them (section 3.2): each that `is_updated` replaces
/// all stored lines of its name; the rest stays. Views of both.
std::vector<field> updated_fields(std::span<field const> stored, std::span<field const> newer);

/// Whether a 200 to a HEAD tells that a stored response is no longer what the origin has (section
/// 4.3.5): another ETag, Last-Modified or Content-Length.
bool head_differs(std::span<field const> stored,
                  std::uint64_t stored_length,
                  std::span<field const> head,
                  std::optional<std::uint64_t> head_length);

}  // namespace sidecache::rules::http_cache
