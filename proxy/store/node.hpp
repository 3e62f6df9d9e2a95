#pragma once

#include "proxy/store/link.hpp"
#include "proxy/store/meter.hpp"
#include "proxy/store/redis_handshake.hpp"
#include "proxy/store/redis_process.hpp"

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace sidecache::store {

/// What an operation got.
struct asked {
    store_error error = store_error::unreachable;
    reply_set replies;
    answered_by by;
    /// The commands went to a connection: without a reply they may or may not have been done.
    bool sent = false;
};

/// Appends an operation's commands and returns how many; called again for each attempt, since
/// another attempt may meet another server.
using command_writer = std::function<std::size_t(std::string& out, session const& s)>;

/// One of many: where a node of a Cluster stands, and how it is told what to do.
struct cluster_seat {
    config::endpoint at;
    /// Something has changed: a connection was greeted, is ready for use, or is over.
    std::function<void()> changed;
    /// Whether the server of that identity may be used yet.
    std::function<bool(id128)> admits;
};

/// One worker's way to the Redis server: connects, checks who answers, beats, and comes back after
/// a break, with rests in between. One worker only, but for `status`.
class node : public std::enable_shared_from_this<node> {
public:
    using time_point = link::time_point;

    /// `carries_membership`: its heartbeats renew this process's listing; one node's do.
    node(executor const& ex,
         std::shared_ptr<redis_process> process,
         meter counter,
         bool carries_membership,
         std::optional<cluster_seat> seat = std::nullopt);

    void start();
    /// Leaves the member list, then closes. Whoever waits ends with `unreachable`.
    void stop();
    /// Closes at once. For the end of the worker.
    void abandon();

    /// Null: no connection that could be used now. Whoever waits for a reply keeps it: another one
    /// may take its place meanwhile.
    std::shared_ptr<link> connected() const { return ready_ && link_->is_open() ? link_ : nullptr; }
    /// Of a Cluster's node: a connection that has been greeted, whether it may be used yet or not;
    /// null: none.
    std::shared_ptr<link> greeted() const { return greeted_ && link_->is_open() ? link_ : nullptr; }
    /// Who answered last here, on whatever connection; nullopt: nobody yet.
    std::optional<id128> last_server() const { return last_server_; }
    config::endpoint const& reached() const { return reached_; }
    /// Of a Cluster's node: others may be admitted now.
    void look_again() { heartbeat_rest_.cancel(); }
    /// Dials now and not after its rest.
    void dial_soon() { rest_.cancel(); }
    bool is_resting() const { return resting_; }
    store_error last_error() const { return last_error_; }

    /// Waits for a usable connection while one is being made, at most until `deadline`. When the
    /// last attempt has failed and the next is still to come, the answer is at once: what the last
    /// one found. `insists`: then that rest ends, and a new attempt is waited for (a mutation must
    /// not miss a store that is back).
    task<store_error> wait_connected(time_point deadline, bool insists);

    /// Waits for a connection if need be, sends once, and waits for the replies. `write` outlives
    /// the call.
    task<asked> ask_once(command_writer const& write, time_point deadline, bool insists);

    /// Who answers on the present connection. REQUIRES: connected().
    answered_by by() const;
    std::optional<id128> server() const;
    session const& present() const { return session_; }
    /// Loads the scripts again: this server has forgotten them.
    task<result<void>> reload_scripts();
    /// Checks who answers, now and not with the next heartbeat; waits for a connection until
    /// `deadline`.
    task<store_error> verify(time_point deadline);
    /// A reply said that this server takes no writes any more: find out who is primary now.
    void distrust();
    /// A Sentinel has said who is primary: if that is somebody else, dials now.
    void follow();
    /// Renews the listing now and not with the next heartbeat: the rules have changed.
    void beat_soon() { heartbeat_rest_.cancel(); }

    /// Publishes an acknowledgement, without waiting for anything; lost, when there is no
    /// connection: whoever waits for it waits a lease.
    void acknowledge(id128 round, id128 member);

    /// Called when the store has shown itself alive without being asked by a request.
    std::function<void()> on_alive;

    redis_process& process() { return *process_; }
    executor loop() const { return ex_; }
    /// Any thread.
    store_status status() const;

private:
    task<void> run(std::shared_ptr<node> self);
    task<void> depart(std::shared_ptr<node> self);
    task<void> send_ack(std::shared_ptr<node> self, drop_ack to);
    task<connect_error> connect_once();
    task<void> wait_admitted(std::shared_ptr<link> on);
    task<void> beat(std::shared_ptr<link> on);
    task<store_error> check_identity(std::shared_ptr<link> on);
    void set_ready(bool ready, connect_error const& why);
    void wake();

    executor ex_;
    std::shared_ptr<redis_process> process_;
    meter meter_;
    bool const carries_membership_;
    std::optional<cluster_seat> seat_;

    stream* dialling_ = nullptr;
    config::endpoint reached_;  // where `link_` leads
    std::shared_ptr<link> link_;
    session session_;
    bool ready_ = false;
    bool greeted_ = false;
    std::optional<id128> last_server_;
    bool resting_ = false;  // the last attempt has failed, the next is still to come
    bool stopped_ = false;
    store_error last_error_ = store_error::unreachable;
    steady_timer rest_;
    steady_timer heartbeat_rest_;
    time_point last_attempt_{};
    std::list<steady_timer*> waiting_;

    mutable std::mutex status_mutex_;
    store_status status_;  // under status_mutex_
};

}  // namespace sidecache::store
