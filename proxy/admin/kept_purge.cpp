#include "proxy/admin/kept_purge.hpp"

#include "proxy/cache/parts.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/purge_now.hpp"

#include <optional>
#include <utility>

namespace sidecache::admin {

task<result<cache::purge_report>> purge_or_owe(cache::worker_parts const& worker,
                                               std::vector<std::string> tags) {
    auto const done = co_await cache::purge_tags(worker, tags);
    if (done) {
        co_return done;
    }
    std::vector<rules::planned_mark> changed;
    changed.reserve(tags.size());
    for (auto const& tag : tags) {
        changed.push_back({tag, rules::mark_kind::marker, {}});
    }
    auto held = worker.process.pending.hold(std::move(tags), worker.current->config->rules);
    held.owe(std::move(changed), std::nullopt, {});
    worker.background.spawn("replay of pending purges", cache::replay_pending(worker));
    co_return done;
}

}  // namespace sidecache::admin
