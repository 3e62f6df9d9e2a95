#pragma once

#include "tests/support/file_descriptor.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

/// Blocking loopback sockets for tests. Each function throws std::runtime_error on failure.
namespace sidecache::tests {

/// A port of 127.0.0.1 that was free a moment ago.
std::uint16_t free_port();

/// Listens on 127.0.0.1; port 0 takes a free one.
file_descriptor listen_on(std::uint16_t port, int backlog = 128);
std::uint16_t local_port(file_descriptor const& socket);

file_descriptor connect_to(std::uint16_t port);
/// False instead of throwing: nobody listens there.
bool accepts_connections(std::uint16_t port);

void send_all(file_descriptor const& socket, std::string_view bytes);

/// Waits until `socket` has something to read (or its end). False when `patience` is over.
bool wait_readable(file_descriptor const& socket, std::chrono::milliseconds patience);

}  // namespace sidecache::tests
