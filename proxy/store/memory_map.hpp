#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/expiring_lru.hpp"
#include "proxy/store/memory_index.hpp"
#include "proxy/store/tag_value.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::store {

/// What `memory://` keeps, for all workers: entries, tags, locks and the indexes of tags, in
/// shards with a lock each, bounded in bytes.
///
/// What goes first when a shard is full: entries, least recently used first; then indexes (a purge
/// then leaves its dead entries to their expiry); then tags without marks (a missing tag is no
/// hit). A tag with a mark never goes: evicted with its marker in mid-mutation it would let old
/// data in (protocol.md section 1).
///
/// Any thread. Times are one clock's Unix ms, the caller's.
class memory_map {
public:
    explicit memory_map(std::uint64_t bytes);

    std::shared_ptr<std::string const> find_entry(std::string_view key, unix_ms now);
    /// False: larger than a shard may be; nothing is stored, and what was there is gone.
    bool put_entry(std::string_view key,
                   std::shared_ptr<std::string const> bytes,
                   unix_ms expires_at,
                   unix_ms now);
    bool remove_entry(std::string_view key);
    /// Removes it unless its bytes hold `sign` (see `append_tag_bytes`). Returns the expiry of an
    /// entry that was spared; nullopt: there is none any more.
    std::optional<unix_ms> remove_entry_without(std::string_view key,
                                                std::string_view sign,
                                                unix_ms now);

    tag_reading find_tag(std::string_view tag, unix_ms now);
    /// Runs `change` on the tag under its shard's lock, and keeps what it returns.
    using tag_change = std::function<stored_tag(std::optional<stored_tag>)>;
    void change_tag(std::string_view tag, unix_ms now, tag_change const& change);

    /// True: it was free, and is `token`'s until `expires_at`.
    bool take_lock(std::string_view key, id128 token, unix_ms expires_at, unix_ms now);
    bool extend_lock(std::string_view key, id128 token, unix_ms expires_at, unix_ms now);
    bool release_lock(std::string_view key, id128 token, unix_ms now);
    bool has_lock(std::string_view key, unix_ms now);

    /// Notes that an entry carries a tag, until the entry's expiry.
    void note(std::string_view tag, std::string_view key, unix_ms expires_at, unix_ms now);
    /// Whether the tag's index holds that key, or fewer than `most` keys; what is past does not
    /// count.
    bool has_room(std::string_view tag, std::string_view key, std::uint64_t most, unix_ms now);
    /// Takes one key out of a tag's index.
    void forget_noted(std::string_view tag, std::string_view key, unix_ms now);
    /// Takes up to `most` keys out of a tag's index.
    std::vector<std::string> take_noted(std::string_view tag, std::size_t most, unix_ms now);

    std::size_t weight() const;

private:
    struct alignas(64) shard {
        mutable std::mutex mutex;
        expiring_lru<std::shared_ptr<std::string const>> entries;
        expiring_lru<stored_tag> tags;
        expiring_lru<id128> locks;
        expiring_lru<memory_index> indexes;
        std::size_t weight() const;
    };

    shard& shard_of(std::string_view key);
    void make_room(shard& s, unix_ms now) const;

    std::vector<shard> shards_;
    std::size_t bytes_a_shard_;
};

}  // namespace sidecache::store
