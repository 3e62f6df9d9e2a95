#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/pace.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sidecache::cache {

/// How far a run is.
struct warm_progress {
    std::uint64_t run = 0;  ///< counts the runs of this process; 0: none yet
    bool is_running = false;
    bool is_cut_short = false;  ///< by a drain
    std::size_t total = 0;      ///< URIs, each for each host
    std::size_t done = 0;
    std::array<std::size_t, telemetry::warm_outcomes> by_outcome{};
};

/// Fetches URIs before anybody asks for them (`warm`): for each a GET by the same rules as a
/// client's, with the configured fields, decided, verified and stored as his would be
/// (background_fill.hpp); what lies in the store already is not fetched again. At `warm.rate` a
/// second, `warm.concurrency` at once, at the gate behind clients. One run at a time. One worker
/// only.
class warmer {
public:
    /// `parts` outlive it. Joined with `parts.background`.
    explicit warmer(worker_parts const& parts) : parts_(parts) {}
    warmer(warmer const&) = delete;
    warmer& operator=(warmer const&) = delete;

    /// Starts a run of these URIs (`config::is_target`) with the settings in effect. False: one is
    /// under way, or this process drains.
    bool start(std::vector<std::string> paths);
    /// What is under way is finished, the rest is left; no run begins any more.
    void stop();
    warm_progress const& progress() const { return progress_; }

private:
    task<void> lane();
    task<telemetry::warm_outcome> fetch(std::string const& path, std::string const& host);
    task<void> wait_for_store();
    task<void> wait_until(pace::time_point when);

    worker_parts const& parts_;
    warm_progress progress_;
    bool is_stopped_ = false;

    // Of the present run.
    std::vector<std::string> paths_;
    std::vector<std::string> hosts_;
    std::size_t next_ = 0;  // of paths times hosts
    std::size_t lanes_ = 0;
    std::optional<pace> pace_;
    std::list<steady_timer> waiting_;
};

}  // namespace sidecache::cache
