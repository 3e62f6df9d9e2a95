#pragma once

#include <algorithm>
#include <chrono>

namespace sidecache::cache {

/// So many a second, evenly: a token bucket that holds one token, since whoever fetches ahead has
/// no reason for a burst. A machine without a clock. One thread.
class pace {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// REQUIRES: per_second > 0.
    explicit pace(unsigned per_second)
        : gap_(std::chrono::nanoseconds(1'000'000'000) / per_second) {}

    /// Takes the next token: when it may be used, `now` or later.
    time_point take(time_point now) {
        auto const at = std::max(next_, now);
        next_ = at + gap_;
        return at;
    }

private:
    std::chrono::nanoseconds gap_;
    time_point next_{};
};

}  // namespace sidecache::cache
