#pragma once

#include "proxy/async/task.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sidecache::cache {

/// Content on its way from one coroutine to another of the same worker, one piece at a time, so
/// that either may end without the other: a mutation goes on when its client does not. One worker
/// only.
class handoff {
public:
    explicit handoff(executor const& ex);

    /// Waits until the receiver has taken the last piece, then leaves this one (copied). False:
    /// the receiver is gone.
    task<bool> put(std::string_view piece);
    /// No more pieces come; `whole`: because that was all. Only the first call counts.
    void finish(bool whole);

    enum class taken {
        piece,   ///< into `out`
        whole,   ///< that was all
        broken,  ///< the sender is gone before its end
        due,     ///< `until` has come: nothing was taken
    };
    /// Waits for the next piece. Whether `until` has come is looked at first.
    task<taken> take(std::string& out,
                     std::optional<std::chrono::steady_clock::time_point> until = std::nullopt);
    /// The receiver takes no more.
    void leave();

private:
    std::string piece_;
    bool full_ = false;
    bool finished_ = false;
    bool whole_ = false;
    bool left_ = false;
    steady_timer filled_;
    steady_timer emptied_;
};

}  // namespace sidecache::cache
