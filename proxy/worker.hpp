#pragma once

#include "config/model.hpp"
#include "proxy/async/deadline.hpp"
#include "proxy/async/scope.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/http/listener.hpp"
#include "proxy/store/store.hpp"
#include "proxy/upstream/pool.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace sidecache::admin {
class process_state;
}

namespace sidecache::telemetry {
class watches;
}

namespace sidecache::identity {
class verifiers;
}

namespace sidecache {

/// What belongs to the process and is used by every worker; outlives them.
struct process_share {
    telemetry::registry& metrics;
    telemetry::access_log& log;
    store::store_hub& hub;
    cache::process_parts& parts;
    admin::process_state& state;
    identity::verifiers& identities;
    /// Open client connections, for `limits.max_connections`.
    std::atomic<std::size_t>& connections;
    /// More than that are never open, whatever the limit says: descriptors are left for the rest.
    std::size_t most_connections;
    cache::near_tags& near_tags;
    /// The whole process is about to be stopped (`POST /drain`). Any thread.
    std::function<void()> leave;
    telemetry::watches& watches;
    /// Of near_cache.size, each worker's part; 0: none.
    std::size_t near_bytes = 0;
};

/// One thread and everything that it needs to serve: its own event loop, listening socket,
/// connections to the upstream and to the store. Nothing of it is touched by another thread but
/// through the functions below, which post.
class worker {
public:
    /// `index`: counts the process's workers from 0.
    worker(process_share share, std::shared_ptr<config::model const> config, std::size_t index);
    worker(worker const&) = delete;
    worker& operator=(worker const&) = delete;
    /// REQUIRES: `join` has returned, or `start` was never called.
    ~worker();

    /// Before `start`. The port that it listens on, or why it cannot.
    result<std::uint16_t> listen(tcp::endpoint const& at, bool first);
    result<std::uint16_t> listen_admin(tcp::endpoint const& at);
    /// Before `start`: this worker's thread takes what is published between replicas.
    void subscribe(store::event_sink sink, std::function<void()> lost);

    /// Starts the thread; the future is ready when it serves. `ended` is the last that the thread
    /// does.
    std::future<void> start(std::function<void()> ended);

    /// The next requests see the new configuration; those under way keep theirs. `done` is called
    /// on the worker's thread when that is so. Any thread.
    void reload(std::shared_ptr<config::model const> config, std::function<void()> done);
    /// A drain comes: each answer from now on ends its connection. Any thread.
    void leave();
    /// Stops accepting and finishes what is in flight; what is not done after `limit` is broken
    /// off. `done` is called on the worker's thread. Any thread.
    void drain(std::chrono::milliseconds limit, std::function<void()> done);
    /// Breaks off whatever a drain still waits for. Any thread.
    void cut();
    /// After `drain` is done and the hub was stopped: the admin port closes, too, and the thread
    /// ends. Any thread.
    void finish();
    void join() { thread_.join(); }

private:
    struct serving;  // what lives on the thread

    void run(std::promise<void> serves, std::function<void()> const& ended);
    task<void> drain_all(std::chrono::milliseconds limit, std::function<void()> done);
    task<void> end_all();
    std::shared_ptr<cache::snapshot const> make_snapshot(
        std::shared_ptr<config::model const> config);
    config::limits limits_of(config::model const& config) const;

    process_share share_;
    std::size_t const index_;
    std::uint64_t snapshots_ = 0;  // made so far
    // One thread runs it and touches its sockets; others only post.
    asio::io_context context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    std::shared_ptr<cache::snapshot const> current_;
    config::limits limits_;  // of `current_`; sessions refer to it
    std::optional<http::acceptor> acceptor_;
    std::optional<http::acceptor> admin_acceptor_;
    store::event_sink sink_;
    std::function<void()> lost_;
    std::unique_ptr<serving> serving_;
    std::thread thread_;
};

}  // namespace sidecache
