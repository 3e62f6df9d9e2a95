#include "proxy/store/membership.hpp"

#include <algorithm>
#include <utility>

namespace sidecache::store {

namespace {

// Others' records that have lapsed harm nobody but take room.
constexpr std::uint64_t clean_every = 16;

}  // namespace

membership::membership(std::chrono::nanoseconds length, time_point now)
    : length_(length), longest_(length), unsettled_until_(now + full_lease(length)) {}

void membership::serve_near(std::function<void()> empty) {
    std::scoped_lock const guard(mutex_);
    empty_ = std::move(empty);
}

bool membership::leave_near() {
    std::scoped_lock const guard(mutex_);
    if (!empty_ || std::exchange(left_, true)) {
        return false;
    }
    held_.revoke();
    empty_();
    return true;
}

void membership::subscribed(id128 server, time_point now) {
    std::scoped_lock const guard(mutex_);
    ++subscription_;
    subscribed_at_ = server;
    ping_sent_.reset();
    renewal_sent_.reset();
    lose(now);  // whatever was said before
}

void membership::ponged(time_point sent_at, time_point now) {
    std::scoped_lock const guard(mutex_);
    if (!subscribed_at_) {
        return;
    }
    ping_sent_ = std::max(ping_sent_.value_or(sent_at), sent_at);
    update(now);
}

void membership::unsubscribed(time_point now) {
    std::scoped_lock const guard(mutex_);
    if (!subscribed_at_) {
        return;
    }
    subscribed_at_.reset();
    ping_sent_.reset();
    renewal_sent_.reset();
    lose(now);
}

membership::renewal membership::renew(bool carries, time_point now) {
    std::scoped_lock const guard(mutex_);
    renewal r;
    r.count = ++renewals_;
    r.near = !carries ? '=' : may_serve() ? '1' : '0';
    r.subscription = subscription_;
    r.sent_at = now;
    r.cleans = r.count % clean_every == 1;
    return r;
}

void membership::renewed(
    renewal const& what, listed how, id128 join, id128 server, time_point now) {
    std::scoped_lock const guard(mutex_);
    if (how == listed::overtaken || server != server_) {
        return;  // a later one has told, or will
    }
    if (how == listed::anew || join != join_) {
        join_ = join;
        lose(now);
    }
    if (what.near == '1' && subscribed_at_ && what.subscription == subscription_) {
        renewal_sent_ = std::max(renewal_sent_.value_or(what.sent_at), what.sent_at);
        update(now);
    }
}

void membership::met(id128 server, time_point now) {
    std::scoped_lock const guard(mutex_);
    if (server_ == server) {
        return;
    }
    server_ = server;
    join_.reset();
    renewal_sent_.reset();
    lose(now);
}

std::optional<id128> membership::server() const {
    std::scoped_lock const guard(mutex_);
    return server_;
}

void membership::seen_as(std::optional<id128> join, time_point now) {
    std::scoped_lock const guard(mutex_);
    if (!join || join != join_) {
        unsettled_until_ = std::max(unsettled_until_, now + full_lease(longest_));
    }
}

void membership::note_lease(std::chrono::nanoseconds length) {
    std::scoped_lock const guard(mutex_);
    longest_ = std::max(longest_, length);
}

bool membership::is_settled(time_point now) const {
    std::scoped_lock const guard(mutex_);
    return now >= unsettled_until_;
}

std::chrono::nanoseconds membership::longest_lease() const {
    std::scoped_lock const guard(mutex_);
    return longest_;
}

membership::status membership::describe(time_point now) const {
    std::scoped_lock const guard(mutex_);
    status s;
    s.serves_near = empty_ != nullptr && !left_;
    s.holds_lease = held_.holds(now);
    s.is_subscribed = subscribed_at_.has_value();
    s.is_listed = join_.has_value();
    s.is_settled = now >= unsettled_until_;
    return s;
}

// First no hit any more, then nothing left to hit; a grant comes later, under the same lock.
void membership::lose(time_point now) {
    unsettled_until_ = std::max(unsettled_until_, now + full_lease(longest_));
    if (empty_) {
        held_.revoke();
        empty_();
    }
}

void membership::update(time_point now) {
    if (!may_serve() || !ping_sent_ || !renewal_sent_) {
        return;  // what took any of these away has revoked the lease
    }
    auto const end = std::min(*ping_sent_, *renewal_sent_) + length_;
    if (end <= now) {
        return;  // the other half is still to come
    }
    auto const before = held_.until();
    if (before != time_point{} && before <= now) {
        empty_();  // it had lapsed: begin with nothing
    }
    held_.grant(end);
}

bool membership::may_serve() const {
    return empty_ != nullptr && !left_ && subscribed_at_ && subscribed_at_ == server_;
}

}  // namespace sidecache::store
