#pragma once

#include "proxy/async/clock.hpp"

#include <atomic>

namespace sidecache::store {

/// This replica's leave to serve from its near cache (protocol.md section 4): one word that every
/// hit reads and only the keeper of the lease writes. Any thread.
class lease {
public:
    /// Whether a near hit may be served at `now`. Read the clock for each request and ask right
    /// before the answer is written: after SIGSTOP a socket may be served before any timer fires,
    /// so no flag that a timer clears would do.
    bool holds(boot_clock::time_point now) const noexcept {
        return now.time_since_epoch().count() < until_.load(std::memory_order_acquire);
    }
    boot_clock::time_point until() const noexcept {
        return boot_clock::time_point(boot_clock::duration(until_.load(std::memory_order_acquire)));
    }

    /// REQUIRES: whatever the near cache may not serve any more has been dropped before.
    void grant(boot_clock::time_point end) noexcept {
        until_.store(end.time_since_epoch().count(), std::memory_order_release);
    }
    void revoke() noexcept { until_.store(0, std::memory_order_release); }
    /// For a store that nobody else writes to (`memory://`).
    void grant_for_ever() noexcept { grant(boot_clock::time_point::max()); }

private:
    std::atomic<boot_clock::rep> until_{0};  // since boot; 0: none
};

}  // namespace sidecache::store
