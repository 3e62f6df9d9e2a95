#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/identity/source.hpp"
#include "rules/credential.hpp"

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace sidecache::identity {

/// What is known of the callers, by the hash of their credentials: for the whole process, bounded,
/// each answer for as long as it may be believed. Any thread: a mutex a shard, held for a map's
/// look-up.
///
/// A credential that was not verified is remembered as such, so that a stranger who repeats
/// himself does not make the backend work each time; strangers who make up a new one for each
/// request turn out each other and who has not been seen for long, since the one used least lately
/// goes first.
class table {
public:
    struct known {
        /// Null: not verified.
        std::shared_ptr<verified const> who;
    };

    /// `max` credentials in all.
    explicit table(std::size_t max);
    table(table const&) = delete;
    table& operator=(table const&) = delete;

    /// Nullopt: nothing is known, or no longer. Allocates nothing.
    std::optional<known> find(rules::credential_hash const& of, boot_clock::time_point now);
    /// Replaces what was known. `who` null: not verified.
    void put(rules::credential_hash const& of,
             std::shared_ptr<verified const> who,
             boot_clock::time_point until);
    std::size_t size() const;

private:
    struct entry {
        rules::credential_hash of{};
        std::shared_ptr<verified const> who;
        boot_clock::time_point until;
    };
    struct hasher {
        std::size_t operator()(rules::credential_hash const& h) const;
    };
    struct shard {
        mutable std::mutex mutex;
        std::list<entry> entries;  // the one used last is in front
        std::unordered_map<rules::credential_hash, std::list<entry>::iterator, hasher> places;
    };
    static constexpr std::size_t shard_count = 64;

    shard& shard_of(rules::credential_hash const& of) { return shards_[of[31] % shard_count]; }

    std::size_t const most_;  // in one shard
    std::array<shard, shard_count> shards_;
};

}  // namespace sidecache::identity
