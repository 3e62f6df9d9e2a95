#pragma once

#include "proxy/async/clock.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::admin {

enum class phase : std::uint8_t {
    starting,  ///< not all listeners are open
    ready,
    draining,  ///< SIGTERM came: what is in flight is finished, nothing new is taken
};
std::string_view name(phase p);

/// What the process knows of its own life, for `/readyz`, `/stats` and the status page. Written by
/// whoever starts, reloads and drains it. Any thread.
class process_state {
public:
    process_state(std::string config_file, unsigned workers);

    void enter(phase p) { phase_.store(p, std::memory_order_relaxed); }
    phase present() const { return phase_.load(std::memory_order_relaxed); }

    /// A configuration took effect, with these warnings (`config::finding::print`). `effective`:
    /// `config::dump` of it.
    void loaded(std::vector<std::string> warnings, std::string effective = {});
    /// A reload was refused, and the configuration before it goes on: why, as printed.
    void reload_refused(std::vector<std::string> findings);

    /// A reload that was accepted waits for the other replicas to be told of its rules.
    void reload_waits(bool does) { reload_waits_.store(does, std::memory_order_relaxed); }
    bool does_reload_wait() const { return reload_waits_.load(std::memory_order_relaxed); }
    /// ... and takes effect then, at the latest: its rules are others (quiet_period.hpp). nullopt:
    /// nothing of that.
    void rules_wait(std::optional<unix_ms> until);

    struct configuration {
        std::string file;
        unix_ms loaded_at = 0;
        std::vector<std::string> warnings;
        /// Of the latest reload, when it was refused.
        std::vector<std::string> refused;
        std::optional<unix_ms> waits_until;
    };
    configuration configured() const;
    /// As `sidecache check --dump` prints it: no secret in it.
    std::string effective() const;

    unsigned workers() const { return workers_; }
    std::chrono::seconds uptime() const;
    /// By the system clock at that time: tells this process from the one before it.
    unix_ms started_at() const { return started_at_; }

private:
    std::atomic<phase> phase_{phase::starting};
    std::atomic<bool> reload_waits_{false};
    unsigned workers_;
    unix_ms started_at_ = system_now_ms();
    boot_clock::time_point started_ = boot_clock::now();
    mutable std::mutex mutex_;
    configuration configuration_;
    std::string effective_;
};

}  // namespace sidecache::admin
