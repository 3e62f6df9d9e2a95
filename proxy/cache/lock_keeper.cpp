#include "proxy/cache/lock_keeper.hpp"

#include <utility>

namespace sidecache::cache {

struct lock_keeper::state {
    state(
        executor ex, store::store& s, std::string key, store::id128 t, std::chrono::milliseconds l)
        : timer(ex), store(s), lock_key(std::move(key)), token(t), ttl(l) {}
    steady_timer timer;
    store::store& store;
    std::string lock_key;
    store::id128 token;
    std::chrono::milliseconds ttl;
    bool over = false;
};

lock_keeper::lock_keeper(scope& owner,
                         executor ex,
                         store::store& store,
                         std::string lock_key,
                         store::id128 token,
                         std::chrono::milliseconds ttl)
    : state_(std::make_shared<state>(ex, store, std::move(lock_key), token, ttl)) {
    owner.spawn("keep a fill's lock", run(state_));
}

lock_keeper::~lock_keeper() {
    state_->over = true;
    state_->timer.cancel();
}

task<void> lock_keeper::run(std::shared_ptr<state> s) {
    while (!s->over) {
        s->timer.expires_after(s->ttl / 3);
        auto [ec] = co_await s->timer.async_wait(as_tuple);
        if (ec || s->over) {
            co_return;
        }
        auto const extended = co_await s->store.extend_lock(s->lock_key, s->token, s->ttl);
        // An error may pass: the next third tries again.
        if (extended && !*extended) {
            co_return;
        }
    }
}

}  // namespace sidecache::cache
