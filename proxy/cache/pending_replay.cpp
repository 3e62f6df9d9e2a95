#include "proxy/cache/bump.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/store/tag_value.hpp"
#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/watch.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>

namespace sidecache::cache {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{20};
// The store's breaker makes an attempt cheap, and hits under these tags wait for it.
constexpr milliseconds longest_pause{100};

void count_replayed(snapshot const& now, std::vector<std::string> const& purges) {
    auto const& known = now.config->rules->purges();
    for (auto const& name : purges) {
        auto const at = std::find_if(known.begin(), known.end(), [&](auto const& p) {
            return p.definition.name.value == name;
        });
        auto const index = at == known.end() ? known.size() : at->index;
        now.metrics->purges[index]
            .phases[static_cast<std::size_t>(telemetry::purge_phase::replayed)]
            .add();
    }
}

/// For the status page, where the write itself stands as pending.
void show_replayed(worker_parts const& parts,
                   std::vector<pending_purges::owed> const& owed,
                   std::size_t keys_removed) {
    if (parts.watch == nullptr) {
        return;
    }
    telemetry::mutation_record record;
    record.at = system_now_ms();
    record.method = "replay";
    record.path = "what was pending";
    record.purges = "replayed";
    for (auto const& one : owed) {
        record.tags.push_back(one.tag);
    }
    record.outcome = "changed";
    record.keys_removed = keys_removed;
    parts.watch->mutations.add(std::move(record));
}

}  // namespace

task<void> replay_pending(worker_parts parts) {
    auto& pending = parts.process.pending;
    if (!pending.claim_replay()) {
        co_return;
    }
    auto id = parts.process.ids.next();
    steady_timer pause_over(parts.ex);
    auto pause = first_pause;
    for (;;) {
        auto const batch = pending.due();
        auto const removed = co_await bump_publish_wait(parts, id, batch.tags);
        if (removed) {
            auto const purges = pending.settle(batch);
            // The next batch must not take off a marker that this one has kept.
            id = parts.process.ids.next();
            count_replayed(*parts.current, purges);
            show_replayed(parts, batch.tags, *removed);
            log::info("pending purges replayed",
                      {{"tags", batch.tags.size()}, {"purges", purges.size()}});
            pause = first_pause;
            auto const nothing_left = pending.rest();
            if (nothing_left) {
                co_return;
            }
            continue;
        }
        pause_over.expires_after(pause);
        auto const [ec] = co_await pause_over.async_wait(as_tuple);
        auto const state = co_await asio::this_coro::cancellation_state;
        if (ec || state.cancelled() != asio::cancellation_type::none) {
            pending.abandon_replay();
            co_return;
        }
        pause = std::min(pause * 2, longest_pause);
    }
}

}  // namespace sidecache::cache
