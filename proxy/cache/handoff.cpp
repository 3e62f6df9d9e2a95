#include "proxy/cache/handoff.hpp"

#include <utility>

namespace sidecache::cache {

namespace {

constexpr auto never = std::chrono::steady_clock::time_point::max();

}  // namespace

handoff::handoff(executor const& ex) : filled_(ex, never), emptied_(ex, never) {}

task<bool> handoff::put(std::string_view piece) {
    while (full_ && !left_) {
        auto [ec] = co_await emptied_.async_wait(as_tuple);
        (void)ec;
    }
    if (left_) {
        co_return false;
    }
    piece_.assign(piece);
    full_ = true;
    filled_.cancel();
    co_return true;
}

void handoff::finish(bool whole) {
    if (finished_) {
        return;
    }
    finished_ = true;
    whole_ = whole;
    filled_.cancel();
}

task<handoff::taken> handoff::take(std::string& out,
                                   std::optional<std::chrono::steady_clock::time_point> until) {
    for (;;) {
        if (until && std::chrono::steady_clock::now() >= *until) {
            co_return taken::due;
        }
        if (full_) {
            std::swap(out, piece_);
            full_ = false;
            emptied_.cancel();
            co_return taken::piece;
        }
        if (finished_) {
            co_return whole_ ? taken::whole : taken::broken;
        }
        filled_.expires_at(until.value_or(never));
        auto [ec] = co_await filled_.async_wait(as_tuple);
        (void)ec;
    }
}

void handoff::leave() {
    left_ = true;
    emptied_.cancel();
}

}  // namespace sidecache::cache
