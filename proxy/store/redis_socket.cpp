#include "proxy/store/redis_socket.hpp"

#include "proxy/store/resp_writer.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace sidecache::store {

namespace {

using endpoint = asio::generic::stream_protocol::endpoint;

/// Closes the socket at a deadline, unless it is told that all went well. Shared with its timer's
/// handler, which may run after the connect has returned.
struct deadline_guard {
    explicit deadline_guard(stream_socket& s) : socket(&s), timer(s.get_executor()) {}
    stream_socket* socket;
    steady_timer timer;
    bool passed = false;
};

std::shared_ptr<deadline_guard> guard(stream_socket& socket, std::chrono::milliseconds timeout) {
    auto g = std::make_shared<deadline_guard>(socket);
    g->timer.expires_after(timeout);
    g->timer.async_wait([g](error_code ec) {
        if (!ec && g->socket != nullptr) {
            g->passed = true;
            error_code ignored;
            g->socket->close(ignored);
        }
    });
    return g;
}

void release(deadline_guard& g) {
    g.socket = nullptr;
    g.timer.cancel();
}

task<std::vector<endpoint>> resolve(executor ex, config::store const& where) {
    std::vector<endpoint> found;
    if (where.what == config::store::kind::redis_unix) {
        // A path that is too long for a socket address makes the endpoint throw.
        if (where.path.size() < sizeof(sockaddr_un{}.sun_path)) {
            found.emplace_back(asio::local::stream_protocol::endpoint(where.path));
        }
        co_return found;
    }
    error_code literal;
    auto const address = asio::ip::make_address(where.address.host, literal);
    if (!literal) {
        found.emplace_back(tcp::endpoint(address, where.address.port));
        co_return found;
    }
    asio::ip::basic_resolver<tcp, executor> resolver(ex);
    auto const port = std::to_string(where.address.port);
    auto [ec, results] = co_await resolver.async_resolve(where.address.host, port, as_tuple);
    if (!ec) {
        for (auto const& r : results) {
            found.emplace_back(r.endpoint());
        }
    }
    co_return found;
}

}  // namespace

task<error_code> connect(stream_socket& socket,
                         config::store const& where,
                         std::chrono::milliseconds timeout) {
    auto const addresses = co_await resolve(socket.get_executor(), where);
    error_code last = asio::error::host_not_found;
    auto const limit = guard(socket, timeout);
    for (auto const& address : addresses) {
        error_code ignored;
        socket.close(ignored);
        auto [ec] = co_await socket.async_connect(address, as_tuple);
        last = limit->passed ? error_code(asio::error::timed_out) : ec;
        if (!ec || limit->passed) {
            break;
        }
    }
    release(*limit);
    if (!last && where.what == config::store::kind::redis_tcp) {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
    }
    co_return last;
}

std::size_t append_greeting(std::string& out, config::store const& where, std::string_view name) {
    std::size_t commands = 1;
    if (!where.password.empty()) {
        if (where.user.empty()) {
            append_command(out, std::string_view("AUTH"), where.password);
        } else {
            append_command(out, std::string_view("AUTH"), where.user, where.password);
        }
        ++commands;
    }
    append_command(out, std::string_view("CLIENT"), std::string_view("SETNAME"), name);
    return commands;
}

}  // namespace sidecache::store
