#pragma once

#include "proxy/async/task.hpp"

#include <string>
#include <vector>

namespace sidecache::cache {
struct purge_report;
struct worker_parts;
}  // namespace sidecache::cache

namespace sidecache::admin {

/// As cache::purge_tags. When the store fails, the tags are owed as those of a mutation that was
/// answered without it are (protocol.md section 5): this replica serves nothing under them until
/// they have been replayed, and whoever asked need not ask again. On the worker's own thread;
/// `worker` outlives its background scope.
task<result<cache::purge_report>> purge_or_owe(cache::worker_parts const& worker,
                                               std::vector<std::string> tags);

}  // namespace sidecache::admin
