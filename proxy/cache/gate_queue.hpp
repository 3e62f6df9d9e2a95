#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::cache {

/// Limits as the request's configuration states them. 0: no limit.
struct gate_limits {
    std::size_t total = 0;     ///< fetches in flight in the process (`upstream.max_concurrent`)
    std::size_t per_rule = 0;  ///< ... of this rule (`max_upstream`)
    std::size_t queue = 0;     ///< how many may wait (`upstream.max_queue`); 0: nobody may
};

/// Who may fetch now and who waits, in order of arrival: a machine without I/O. A fetch whose rule
/// is full does not keep those of other rules behind it from passing. One thread at a time.
class gate_queue {
public:
    using ticket = std::uint64_t;
    enum class answer : std::uint8_t { admitted, queued, full };

    /// `full` changes nothing.
    answer enter(ticket who, std::string_view rule, gate_limits const& limits);
    /// One admitted fetch of that rule has ended. Appends everybody who may go now, in order.
    void leave(std::string_view rule, std::vector<ticket>& admitted);
    /// Somebody waits no longer. False: not queued (it was admitted meanwhile, and must `leave`).
    bool withdraw(ticket who);

    std::size_t in_flight() const { return in_flight_; }
    std::size_t queued() const { return queue_.size(); }

private:
    struct waiting {
        ticket who;
        std::string rule;
        gate_limits limits;
    };
    bool has_room(std::string_view rule, gate_limits const& limits) const;
    void admit(std::string_view rule);

    std::size_t in_flight_ = 0;
    std::map<std::string, std::size_t, std::less<>> by_rule_;
    std::deque<waiting> queue_;
};

}  // namespace sidecache::cache
