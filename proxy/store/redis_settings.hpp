#pragma once

#include "config/model.hpp"
#include "proxy/store/backoff.hpp"

#include <algorithm>
#include <chrono>

namespace sidecache::store {

/// What the Redis store takes from the configuration, with what follows from it. Immutable.
struct redis_settings {
    config::store where;
    std::chrono::milliseconds lease{500};
    /// The longest a marker may live: how long a quarantine lasts; zero: no quarantine.
    std::chrono::milliseconds quarantine{35'000};

    /// Identity checks, and renewals of the member's listing.
    std::chrono::milliseconds heartbeat() const {
        return std::max(lease / 3, std::chrono::milliseconds(10));
    }
    /// A server that is silent for that long beyond a deadline loses its connection.
    std::chrono::milliseconds patience() const {
        return std::max(4 * where.timeout, std::chrono::milliseconds(200));
    }
    /// Connecting, and each step of the handshake. Longer than a command may take: nobody waits
    /// for it beyond his own deadline, and a slow server should not be dialled again and again.
    std::chrono::milliseconds connect_timeout() const {
        return std::max(4 * where.timeout, std::chrono::milliseconds(1'000));
    }
    /// How long a member counts as alive after its last renewal. Long, since a member of other
    /// rules that is paused may come back and read; too long costs only what its rules are marked
    /// for in vain.
    std::chrono::milliseconds listing() const {
        return std::max({10 * lease, std::chrono::milliseconds(10'000), quarantine});
    }
};

}  // namespace sidecache::store
