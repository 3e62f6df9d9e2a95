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

error_code write_now(tcp_socket& socket, std::span<asio::const_buffer>& pieces) {
    consume(pieces, 0);
    error_code ec;
    if (!pieces.empty()) {
        auto const count = socket.write_some(pieces, ec);
        consume(pieces, count);
    }
    if (ec == asio::error::would_block || ec == asio::error::try_again) {
        return {};
    }
    return ec;
}

task<error_code> write_all(tcp_socket& socket,
                           std::span<asio::const_buffer> pieces,
                           stall_limit const* limit) {
    if (auto const at_once = write_now(socket, pieces)) {
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
