#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What replicas tell each other over `sidecache:events`. A message only wakes: whoever hears one
/// reads the store as any hit does, and never takes content from it (protocol.md section 2).
///
/// Payload, version 1, one line of text; the last field runs to the end of the payload:
///
///     "1" SP KIND SP FIELDS
///
///     1 fill_done OUTCOME LOCK_KEY      OUTCOME = "stored" | "not_stored" | "failed"
///
///     1 fill_done stored product:42:lock
///
/// A receiver ignores what it does not know: other versions and kinds may share the channel while
/// replicas of two versions run side by side.
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

}  // namespace sidecache::store
