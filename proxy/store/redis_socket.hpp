#pragma once

#include "config/model.hpp"
#include "proxy/async/task.hpp"

#include <boost/asio/generic/stream_protocol.hpp>

#include <chrono>
#include <string>

namespace sidecache::store {

/// TCP and unix sockets alike.
using stream_socket = asio::basic_stream_socket<asio::generic::stream_protocol, executor>;

/// Connects to the configured server within `timeout`; every address of a name is tried. `socket`
/// outlives the call.
task<error_code> connect(stream_socket& socket,
                         config::store const& where,
                         std::chrono::milliseconds timeout);

/// Appends the commands that open a session on a new connection: AUTH where there are credentials,
/// the connection's name. Returns how many.
std::size_t append_greeting(std::string& out, config::store const& where, std::string_view name);

}  // namespace sidecache::store
