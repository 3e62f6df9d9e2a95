#pragma once

#include "proxy/async/task.hpp"

namespace sidecache {

/// A condition that coroutines of one worker wait on. One worker only; to set it from another
/// thread, post to this worker's executor. A waiter checks its predicate again after waking.
class event {
public:
    explicit event(executor const& ex) : timer_(ex, std::chrono::steady_clock::time_point::max()) {}

    /// Wakes everybody who waits now.
    void notify_all() { timer_.cancel(); }

    /// Waits until somebody notifies.
    task<void> wait() {
        auto [ec] = co_await timer_.async_wait(as_tuple);
        (void)ec;
    }

private:
    steady_timer timer_;
};

}  // namespace sidecache
