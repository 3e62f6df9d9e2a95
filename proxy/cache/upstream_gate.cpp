#include "proxy/cache/upstream_gate.hpp"

#include <boost/asio/post.hpp>

namespace sidecache::cache {

/// Somebody in the queue. `bell` belongs to its worker: it is only touched there.
struct upstream_gate::waiter {
    waiter(executor e, std::chrono::milliseconds patience) : ex(e), bell(e, patience) {}
    executor ex;
    steady_timer bell;
};

gate_permit::~gate_permit() {
    if (gate_ != nullptr) {
        gate_->leave(rule_);
    }
}

task<admission> upstream_gate::enter(executor ex,
                                     std::string_view rule,
                                     gate_limits limits,
                                     std::chrono::milliseconds patience) {
    admission out;
    gate_queue::ticket mine = 0;
    std::shared_ptr<waiter> me;
    {
        std::lock_guard const guard(mutex_);
        mine = ++last_ticket_;
        auto const answer = queue_.enter(mine, rule, limits);
        if (answer == gate_queue::answer::admitted) {
            out.permit.emplace(gate_permit(*this, rule));
            co_return out;
        }
        if (answer == gate_queue::answer::full) {
            out.why_not = admission::refusal::queue_full;
            co_return out;
        }
        me = std::make_shared<waiter>(ex, patience);
        waiters_.emplace(mine, me);
    }
    // Leaves the queue, or gives the room back, whenever this frame goes: also when a cancelled
    // coroutine is unwound.
    struct place {
        upstream_gate& gate;
        gate_queue::ticket who;
        std::string_view rule;
        bool kept = false;
        ~place() {
            if (!kept && !gate.withdraw(who)) {
                gate.leave(rule);
            }
        }
    };
    out.queued = true;
    place here{*this, mine, rule};
    auto [ec] = co_await me->bell.async_wait(as_tuple);
    (void)ec;
    // It may have been admitted while the bell rang by itself: the queue knows, under its lock.
    here.kept = true;
    if (withdraw(mine)) {
        out.why_not = admission::refusal::too_slow;
    } else {
        out.permit.emplace(gate_permit(*this, rule));
    }
    co_return out;
}

void upstream_gate::leave(std::string_view rule) {
    std::vector<gate_queue::ticket> admitted;
    std::vector<std::shared_ptr<waiter>> woken;
    {
        std::lock_guard const guard(mutex_);
        queue_.leave(rule, admitted);
        for (auto const who : admitted) {
            auto const found = waiters_.find(who);
            woken.push_back(std::move(found->second));
            waiters_.erase(found);
        }
    }
    for (auto& w : woken) {
        auto const ex = w->ex;
        asio::post(ex, [w = std::move(w)] { w->bell.cancel(); });
    }
}

bool upstream_gate::withdraw(gate_queue::ticket who) {
    std::shared_ptr<waiter> gone;  // its timer goes on its own worker: whoever withdraws is there
    std::lock_guard const guard(mutex_);
    if (!queue_.withdraw(who)) {
        return false;
    }
    auto const found = waiters_.find(who);
    gone = std::move(found->second);
    waiters_.erase(found);
    return true;
}

std::size_t upstream_gate::in_flight() const {
    std::lock_guard const guard(mutex_);
    return queue_.in_flight();
}

std::size_t upstream_gate::queued() const {
    std::lock_guard const guard(mutex_);
    return queue_.queued();
}

}  // namespace sidecache::cache
