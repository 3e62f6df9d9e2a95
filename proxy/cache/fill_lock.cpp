#include "proxy/cache/fill_lock.hpp"

#include <algorithm>

namespace sidecache::cache {

fill_lock::step fill_lock::on_look(store::lock_state state, time_point now) {
    if (state != store::lock_state::held) {
        holds_ = state == store::lock_state::acquired;
        return step::fetch;
    }
    if (!waited_) {
        waited_ = true;
        deadline_ = now + limit_;
    }
    if (go_anyway_ || now >= deadline_) {
        timed_out_ = timed_out_ || now >= deadline_;
        return step::fetch;
    }
    next_poll_ = now + poll_every_;
    return step::wait;
}

fill_lock::step fill_lock::on_message(bool stored) {
    go_anyway_ = go_anyway_ || !stored;
    return step::look;
}

fill_lock::step fill_lock::on_time(time_point now) {
    if (now >= deadline_) {
        timed_out_ = true;
        go_anyway_ = true;
        return step::look;
    }
    return now >= next_poll_ ? step::poll : step::wait;
}

fill_lock::step fill_lock::on_polled(bool held, time_point now) {
    if (!held) {
        return step::look;
    }
    next_poll_ = now + poll_every_;
    return now >= deadline_ ? on_time(now) : step::wait;
}

fill_lock::time_point fill_lock::wake_at() const {
    return std::min(next_poll_, deadline_);
}

telemetry::lock_outcome fill_lock::outcome(bool found) const {
    if (!waited()) {
        return telemetry::lock_outcome::acquired;
    }
    if (found) {
        return telemetry::lock_outcome::waited;
    }
    return timed_out_ ? telemetry::lock_outcome::timeout : telemetry::lock_outcome::lost;
}

}  // namespace sidecache::cache
