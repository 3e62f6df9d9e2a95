#pragma once

#include "proxy/store/tag_value.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What replicas tell each other: over `sidecache:events` all of them, over `sidecache:acks:MEMBER`
/// that one. Payload, version 1:
///
///     "1" SP KIND SP FIELDS
///
///     1 fill_done OUTCOME LOCK_KEY      OUTCOME = "stored" | "not_stored" | "failed"
///     1 drop ROUND MEMBER TAGS          TAGS = "*" | *( LENGTH ":" TAG )    "*": everything
///     1 ack ROUND MEMBER
///
///     1 fill_done stored product:42:lock
///     1 drop 09ab…77 5f0c…e1 11:product:42*12:rule:details
///     1 ack 09ab…77 77d0…2b
///
/// ROUND names one publishing, 32 hex digits, never used twice: an acknowledgement of an earlier
/// one says nothing of what a near cache took in since. MEMBER is who sent the message, as in
/// `sidecache:members`. The last field runs to the end of the payload.
///
/// fill_done only wakes: whoever hears it reads the store as any hit does, and never takes content
/// from it (protocol.md section 2). A drop is obeyed and then acknowledged. What a receiver cannot
/// read might have been one: it drops everything, and acknowledges nothing.
namespace sidecache::store {

/// How a locked fill ended.
enum class fill_outcome : std::uint8_t {
    stored,      ///< the entry is in the store: read it
    not_stored,  ///< the upstream answered, but its answer is not for the store
    failed,      ///< no answer from the upstream
};
std::string_view name(fill_outcome o);

struct fill_done {
    fill_outcome outcome = fill_outcome::failed;
    std::string_view lock_key;  // a view of the payload
};

/// Appends the payload.
void format_to(std::string& out, fill_done const& e);

/// nullopt: another version, another kind, or malformed.
std::optional<fill_done> parse_fill_done(std::string_view payload);

struct drop_tags {
    id128 round;
    id128 member;
    bool everything = false;
    std::vector<std::string_view> tags;  // views of the payload
};
/// Longer than this a list of tags says "everything" instead: a message must not fill the buffers
/// that the server keeps for its subscribers.
inline constexpr std::size_t most_drop_bytes = 512 * 1024;

/// Appends the payload.
void format_drop_to(std::string& out,
                    id128 round,
                    id128 member,
                    std::span<std::string_view const> tags,
                    std::size_t most = most_drop_bytes);
/// nullopt: another version, another kind, or malformed.
std::optional<drop_tags> parse_drop(std::string_view payload);

struct drop_ack {
    id128 round;
    id128 member;
};
/// Appends the payload.
void format_to(std::string& out, drop_ack const& e);
/// nullopt: another version, another kind, or malformed.
std::optional<drop_ack> parse_ack(std::string_view payload);

}  // namespace sidecache::store
