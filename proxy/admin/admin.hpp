#pragma once

#include "proxy/admin/process_state.hpp"
#include "proxy/async/task.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sidecache::cache {
struct purge_report;
class warmer;
struct worker_parts;
}  // namespace sidecache::cache
namespace sidecache::config {
struct model;
}
namespace sidecache::http {
class handler;
}
namespace sidecache::store {
struct store_status;
}
namespace sidecache::telemetry {
class registry;
class watches;
}  // namespace sidecache::telemetry

/// The admin port (design.md section 3): metrics, health, statistics, explain, purge and warm. A
/// handler for a listener of its own; nothing of it can be reached through the data port.
namespace sidecache::admin {

class history;

/// What the admin port looks at, and what it can do. What is referred to outlives
/// the handler; the functions are called on its worker's thread only.
struct admin_parts {
    telemetry::registry& metrics;
    process_state const& state;
    /// The configuration in effect.
    std::function<std::shared_ptr<config::model const>()> config;
    std::function<store::store_status()> store;
    /// As admin::purge_or_owe.
    std::function<task<result<cache::purge_report>>(std::vector<std::string> tags)> purge;
    /// What is about to be stopped says so: not ready, each answer ends its connection. A second
    /// time it does nothing.
    std::function<void()> leave;
    /// What the workers have seen, and where a purge by hand is noted.
    telemetry::watches& seen;
    /// What the counters did.
    history const& past;
    /// Null: nothing can be warmed.
    cache::warmer* warmer = nullptr;
};

/// The handler; one worker only.
std::shared_ptr<http::handler> make_admin_handler(admin_parts parts);

/// The same for the worker on whose thread the admin listener runs.
std::shared_ptr<http::handler> make_admin_handler(cache::worker_parts const& worker,
                                                  telemetry::registry& metrics,
                                                  process_state const& state,
                                                  telemetry::watches& seen,
                                                  history const& past,
                                                  std::function<void()> leave,
                                                  cache::warmer& warmer);

}  // namespace sidecache::admin
