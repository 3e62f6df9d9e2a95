#pragma once

#include "proxy/store/breaker.hpp"
#include "proxy/store/meter.hpp"
#include "proxy/store/node.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace sidecache::store {

/// How one operation may be asked for.
struct call_plan {
    telemetry::store_command counted_as;
    /// Tried again, with rests in between, when the connection broke or no reply came in time.
    bool idempotent = true;
    /// Asks through an open breaker, and has a lost connection dialled at once: a mutation must not
    /// miss a store that is back (protocol.md section 5).
    bool insists = false;
};

/// Asks the node on behalf of one worker's store: breaker, deadlines, bounded retries, scripts that
/// the server has forgotten, counters. One worker only, but for `has_open_breaker`.
class caller {
public:
    caller(std::shared_ptr<node> n, meter counter);
    ~caller();
    caller(caller const&) = delete;
    caller& operator=(caller const&) = delete;

    /// On success each command has its reply, which may be an error of the server's; READONLY is
    /// turned into `not_primary`. `write` refers to what the caller keeps alive.
    task<asked> ask(call_plan plan, command_writer write);

    /// The pieces of `ask`, for the hit path.
    bool admits() { return breaker_.admits(std::chrono::steady_clock::now()); }
    void report(telemetry::store_command command, store_error e, node::time_point began);
    std::chrono::milliseconds timeout() const { return settings_.where.timeout; }
    unsigned attempts() const { return std::max(1U, settings_.where.retry_attempts); }

    node& target() { return *node_; }
    node const& target() const { return *node_; }
    std::shared_ptr<node> const& shared_target() const { return node_; }
    /// Any thread.
    bool has_open_breaker() const { return open_.load(std::memory_order_relaxed); }

private:
    task<asked> attempt_all(call_plan plan, command_writer const& write);

    std::shared_ptr<node> node_;
    redis_settings const settings_;
    meter meter_;
    breaker breaker_;
    std::atomic<bool> open_{false};
};

}  // namespace sidecache::store
