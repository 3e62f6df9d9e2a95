#pragma once

#include "proxy/async/task.hpp"

#include <chrono>
#include <functional>

namespace sidecache {

class deadline;

/// Looks at every deadline of one worker a few times a second, so that arming one costs a store
/// and no timer: requests are many, timeouts are rare. One worker only.
class sweeper {
public:
    using clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds tick{100};

    explicit sweeper(executor const& ex);
    sweeper(sweeper const&) = delete;
    sweeper& operator=(sweeper const&) = delete;
    ~sweeper();

    /// The time at the last tick.
    clock::time_point now() const { return now_; }
    /// Sweeps until `stop`. Spawn it once.
    task<void> run();
    void stop();
    /// Called at every tick: for work that is due now and then.
    std::function<void()> on_tick;

private:
    friend class deadline;
    void sweep();

    steady_timer timer_;
    clock::time_point now_ = clock::now();
    deadline* first_ = nullptr;
    bool stopped_ = false;
};

/// A coarse deadline: never early, at most two ticks late. When it passes, `expired()` becomes
/// true and `on_expiry` is called once, on the worker's thread, from the sweeper: it may cancel
/// operations and wake waiters; it must not destroy or arm deadlines. One worker only.
class deadline {
public:
    deadline(sweeper& owner, std::function<void()> on_expiry);
    deadline(deadline const&) = delete;
    deadline& operator=(deadline const&) = delete;
    ~deadline();

    void arm(std::chrono::milliseconds from_now) {
        at_ = owner_.now() + sweeper::tick + from_now;
        expired_ = false;
        paused_ = false;
    }
    /// No longer: `expired()` is false afterwards.
    void disarm() {
        at_ = sweeper::clock::time_point::max();
        expired_ = false;
        paused_ = false;
    }
    bool expired() const { return expired_; }
    /// Stands still until `resume`: what is being waited for then is not what it bounds.
    void pause() {
        if (at_ != sweeper::clock::time_point::max()) {
            left_ = at_ - owner_.now();
            at_ = sweeper::clock::time_point::max();
            paused_ = true;
        }
    }
    /// Runs on with what was left; nothing when it was not paused, or was armed since.
    void resume() {
        if (paused_) {
            at_ = owner_.now() + left_;
            paused_ = false;
        }
    }

private:
    friend class sweeper;

    sweeper& owner_;
    std::function<void()> on_expiry_;
    sweeper::clock::time_point at_ = sweeper::clock::time_point::max();
    deadline* previous_ = nullptr;
    deadline* next_ = nullptr;
    sweeper::clock::duration left_{0};
    bool expired_ = false;
    bool paused_ = false;
};

}  // namespace sidecache
