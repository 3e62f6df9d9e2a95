#pragma once

#include "config/model.hpp"
#include "proxy/async/scope.hpp"
#include "proxy/async/task.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <cstdint>
#include <memory>

namespace sidecache::http {
class handler;
}
namespace sidecache::identity {
class verifier;
}
namespace sidecache::store {
class store;
class id_source;
}  // namespace sidecache::store
namespace sidecache::telemetry {
class access_log;
struct watch;
}  // namespace sidecache::telemetry
namespace sidecache::upstream {
class client;
}

/// What the life of a request is made of. Each part is owned by the worker or by the process; this
/// only names them, so that each piece of `cache/` takes what it needs by reference.
namespace sidecache::cache {

class fill_table;       // coalescing in this process; any thread
class pending_purges;   // invalidations the store has not had yet; any thread
class background_book;  // fills without a client; any thread
class event_channel;    // messages between replicas; any thread
class near_cache;       // hot entries of one worker; that worker only
class near_tags;        // what near caches have to forget; any thread
class mutation_watch;   // who is under way; any thread
class replicas;         // publish and wait for near caches (protocol.md section 3.3); any thread
class upstream_gate;    // caps concurrent fetches, queues the rest; any thread

/// Configuration and the counters that belong to it: swapped whole on a reload. A request keeps
/// the one that it began with.
struct snapshot {
    std::shared_ptr<config::model const> config;
    std::shared_ptr<telemetry::worker_metrics> metrics;
    /// Another one for each of a worker's configurations.
    std::uint64_t number = 0;
    /// Of the process; null where the file verifies nobody.
    std::shared_ptr<identity::verifier> identities{};
};

/// Shared by all workers.
struct process_parts {
    fill_table& fills;
    pending_purges& pending;
    event_channel& events;
    cache::replicas& replicas;
    upstream_gate& gate;
    background_book& background_fills;
    telemetry::process_metrics& metrics;
    store::id_source& ids;
    mutation_watch& mutations;
};

/// One worker's. Everything outlives every request.
struct worker_parts {
    executor ex;
    store::store& store;
    upstream::client& upstream;
    process_parts& process;
    /// Points at the worker's present snapshot; replaced on this worker's thread only.
    std::shared_ptr<snapshot const> const& current;
    telemetry::access_log& log;
    /// Work that outlives its client: fills, the end of mutations. Joined in the drain.
    scope& background;
    /// Null: near_cache.size is 0.
    near_cache* near = nullptr;
    /// What the status page shows of this worker; null: nobody looks.
    telemetry::watch* watch = nullptr;
};

/// The handler of one worker: receive, decide, look up, fill or mutate, answer (serve.cpp).
std::shared_ptr<http::handler> make_handler(worker_parts const& parts);

}  // namespace sidecache::cache
