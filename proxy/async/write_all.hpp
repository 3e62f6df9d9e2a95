#pragma once

#include "proxy/async/deadline.hpp"
#include "proxy/async/task.hpp"

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <span>

namespace sidecache {

/// How long a peer may take nothing before writing to it is given up.
struct stall_limit {
    deadline& stalled;
    std::chrono::milliseconds allowed;
};

/// Writes what the socket takes at once, and takes that from the front of `pieces`: nothing is left
/// of them when all of it went. That the socket takes nothing now is no error. REQUIRES: the socket
/// is in non-blocking mode.
error_code write_now(tcp_socket& socket, std::span<asio::const_buffer>& pieces);

/// Writes the buffers in order, one gathered write where the socket takes it; usually it does, and
/// then nothing is suspended. `pieces` and what they point to outlive the call; the pieces are
/// consumed. `limit`: armed while the socket takes nothing; timed_out when it passes. REQUIRES: the
/// socket is in non-blocking mode.
task<error_code> write_all(tcp_socket& socket,
                           std::span<asio::const_buffer> pieces,
                           stall_limit const* limit = nullptr);

}  // namespace sidecache
