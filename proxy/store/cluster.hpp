#pragma once

#include "proxy/store/breaker.hpp"
#include "proxy/store/caller.hpp"
#include "proxy/store/cluster_batch.hpp"
#include "proxy/store/cluster_directory.hpp"
#include "proxy/store/meter.hpp"
#include "proxy/store/node.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sidecache::store {

/// One worker's way to a Redis Cluster: a connection to each primary that owns slots, and what
/// makes one store of them.
///
/// **Identity.** The Cluster's identity is made of the identities of all its owners of slots. A
/// node is used only once the identity that holds it has *settled*: the store's own record names
/// it, and where it replaces another, the quarantine stands. So a failover anywhere is a failover
/// of the whole, as with a single server: all is cold, and nothing is stored for a while. A slot
/// that moves between nodes that both stay leaves the identity as it is: marks move with their
/// keys, and the generations of that slot's tags are others, since the node is mixed in
/// (`as_told_by`).
///
/// **Home.** The members, the identity and the quarantine lie in one slot; its owner is also the
/// node where everybody publishes and subscribes (protocol.md section 4). A batch there counts only
/// if it touches the members' key without being sent elsewhere: then that node was still home when
/// it took the message. ASK is not followed there.
///
/// One worker only, but for `status`.
class cluster : public std::enable_shared_from_this<cluster> {
public:
    using time_point = node::time_point;

    /// `carries`: its renewals carry the lease (`membership`); one worker's do.
    cluster(executor const& ex,
            std::shared_ptr<redis_process> process,
            metrics_source metrics,
            bool carries);

    void start();
    /// Leaves the member list, then closes. Whoever waits ends with `unreachable`.
    void stop();
    /// Closes at once. For the end of the worker.
    void abandon();

    /// Asks whoever has the keys, all at once; follows MOVED and ASK, waits while a node asks to,
    /// loads forgotten scripts. On success each command has its reply, which may be an error.
    task<cluster_asked> ask(call_plan plan, std::shared_ptr<cluster_batch const> what);
    /// The same for commands at home, in order. REQUIRES: one that touches the members' key, behind
    /// every PUBLISH; all of them may be done twice.
    task<asked> ask_home(call_plan plan, command_writer write);

    /// The Cluster's identity; nullopt: it has not settled yet.
    std::optional<id128> label() const { return label_; }
    /// Has every node tell anew who it is.
    task<store_error> verify();
    /// See `node::acknowledge`.
    void acknowledge(id128 round, id128 member);
    /// Renews the listing now.
    void beat_soon() { beat_rest_.cancel(); }

    redis_process& process() { return *process_; }
    executor loop() const { return ex_; }
    /// Any thread.
    store_status status() const;

private:
    struct trip;
    struct operation;
    using nodes = std::map<std::string, std::shared_ptr<node>, std::less<>>;

    // --- cluster.cpp: the nodes, and settling
    task<void> run(std::shared_ptr<cluster> self);
    task<void> beat(std::shared_ptr<cluster> self);
    task<void> depart(std::shared_ptr<cluster> self);
    task<void> send_ack(std::shared_ptr<cluster> self, drop_ack to);
    task<bool> look();
    task<bool> settle();
    task<void> forget_old_entries();
    void follow_map();
    void poke();
    void wake();
    void show();
    std::shared_ptr<node> node_at(config::endpoint const& at);
    std::shared_ptr<node> owner_of(std::uint16_t slot);
    std::shared_ptr<node> home() { return owner_of(home_slot_); }
    bool is_whole() const;

    // --- cluster_ask.cpp: asking
    task<store_error> wait_settled(time_point deadline, bool insists);
    task<void> go(std::shared_ptr<trip> on, std::size_t leg);
    task<store_error> travel(std::shared_ptr<trip> on);
    bool set_out(operation const& op, trip& on);
    void arrive(operation& op, trip const& on);
    template <class Leg>
    void take(operation& op, Leg const& leg, std::size_t i, std::size_t at);
    task<store_error> go_round(operation& op, time_point deadline, bool insists);
    task<cluster_asked> attempt_all(call_plan plan, std::shared_ptr<cluster_batch const> what);
    task<void> rest(std::chrono::milliseconds how_long);
    bool takes_home(asked const& a, node const& from);
    bool admits(call_plan plan, time_point now);
    void report(telemetry::store_command command, store_error e, time_point began);

    executor ex_;
    std::shared_ptr<redis_process> process_;
    cluster_directory& directory_;
    meter meter_;
    metrics_source metrics_;
    bool const carries_;
    std::uint16_t const home_slot_;
    breaker breaker_;
    bool breaker_open_ = false;

    cluster_directory::map_ptr map_;
    nodes nodes_;  // by address
    std::optional<id128> label_;
    std::vector<id128> settled_;    // of whom `label_` is made
    std::optional<id128> home_at_;  // who was home when it settled
    bool wants_map_ = true;
    bool has_news_ = false;
    bool is_up_ = false;
    bool failed_ = false;  // the last look has found no way; the next is still to come
    bool stopped_ = false;
    std::string trouble_ = "not connected yet";
    steady_timer rest_;
    steady_timer beat_rest_;
    time_point last_look_{};
    time_point map_asked_{};
    std::list<steady_timer*> waiting_;

    mutable std::mutex status_mutex_;
    store_status status_;  // under status_mutex_
};

}  // namespace sidecache::store
