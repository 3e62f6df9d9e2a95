#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

namespace sidecache {

/// CLOCK_BOOTTIME: goes on while the machine sleeps, and is never set. Leases, marker ages and
/// identity checks are measured with it (protocol.md section 4): a steady clock that stopped with
/// the machine would let a lease outlive its deadline.
struct boot_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<boot_clock>;
    static constexpr bool is_steady = true;
    static time_point now() noexcept {
        timespec t{};
        ::clock_gettime(CLOCK_BOOTTIME, &t);
        return time_point(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
    }
};

/// Milliseconds of the Unix epoch by somebody's system clock (ours or the store's, as the name of
/// the variable says).
using unix_ms = std::int64_t;

inline unix_ms system_now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace sidecache
