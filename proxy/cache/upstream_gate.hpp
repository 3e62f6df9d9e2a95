#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/gate_queue.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::cache {

class upstream_gate;

/// The right to one fetch from the upstream. Its destructor lets the next one in.
class gate_permit {
public:
    gate_permit(gate_permit&& other) noexcept
        : gate_(std::exchange(other.gate_, nullptr)), rule_(std::move(other.rule_)) {}
    gate_permit& operator=(gate_permit&&) = delete;
    ~gate_permit();

private:
    friend class upstream_gate;
    gate_permit(upstream_gate& gate, std::string_view rule) : gate_(&gate), rule_(rule) {}
    upstream_gate* gate_;
    std::string rule_;
};

/// What the gate said.
struct admission {
    enum class refusal : std::uint8_t {
        none,
        queue_full,  ///< as many wait as may wait
        too_slow,    ///< no room within the patience
    };
    std::optional<gate_permit> permit;
    refusal why_not = refusal::none;
    /// It took a while: what was known of the store before may be old.
    bool queued = false;
};

/// The gate before the upstream: caps concurrent fetches in the process and in each rule, queues
/// the rest in order of arrival, and refuses what does not fit, so that a cold or lost cache never
/// floods the backend (design.md section 7). Any thread; only fetches come here, never a hit.
class upstream_gate {
public:
    upstream_gate() = default;
    upstream_gate(upstream_gate const&) = delete;
    upstream_gate& operator=(upstream_gate const&) = delete;

    /// Admits at once, or waits on `ex` (the caller's worker) for at most `patience`. `rule` lives
    /// until the call returns; a name, not an index: it outlives a reload.
    task<admission> enter(executor ex,
                          std::string_view rule,
                          gate_limits limits,
                          std::chrono::milliseconds patience);

    std::size_t in_flight() const;
    std::size_t queued() const;

private:
    friend class gate_permit;
    struct waiter;
    void leave(std::string_view rule);
    bool withdraw(gate_queue::ticket who);

    mutable std::mutex mutex_;
    gate_queue queue_;
    gate_queue::ticket last_ticket_ = 0;
    std::map<gate_queue::ticket, std::shared_ptr<waiter>> waiters_;
};

}  // namespace sidecache::cache
