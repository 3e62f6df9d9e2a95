#pragma once

#include "proxy/cache/parts.hpp"

#include <memory>

namespace sidecache::cache {

/// Owns what all workers share: the coalescing table, the invalidations that the store has not had
/// yet, the event channel, the gate before the upstream, what near caches have to forget. Made
/// before the first worker and destroyed after every worker has joined its sessions and its
/// background scope: what waits in here holds timers of the workers' contexts. Any thread.
class process {
public:
    explicit process(telemetry::process_metrics& metrics);
    process(process const&) = delete;
    process& operator=(process const&) = delete;
    ~process();

    /// The parts by reference, valid as long as this lives.
    process_parts parts();
    /// Where the subscription to the event channel delivers (`store_hub::subscribe`): each payload
    /// to `event_channel::dispatch`, a loss to `event_channel::lost`.
    event_channel& events() { return *events_; }
    fill_table& fills() { return *fills_; }
    upstream_gate& gate() { return *gate_; }
    cache::near_tags& near_tags() { return *near_tags_; }

private:
    telemetry::process_metrics& metrics_;
    std::unique_ptr<fill_table> fills_;
    std::unique_ptr<pending_purges> pending_;
    std::unique_ptr<event_channel> events_;
    std::unique_ptr<cache::near_tags> near_tags_;
    std::unique_ptr<cache::replicas> replicas_;
    std::unique_ptr<upstream_gate> gate_;
};

}  // namespace sidecache::cache
