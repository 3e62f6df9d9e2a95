#pragma once

#include "proxy/async/deadline.hpp"
#include "proxy/async/task.hpp"

#include <chrono>
#include <string_view>

namespace sidecache::http {

/// Relays bytes both ways until both sides have said that they end, one of them breaks, or nothing
/// has moved for `idle`. An end of stream on one side is passed on as such while the other goes on
/// (half close). `for_upstream` was read from the client already and goes first. Everything
/// outlives the call; both sockets are in non-blocking mode.
task<void> relay(tcp_socket& client,
                 tcp_socket& upstream,
                 std::string_view for_upstream,
                 sweeper& sweep,
                 std::chrono::milliseconds idle);

}  // namespace sidecache::http
