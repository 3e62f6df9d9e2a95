#pragma once

#include "proxy/store/store.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <chrono>
#include <cstdint>

namespace sidecache::cache {

/// How one fill deals with its rule's lock across processes (design.md section 6): a machine
/// without I/O. It starts with `begin_fill`, which tries the lock; each answer is given here, and
/// what comes back is the next step.
///
///     look ──acquired─────────────────────────────> fetch (with the lock)
///       └──held──> wait ──message, lost messages──> look
///                   ├────poll_every─> poll ──held─> wait
///                   │                   └──free───> look          the holder vanished
///                   └────limit──────> look ──held─> fetch (without)
///
/// The lock is for load only: nothing rests on it, so every doubt ends in a fetch. A value; one
/// thread.
class fill_lock {
public:
    using time_point = std::chrono::steady_clock::time_point;
    enum class step : std::uint8_t {
        fetch,  ///< ask the upstream; `holds()` tells whether with the lock
        look,   ///< `begin_fill` again: a new snapshot, the entry, and another try at the lock
        wait,   ///< for a message, until `wake_at()`
        poll,   ///< ask `lock_held`
    };

    explicit fill_lock(std::chrono::milliseconds limit,
                       std::chrono::milliseconds poll_every = std::chrono::milliseconds(100))
        : limit_(limit), poll_every_(poll_every) {}

    /// `begin_fill` has answered, and its entry was no hit.
    step on_look(store::lock_state state, time_point now);
    /// `begin_fill` or `lock_held` has failed: nobody to wait for.
    step on_store_error() { return step::fetch; }
    /// The lock was released. `stored`: by an entry; otherwise its fill failed or was not for the
    /// cache, so that waiting for the next holder would only put one fetch behind another.
    step on_message(bool stored);
    /// Messages may have been missed.
    step on_lost() { return step::look; }
    /// `wake_at()` has come.
    step on_time(time_point now);
    step on_polled(bool held, time_point now);

    time_point wake_at() const;
    bool holds() const { return holds_; }
    /// Whether it was held by somebody else at first.
    bool waited() const { return waited_; }
    /// What became of it, for the metric: asked once, at the end. `found`: a valid entry turned up.
    telemetry::lock_outcome outcome(bool found) const;

private:
    std::chrono::milliseconds limit_;
    std::chrono::milliseconds poll_every_;
    time_point deadline_{};  // once `waited_`
    time_point next_poll_{};
    bool waited_ = false;
    bool holds_ = false;
    bool timed_out_ = false;
    bool go_anyway_ = false;
};

}  // namespace sidecache::cache
