#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/identity/source.hpp"
#include "rules/credential.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace sidecache::identity {

/// SHA-256 is as good a hash as there is: eight bytes of it.
struct hash_of_hash {
    std::size_t operator()(rules::credential_hash const& h) const {
        std::size_t out = 0;
        std::memcpy(&out, h.data(), sizeof out);
        return out;
    }
};

/// What is known of the callers, by the hash of their credentials: for the whole process, bounded,
/// each answer for as long as it may be believed. Any thread: a mutex a shard, held for a map's
/// look-up.
///
/// A credential that was not verified is remembered as such, so that a stranger who repeats one
/// does not make the backend work each time. Those have a quarter of the room to themselves and no
/// more: made-up credentials, one for each request, push each other out and nobody who was
/// verified. In either part the one that has not been seen for longest goes first.
class table {
public:
    struct known {
        /// Null: not verified.
        std::shared_ptr<verified const> who;
    };

    /// `max` credentials in all, within what their spread over shards costs; at least one of each
    /// kind.
    explicit table(std::size_t max);
    table(table const&) = delete;
    table& operator=(table const&) = delete;

    /// Nullopt: nothing is known, or no longer. Allocates nothing.
    std::optional<known> find(rules::credential_hash const& of, boot_clock::time_point now);
    /// Replaces what was known. `who` null: not verified. What was asked about earlier than what is
    /// known does not replace it, nor what was asked about at or before a `forget`.
    void put(rules::credential_hash const& of,
             std::shared_ptr<verified const> who,
             boot_clock::time_point until,
             boot_clock::time_point asked_at = boot_clock::time_point::max());
    /// Forgets everybody: what they were verified with until `now` does not count any longer.
    void forget(boot_clock::time_point now);
    /// What was verified of this one until `now` does not count any longer.
    void forget(rules::credential_hash const& of, boot_clock::time_point now);
    std::size_t size() const;

private:
    struct entry {
        rules::credential_hash of{};
        std::shared_ptr<verified const> who;
        boot_clock::time_point until;
        boot_clock::time_point asked_at;
    };
    struct shard {
        mutable std::mutex mutex;
        boot_clock::time_point forgotten_at = boot_clock::time_point::min();
        // The one used last is in front.
        std::list<entry> verified_order;
        std::list<entry> refused_order;
        std::unordered_map<rules::credential_hash, std::list<entry>::iterator, hash_of_hash> places;
        std::list<entry>& order_of(std::shared_ptr<verified const> const& who) {
            return who ? verified_order : refused_order;
        }
    };
    static constexpr std::size_t most_shards = 64;

    // Another byte than those that the map looks at.
    shard& shard_of(rules::credential_hash const& of) { return shards_[of[31] % shard_count_]; }

    // A small table is one shard, so that its bound is exact.
    std::size_t const shard_count_;
    // In one shard.
    std::size_t const most_verified_;
    std::size_t const most_refused_;
    std::array<shard, most_shards> shards_;
};

}  // namespace sidecache::identity
