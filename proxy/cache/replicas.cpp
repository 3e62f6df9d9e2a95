#include "proxy/cache/replicas.hpp"

#include "proxy/cache/event_channel.hpp"
#include "proxy/cache/near_replicas.hpp"
#include "proxy/cache/near_tags.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/weakness.hpp"
#include "proxy/store/event_payload.hpp"
#include "proxy/store/lease.hpp"
#include "proxy/telemetry/log.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sidecache::cache {

namespace {

task<void> dismiss(store::store& store, std::vector<store::near_member> silent) {
    auto const dismissed = co_await store.dismiss(silent);
    if (dismissed != 0) {
        log::warn("replicas were silent for a lease: nobody waits for them until they are back",
                  {{"replicas", static_cast<std::uint64_t>(dismissed)}});
    }
}

}  // namespace

task<bool> own_near_cache_only::publish_and_wait(worker_parts const& /*parts*/,
                                                 std::span<std::string_view const> tags) {
    tags_.drop(tags);
    co_return true;
}

near_replicas::near_replicas(near_tags& tags,
                             store::store_hub& hub,
                             store::id_source& ids,
                             event_channel& fills)
    : tags_(tags), hub_(hub), ids_(ids), fills_(fills) {}

task<bool> near_replicas::publish_and_wait(worker_parts const& parts,
                                           std::span<std::string_view const> tags) {
    tags_.drop(tags);
    if (weakened(weakness::tell_nobody)) {
        co_return true;
    }
    // A number of its own each time: who acknowledged the message of this mutation's begin has not
    // said anything about that of its end.
    auto const id = ids_.next();
    std::string payload;
    store::format_drop_to(payload, id, hub_.member(), tags);
    auto round = acks_.open(id, parts.ex);
    auto const told = co_await parts.store.publish_drop(payload);
    // Counted from here, never from anything earlier (protocol.md section 3.3): a lease may have
    // been granted by a PONG that the server sent just before it took the message.
    auto const since = boot_clock::now();
    if (!told) {
        co_return false;
    }
    if (weakened(weakness::wait_for_nobody)) {
        co_return true;
    }
    round.expect(told->members);
    for (;;) {
        auto const silent = round.longest_missing();
        if (!silent && told->complete) {
            break;
        }
        auto const longest =
            told->complete ? *silent : std::max(silent.value_or(told->longest), told->longest);
        auto const left = since + store::full_lease(longest) - boot_clock::now();
        if (left <= std::chrono::nanoseconds::zero()) {
            break;
        }
        co_await round.wait(std::chrono::steady_clock::now() + left);
    }
    parts.current->metrics->purge_ack_wait.observe(boot_clock::now() - since);
    auto silent = round.missing();
    if (!silent.empty()) {
        parts.background.spawn("dismissal of silent replicas",
                               dismiss(parts.store, std::move(silent)));
    }
    co_return true;
}

void near_replicas::on_message(std::string_view payload) {
    if (auto const drop = store::parse_drop(payload)) {
        if (drop->member == hub_.member()) {
            return;  // done before it was published
        }
        if (drop->everything) {
            tags_.clear();
        } else {
            tags_.drop(drop->tags);
        }
        hub_.acknowledge(drop->round, drop->member);
        return;
    }
    if (auto const ack = store::parse_ack(payload)) {
        acks_.acknowledged(ack->round, ack->member);
        return;
    }
    if (store::parse_fill_done(payload)) {
        fills_.dispatch(payload);
        return;
    }
    tags_.clear();
}

}  // namespace sidecache::cache
