#include "proxy/store/rules_watch.hpp"

#include <algorithm>

namespace sidecache::store {

void rules_watch::announced() {
    std::scoped_lock const guard(mutex_);
    announced_ = true;
    publish();
}

void rules_watch::join_anew() {
    std::scoped_lock const guard(mutex_);
    joined_ = false;
    publish();
}

bool rules_watch::asks_who() const {
    std::scoped_lock const guard(mutex_);
    return !joined_;
}

void rules_watch::renewed(bool was_listed,
                          std::optional<others> const& who,
                          time_point sent_at,
                          std::chrono::nanoseconds listing,
                          time_point now) {
    std::scoped_lock const guard(mutex_);
    joined_ = joined_ && was_listed;
    if (who) {
        others_seen_ = who->any ? std::optional(now) : std::nullopt;
        if (!joined_ && who->other_rules) {
            quiet_until_ = std::max(quiet_until_, now + life_);
            has_to_forget_ = true;
        }
        joined_ = true;
    }
    listed_until_ = std::max(listed_until_, sent_at + listing);
    publish();
}

void rules_watch::forget_older() {
    std::scoped_lock const guard(mutex_);
    has_to_forget_ = true;
    publish();
}

bool rules_watch::has_to_forget() const {
    std::scoped_lock const guard(mutex_);
    return has_to_forget_;
}

void rules_watch::forgotten() {
    std::scoped_lock const guard(mutex_);
    has_to_forget_ = false;
    publish();
}

bool rules_watch::is_quiet(time_point now) const noexcept {
    auto const at = now.time_since_epoch().count();
    return at < from_.load(std::memory_order_acquire) ||
           at >= until_.load(std::memory_order_acquire);
}

rules_watch::time_point rules_watch::others_over(std::chrono::nanoseconds life) const {
    std::scoped_lock const guard(mutex_);
    return others_seen_ ? *others_seen_ + std::max(life_, life) : time_point{};
}

// REQUIRES: mutex_.
void rules_watch::publish() {
    auto from = time_point{};
    auto until = time_point::max();
    if (announced_ && life_ > std::chrono::nanoseconds::zero()) {
        from = joined_ && !has_to_forget_ ? quiet_until_ : time_point::max();
        until = listed_until_;
    }
    // Late to begin and early to end: whoever reads one of each is quiet if either says so.
    from_.store(from.time_since_epoch().count(), std::memory_order_release);
    until_.store(until.time_since_epoch().count(), std::memory_order_release);
}

}  // namespace sidecache::store
