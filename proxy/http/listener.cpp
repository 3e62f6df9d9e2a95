#include "proxy/http/listener.hpp"

#include <boost/asio/detail/socket_option.hpp>
#include <boost/asio/error.hpp>

#include <utility>

namespace sidecache::http {

namespace {

using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

error_code set_up(acceptor& a, tcp::endpoint const& at, bool shared) {
    error_code ec;
    a.open(at.protocol(), ec);
    if (!ec) {
        a.set_option(acceptor::reuse_address(true), ec);
    }
    if (!ec && shared) {
        a.set_option(reuse_port(true), ec);
    }
    if (!ec) {
        a.bind(at, ec);
    }
    return ec;
}

}  // namespace

result<acceptor> listen_on(executor const& ex, tcp::endpoint const& at, bool first) {
    if (first && at.port() != 0) {
        acceptor probe(ex);
        if (auto const ec = set_up(probe, at, false)) {
            return ec;
        }
    }
    acceptor a(ex);
    auto ec = set_up(a, at, true);
    if (!ec) {
        a.listen(acceptor::max_listen_connections, ec);
    }
    if (ec) {
        return ec;
    }
    return a;
}

listener::listener(acceptor from,
                   session_context const& context,
                   std::atomic<std::size_t>& connections)
    : acceptor_(std::move(from)),
      context_(context),
      connections_(connections),
      sessions_(context.ex),
      room_(context.ex) {}

task<void> listener::run() {
    while (!draining_) {
        if (full()) {
            co_await room_.wait();
            continue;
        }
        auto [ec, socket] = co_await acceptor_.async_accept(as_tuple);
        if (!ec) {
            // Another worker may have taken the last place meanwhile.
            while (!take_place()) {
                co_await room_.wait();
            }
            sessions_.spawn("session", serve(std::move(socket)));
            continue;
        }
        if (ec == asio::error::connection_aborted || draining_) {
            continue;  // gone before we came to it
        }
        // No descriptors or no memory left: some come back when sessions end.
        co_await room_.wait();
    }
}

// Who has been accepted when a drain begins is still served.
bool listener::take_place() {
    auto taken = connections_.load();
    while (taken < context_.limits.max_connections || draining_) {
        if (connections_.compare_exchange_weak(taken, taken + 1)) {
            return true;
        }
    }
    return false;
}

task<void> listener::serve(tcp_socket socket) {
    session here(std::move(socket), context_);
    // Unlists the session however its coroutine ends.
    struct listing {
        listener& owner;
        std::list<session*>::iterator place;
        ~listing() {
            owner.open_.erase(place);
            --owner.connections_;
            owner.room_.notify_all();
        }
    };
    listing const listed{*this, open_.insert(open_.end(), &here)};
    if (leaving_) {
        here.leave();
    }
    if (draining_) {
        here.drain();
    }
    co_await here.run();
}

void listener::leave() {
    leaving_ = true;
    for (auto* s : open_) {
        s->leave();
    }
}

void listener::drain() {
    draining_ = true;
    // Whom the kernel has connected already is not turned away: closing the listening socket would
    // reset them.
    error_code ec;
    acceptor_.non_blocking(true, ec);
    while (!ec) {
        tcp_socket socket(context_.ex);
        acceptor_.accept(socket, ec);
        if (!ec) {
            ++connections_;
            sessions_.spawn("session", serve(std::move(socket)));
        }
    }
    acceptor_.close(ec);
    room_.notify_all();
    for (auto* s : open_) {
        s->drain();
    }
}

task<void> listener::join() {
    co_await sessions_.join();
}

void listener::abort() {
    for (auto* s : open_) {
        s->abort();
    }
}

}  // namespace sidecache::http
