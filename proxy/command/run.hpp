#pragma once

#include <string>

namespace sidecache::command {

/// `sidecache run FILE`: loads the file, listens, serves until SIGTERM or SIGINT has drained what
/// is in flight. SIGHUP reads the file again and swaps it whole, or keeps the old one and says
/// why. Findings go to stderr. Returns 0 after a drain, 1 when the file has an error or a port
/// cannot be had.
int run(std::string const& file);

}  // namespace sidecache::command
