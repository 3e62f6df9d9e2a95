#include "proxy/cache/event_channel.hpp"

#include "proxy/store/event_payload.hpp"

#include <boost/asio/post.hpp>

#include <utility>
#include <vector>

namespace sidecache::cache {

/// `bell` and `news` belong to the worker of `ex`.
struct event_channel::listener {
    listener(std::string_view k, executor e) : key(k), ex(e), bell(e) {}
    std::string key;
    executor ex;
    steady_timer bell;
    fill_news news = fill_news::none;
};

event_channel::listening::listening(event_channel& channel, std::shared_ptr<listener> me)
    : channel_(&channel), me_(std::move(me)) {}

event_channel::listening::~listening() {
    if (me_) {
        channel_->forget(*me_);
    }
}

task<fill_news> event_channel::listening::wait(std::chrono::steady_clock::time_point until) {
    auto const me = me_;
    me->bell.expires_at(until);
    while (me->news == fill_news::none && std::chrono::steady_clock::now() < until) {
        auto [ec] = co_await me->bell.async_wait(as_tuple);
        (void)ec;
    }
    co_return std::exchange(me->news, fill_news::none);
}

event_channel::listening event_channel::listen(std::string_view lock_key, executor ex) {
    auto me = std::make_shared<listener>(lock_key, ex);
    std::lock_guard const guard(mutex_);
    listeners_.emplace(me->key, me);
    return listening(*this, std::move(me));
}

void event_channel::dispatch(std::string_view payload) {
    auto const done = store::parse_fill_done(payload);
    if (!done) {
        return;
    }
    auto const news =
        done->outcome == store::fill_outcome::stored ? fill_news::stored : fill_news::not_stored;
    std::vector<std::shared_ptr<listener>> those;
    {
        std::lock_guard const guard(mutex_);
        auto const [first, last] = listeners_.equal_range(std::string(done->lock_key));
        for (auto l = first; l != last; ++l) {
            those.push_back(l->second);
        }
    }
    for (auto& l : those) {
        tell(std::move(l), news);
    }
}

void event_channel::lost() {
    std::vector<std::shared_ptr<listener>> all;
    {
        std::lock_guard const guard(mutex_);
        for (auto const& [key, l] : listeners_) {
            all.push_back(l);
        }
    }
    for (auto& l : all) {
        tell(std::move(l), fill_news::lost);
    }
}

void event_channel::tell(std::shared_ptr<listener> who, fill_news what) {
    auto const ex = who->ex;
    asio::post(ex, [who = std::move(who), what] {
        // `not_stored` is the more urgent word: nobody fills for those who wait.
        if (who->news != fill_news::not_stored) {
            who->news = what;
        }
        who->bell.cancel();
    });
}

void event_channel::forget(listener const& who) {
    std::lock_guard const guard(mutex_);
    auto const [first, last] = listeners_.equal_range(who.key);
    for (auto l = first; l != last; ++l) {
        if (l->second.get() == &who) {
            listeners_.erase(l);
            return;
        }
    }
}

std::size_t event_channel::listeners() const {
    std::lock_guard const guard(mutex_);
    return listeners_.size();
}

}  // namespace sidecache::cache
