#pragma once

#include "proxy/async/event.hpp"
#include "proxy/async/scope.hpp"
#include "proxy/http/session.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>

#include <atomic>
#include <cstddef>
#include <list>

namespace sidecache::http {

using acceptor = asio::basic_socket_acceptor<tcp, executor>;

/// Binds and listens with SO_REUSEPORT, so that each worker has its own queue. `first`: also finds
/// out whether somebody else listens there already, which SO_REUSEPORT would hide.
result<acceptor> listen_on(executor const& ex, tcp::endpoint const& at, bool first);

/// Accepts connections of one worker and owns their sessions. One worker only.
class listener {
public:
    /// `connections` counts those of the whole process; at `limits.max_connections` nobody is
    /// accepted, and further ones wait in the listen queue (or, where several workers raced for
    /// the last place, one a worker behind it).
    listener(acceptor from, session_context const& context, std::atomic<std::size_t>& connections);

    /// Accepts until `drain`; spawn it once in `sessions()`.
    task<void> run();
    scope& sessions() { return sessions_; }

    /// Goes on accepting; each answer from now on ends its connection, so that clients go
    /// elsewhere.
    void leave();
    /// Stops accepting; each session ends after its present request.
    void drain();
    /// Returns when the last session has ended.
    task<void> join();
    /// Breaks every session off.
    void abort();
    /// Called at every tick of the sweeper: a place may have become free in another worker.
    void tick() { room_.notify_all(); }

private:
    task<void> serve(tcp_socket socket);
    bool full() const { return connections_ >= context_.limits.max_connections; }
    bool take_place();

    acceptor acceptor_;
    session_context context_;
    std::atomic<std::size_t>& connections_;
    scope sessions_;
    std::list<session*> open_;
    event room_;
    bool leaving_ = false;
    bool draining_ = false;
};

}  // namespace sidecache::http
