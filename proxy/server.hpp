#pragma once

#include "config/load.hpp"

#include <string>

namespace sidecache {

/// The wiring of `sidecache run`: configuration -> what the process shares -> workers; then signals
/// until the drain. Returns the exit code. Never called twice in a process.
///
/// SIGHUP loads `file` again, and so does a change of it under `reload: watch`. SIGTERM and SIGINT
/// drain, after `limits.drain_delay`; another one ends that delay, or breaks off what the drain
/// still waits for. Once it listens it says so on stdout, a line each, with the real ports:
///
///     admin listening on 127.0.0.1:9090
///     listening on 0.0.0.0:8080
int serve(std::string const& file, config::loaded const& first);

}  // namespace sidecache
