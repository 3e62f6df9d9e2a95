#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sidecache::store {

/// How long to rest between attempts to connect: 10 ms, doubled up to 1 s, each time shortened by a
/// random part of up to a half, so that replicas do not come back in step. One thread.
class backoff {
public:
    static constexpr std::chrono::milliseconds first{10};
    static constexpr std::chrono::milliseconds last{1'000};

    /// `chance`: any 64 random bits.
    std::chrono::milliseconds next(std::uint64_t chance) {
        auto const whole = next_;
        next_ = std::min(next_ * 2, last);
        auto const half = static_cast<std::uint64_t>(whole.count()) / 2;
        return whole - std::chrono::milliseconds(chance % (half + 1));
    }
    void reset() { next_ = first; }

private:
    std::chrono::milliseconds next_ = first;
};

}  // namespace sidecache::store
