#include "proxy/store/breaker.hpp"

#include <algorithm>

namespace sidecache::store {

breaker::breaker(unsigned failures, std::chrono::milliseconds open_for)
    : limit_(std::max(1U, failures)), open_for_(open_for) {}

bool breaker::admits(time_point now) {
    switch (state_) {
        case state::closed:
            return true;
        case state::open:
        case state::trial:
            // A trial that never reported (its caller was destroyed) must not shut the door for
            // ever: after another rest somebody else tries.
            if (now < until_) {
                return false;
            }
            state_ = state::trial;
            until_ = now + open_for_;
            return true;
    }
    return true;
}

void breaker::succeeded() {
    state_ = state::closed;
    failures_ = 0;
}

void breaker::failed(time_point now) {
    switch (state_) {
        case state::closed:
            if (++failures_ < limit_) {
                return;
            }
            break;
        case state::open:
            return;  // asked before it opened: nothing new
        case state::trial:
            break;
    }
    state_ = state::open;
    until_ = now + open_for_;
}

void breaker::count(store_error outcome, time_point now) {
    switch (outcome) {
        case store_error::ok:
        case store_error::refused:
        case store_error::malformed:
            succeeded();  // it answers, whatever it says
            break;
        case store_error::unreachable:
        case store_error::timeout:
        case store_error::not_primary:
            failed(now);
            break;
        case store_error::breaker_open:
            break;
    }
}

void breaker::shown_alive(time_point now) {
    if (state_ == state::open) {
        until_ = now;
    }
}

}  // namespace sidecache::store
