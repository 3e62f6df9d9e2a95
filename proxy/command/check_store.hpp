#pragma once

#include <string>

namespace sidecache::command {

/// `sidecache check --connect FILE`: connects to the store and prints what it finds, one thing a
/// line. The file's own findings go to stderr. Returns 0, or 1 when a running sidecache would not
/// have this store.
int check_store(std::string const& file);

}  // namespace sidecache::command
