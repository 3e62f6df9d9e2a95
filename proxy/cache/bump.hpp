#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/store/tag_value.hpp"

#include <cstddef>
#include <span>

namespace sidecache::cache {

struct worker_parts;

/// Bumps tags outside of any request: marks them (so that their keys are removed at once, and
/// members with other rules are noticed: then every `rule:` tag goes too, protocol.md section
/// 3.8), gives them new generations, publishes and waits. Where `keep_until` says so a marker
/// stays. Returns how many keys were removed. Error: the store's; doing it again with the same
/// `id` is harmless. `parts` and `tags` outlive the call. On the worker's own thread.
task<result<std::size_t>> bump_publish_wait(worker_parts const& parts,
                                            store::mutation_id id,
                                            std::span<pending_purges::owed const> tags);

}  // namespace sidecache::cache
