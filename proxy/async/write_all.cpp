#include "proxy/async/write_all.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace sidecache {

namespace {

// Drops `count` bytes from the front; empty pieces in front go, too.
void consume(std::span<asio::const_buffer>& pieces, std::size_t count) {
    while (!pieces.empty()) {
        auto const used = std::min(count, pieces.front().size());
        pieces.front() += used;
        count -= used;
        if (pieces.front().size() != 0) {
            return;
        }
        pieces = pieces.subspan(1);
    }
}

}  // namespace

task<error_code> write_all(tcp_socket& socket,
                           std::span<asio::const_buffer> pieces,
                           stall_limit const* limit) {
    consume(pieces, 0);
    error_code at_once;
    if (!pieces.empty()) {
        auto const count = socket.write_some(pieces, at_once);
        consume(pieces, count);
    }
    if (at_once && at_once != asio::error::would_block && at_once != asio::error::try_again) {
        co_return at_once;
    }
    while (!pieces.empty()) {
        if (limit) {
            limit->stalled.arm(limit->allowed);
        }
        auto const [ec, count] = co_await socket.async_write_some(pieces, as_tuple);
        if (limit && limit->stalled.expired()) {
            co_return asio::error::timed_out;
        }
        if (ec) {
            co_return ec;
        }
        consume(pieces, count);
    }
    if (limit) {
        limit->stalled.disarm();
    }
    co_return error_code{};
}

}  // namespace sidecache
