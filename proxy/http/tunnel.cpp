#include "proxy/http/tunnel.hpp"

#include "proxy/async/scope.hpp"
#include "proxy/async/write_all.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <vector>

namespace sidecache::http {

namespace {

constexpr std::size_t piece_size = 16 << 10;

struct two_sides {
    tcp_socket& client;
    tcp_socket& upstream;
    deadline& quiet;
    std::chrono::milliseconds idle;
    void cancel() const {
        error_code ignored;
        client.cancel(ignored);
        upstream.cancel(ignored);
    }
};

task<void> pump(tcp_socket& from, tcp_socket& to, two_sides const& sides) {
    std::vector<char> piece(piece_size);
    for (;;) {
        auto const [ec, count] = co_await from.async_read_some(asio::buffer(piece), as_tuple);
        if (sides.quiet.expired()) {
            co_return;
        }
        if (ec == asio::error::eof) {
            error_code ignored;
            to.shutdown(tcp_socket::shutdown_send, ignored);
            co_return;
        }
        if (ec) {
            sides.cancel();
            co_return;
        }
        sides.quiet.arm(sides.idle);
        std::array<asio::const_buffer, 1> some{asio::buffer(piece.data(), count)};
        auto const failed = co_await write_all(to, some);
        if (failed) {
            sides.cancel();
            co_return;
        }
    }
}

}  // namespace

task<void> relay(tcp_socket& client,
                 tcp_socket& upstream,
                 std::string_view for_upstream,
                 sweeper& sweep,
                 std::chrono::milliseconds idle) {
    auto const cancel_both = [&] {
        error_code ignored;
        client.cancel(ignored);
        upstream.cancel(ignored);
    };
    deadline quiet(sweep, cancel_both);
    quiet.arm(idle);
    two_sides const sides{client, upstream, quiet, idle};
    std::array<asio::const_buffer, 1> first{asio::buffer(for_upstream)};
    auto const failed = co_await write_all(upstream, first);
    if (failed) {
        co_return;
    }
    scope pumps(client.get_executor());
    pumps.spawn("tunnel", pump(upstream, client, sides));
    co_await pump(client, upstream, sides);
    co_await pumps.join();
}

}  // namespace sidecache::http
