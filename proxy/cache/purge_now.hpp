#pragma once

#include "proxy/async/task.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace sidecache::cache {

struct worker_parts;

struct purge_report {
    std::size_t tags = 0;          // given new generations
    std::size_t keys_removed = 0;  // at once; others follow in the background
};

/// A purge that nobody's request sets off (`POST /purge`, protocol.md section 3.9): bumps the
/// tags, publishes, waits, and only then returns. Error: the store's, and then some of the tags
/// may have been bumped; doing it again is harmless. On the worker's own thread.
task<result<purge_report>> purge_tags(worker_parts const& parts, std::vector<std::string> tags);

}  // namespace sidecache::cache
