#pragma once

#include "proxy/async/clock.hpp"

#include <atomic>
#include <chrono>

namespace sidecache::store {

/// What has to pass until nobody can hold a lease any more: a full one and 10 % + 10 ms, since
/// clocks only run at about the same rate (protocol.md section 3.3).
inline std::chrono::nanoseconds full_lease(std::chrono::nanoseconds lease) {
    return lease + lease / 10 + std::chrono::milliseconds(10);
}

/// This replica's leave to serve from its near cache (protocol.md section 4): one word that every
/// hit reads and only the keeper of the lease writes (`membership`). Any thread.
class lease {
public:
    /// Whether a near hit may be served at `now`. Read the clock for each request and ask right
    /// before the answer is written: after SIGSTOP a socket may be served before any timer fires,
    /// so no flag that a timer clears would do.
    bool holds(boot_clock::time_point now) const noexcept {
        return now.time_since_epoch().count() < until_.load(std::memory_order_acquire);
    }
    /// The epoch: none.
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
