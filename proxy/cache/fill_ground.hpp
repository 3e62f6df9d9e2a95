#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/fill.hpp"
#include "proxy/cache/validity.hpp"
#include "proxy/store/store.hpp"
#include "rules/storable.hpp"

#include <chrono>
#include <optional>

namespace sidecache::cache {

/// What a fill stands on: the snapshot under whose generations its response will be stored, and
/// the lock, if any.
struct fill_ground {
    /// Nullopt: the store did not answer, so nothing will be stored.
    std::optional<store::fill_ground> snapshot;
    /// A purge that the store has not had yet covers the tags: as if each were marked.
    bool pending_purge = false;
    /// `ttl: origin`: what the snapshot saw of the tag that changes with any group.
    std::optional<store::tag_reading> any_group;
    /// A valid entry turned up: nothing is left to fill. Under a plain key it may be for other
    /// values of the fields that it varies on.
    std::shared_ptr<std::string const> found;
    /// It turned up after waiting for another process.
    bool waited = false;
    /// The lock, to be released at the end. `maybe`: a `begin_fill` that failed may have taken it.
    enum class lock { none, maybe, held } lock = lock::none;
    store::id128 token;

    /// Why a response fetched now may not be stored; nullopt: it may.
    std::optional<rules::not_stored> hindrance() const;
    /// What joiners have to have seen (protocol.md section 2).
    sight seen(moment const& at) const;
};

/// One look at the store (`store::begin_fill`), judged.
struct looked {
    bool answered = false;
    /// A valid entry, or one that is valid for other values of the fields that it varies on.
    bool hit = false;
    bool is_other_variant = false;
    /// hit: what is left of its life.
    std::chrono::milliseconds life_left{0};
    store::lock_state lock = store::lock_state::none;
};

/// Takes a snapshot into `ground`, and the lock where `lock_ttl` is given (`ground.token`,
/// `order.wanted.lock_key`). Waits for nobody.
task<looked> look(worker_parts const& parts,
                  fill_order const& order,
                  fill_ground& ground,
                  std::chrono::milliseconds const* lock_ttl);

/// Snapshot, lock and entry, and the wait for whoever holds the lock: until there is either an
/// entry or the right to ask the upstream. `use_lock` false: the rule's lock is left alone.
task<fill_ground> take_ground(worker_parts const& parts, fill_order const& order, bool use_lock);

/// Another snapshot in place of one that has grown old in the queue of the gate; the lock stays as
/// it is. `ground.found` may be set.
task<void> renew_ground(worker_parts const& parts, fill_order const& order, fill_ground& ground);

/// Gives the lock back, if there is one to give.
task<void> release_ground(worker_parts const& parts,
                          fill_order const& order,
                          fill_ground& ground,
                          store::fill_outcome outcome);

}  // namespace sidecache::cache
