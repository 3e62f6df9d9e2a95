#pragma once

#include "rules/request.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Groups of responses that are made stale together (RFC 9875). A group is a tag; which groups a
/// response belongs to is known from the response alone, so that an entry carries tags that its
/// request does not tell (proxy/cache/entry_groups.hpp).
namespace sidecache::rules::http_cache {

/// Begins the tag of every group.
inline constexpr std::string_view group_prefix = "cache-group:";

/// Changes whenever any group is invalidated. No entry needs it but one whose groups could not be
/// told, or are more than `max_groups`: that one goes with any of them.
inline constexpr std::string_view any_group = "cache-group:*";

/// RFC 9875 section 2 asks for 32.
inline constexpr std::size_t max_groups = 64;

/// `cache-group:NAME`, the name escaped as values in keys are.
std::string group_tag(std::string_view name);

inline bool is_group_tag(std::string_view tag) {
    return tag.starts_with(group_prefix);
}

/// The tags of the groups that a response says it belongs to, sorted, without duplicates: the
/// strings of Cache-Groups (RFC 9875 section 2), and the words of Surrogate-Key. A Cache-Groups
/// that is no list of strings is `any_group`: too much goes, never too little.
std::vector<std::string> group_tags_of(std::span<field const> response);

/// What Cache-Group-Invalidation of an answer names (RFC 9875 section 3).
struct named_groups {
    std::vector<std::string> tags{};  ///< sorted, without duplicates
    /// It is no list of strings: what it means nobody knows.
    bool is_unreadable = false;
};
named_groups invalidated_groups(std::span<field const> response);

}  // namespace sidecache::rules::http_cache
