#include "proxy/async/deadline.hpp"

#include <cassert>
#include <utility>

namespace sidecache {

sweeper::sweeper(executor const& ex) : timer_(ex) {}

sweeper::~sweeper() {
    assert(!first_ && "a deadline outlives its sweeper");
}

task<void> sweeper::run() {
    while (!stopped_) {
        timer_.expires_after(tick);
        auto [ec] = co_await timer_.async_wait(as_tuple);
        if (ec) {
            break;
        }
        sweep();
    }
}

void sweeper::stop() {
    stopped_ = true;
    timer_.cancel();
}

void sweeper::sweep() {
    now_ = clock::now();
    for (auto* d = first_; d; d = d->next_) {
        if (d->at_ <= now_) {
            d->at_ = clock::time_point::max();
            d->expired_ = true;
            d->on_expiry_();
        }
    }
    if (on_tick) {
        on_tick();
    }
}

deadline::deadline(sweeper& owner, std::function<void()> on_expiry)
    : owner_(owner), on_expiry_(std::move(on_expiry)), next_(owner.first_) {
    if (next_) {
        next_->previous_ = this;
    }
    owner_.first_ = this;
}

deadline::~deadline() {
    (previous_ ? previous_->next_ : owner_.first_) = next_;
    if (next_) {
        next_->previous_ = previous_;
    }
}

}  // namespace sidecache
