#pragma once

#include "proxy/store/stream.hpp"

#include <chrono>
#include <memory>

namespace sidecache::store {

/// Closes a stream at a deadline, unless it is told before that all went well. The stream outlives
/// this, or its `release`.
class stream_deadline {
public:
    stream_deadline(stream& target, std::chrono::milliseconds timeout)
        : state_(std::make_shared<state>(target)) {
        state_->timer.expires_after(timeout);
        // The handler may run after this is gone.
        state_->timer.async_wait([s = state_](error_code ec) {
            if (!ec && s->target != nullptr) {
                s->passed = true;
                s->target->close();
            }
        });
    }
    ~stream_deadline() { release(); }
    stream_deadline(stream_deadline const&) = delete;
    stream_deadline& operator=(stream_deadline const&) = delete;

    void release() {
        state_->target = nullptr;
        state_->timer.cancel();
    }
    bool passed() const { return state_->passed; }

private:
    struct state {
        explicit state(stream& s) : target(&s), timer(s.get_executor()) {}
        stream* target;
        steady_timer timer;
        bool passed = false;
    };
    std::shared_ptr<state> state_;
};

}  // namespace sidecache::store
