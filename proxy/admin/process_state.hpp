#pragma once

#include "proxy/async/clock.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
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

    /// A configuration took effect, with these warnings (`config::finding::print`).
    void loaded(std::vector<std::string> warnings);
    /// A reload was refused, and the configuration before it goes on: why, as printed.
    void reload_refused(std::vector<std::string> findings);

    struct configuration {
        std::string file;
        unix_ms loaded_at = 0;
        std::vector<std::string> warnings;
        /// Of the latest reload, when it was refused.
        std::vector<std::string> refused;
    };
    configuration configured() const;

    unsigned workers() const { return workers_; }
    std::chrono::seconds uptime() const;

private:
    std::atomic<phase> phase_{phase::starting};
    unsigned workers_;
    boot_clock::time_point started_ = boot_clock::now();
    mutable std::mutex mutex_;
    configuration configuration_;
};

}  // namespace sidecache::admin
