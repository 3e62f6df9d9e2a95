#pragma once

#include "proxy/async/event.hpp"
#include "proxy/async/scope.hpp"
#include "proxy/async/task.hpp"
#include "proxy/store/store.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace sidecache::cache {

/// Keeps a fill's lock alive: extends it each third of its time to live, from construction to
/// destruction. A lock that turns out to be somebody else's is let go: it is for load only. One
/// worker only; `store` and `owner` outlive it.
class lock_keeper {
public:
    lock_keeper(scope& owner,
                executor ex,
                store::store& store,
                std::string lock_key,
                store::id128 token,
                std::chrono::milliseconds ttl);
    lock_keeper(lock_keeper const&) = delete;
    lock_keeper& operator=(lock_keeper const&) = delete;
    ~lock_keeper();

private:
    struct state;
    std::shared_ptr<state> state_;
    static task<void> run(std::shared_ptr<state> s);
};

}  // namespace sidecache::cache
