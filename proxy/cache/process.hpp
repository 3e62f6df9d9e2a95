#pragma once

#include "proxy/cache/parts.hpp"

#include <memory>
#include <string_view>

namespace sidecache::store {
class store_hub;
}

namespace sidecache::cache {

class background_book;
class near_replicas;

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

    /// From now on mutations tell the other replicas of that store, and this one obeys them
    /// (protocol.md section 3.3). Until then there is nobody else. `has_near_cache`: others wait
    /// for this one's word. Before `parts` and before the hub's first store; the hub outlives this.
    void join(store::store_hub& hub, bool has_near_cache);
    /// Where the subscription to the event channel delivers (`store_hub::subscribe`), once joined.
    void on_message(std::string_view payload);
    void on_lost();

    /// The parts by reference, valid as long as this lives.
    process_parts parts();
    event_channel& events() { return *events_; }
    fill_table& fills() { return *fills_; }
    upstream_gate& gate() { return *gate_; }
    background_book& background_fills() { return *background_fills_; }
    cache::near_tags& near_tags() { return *near_tags_; }
    mutation_watch& mutations() { return *mutations_; }

private:
    telemetry::process_metrics& metrics_;
    std::unique_ptr<fill_table> fills_;
    std::unique_ptr<pending_purges> pending_;
    std::unique_ptr<event_channel> events_;
    std::unique_ptr<cache::near_tags> near_tags_;
    std::unique_ptr<cache::replicas> replicas_;
    near_replicas* joined_ = nullptr;  // replicas_, once joined
    std::unique_ptr<upstream_gate> gate_;
    std::unique_ptr<background_book> background_fills_;
    std::unique_ptr<mutation_watch> mutations_;
};

}  // namespace sidecache::cache
