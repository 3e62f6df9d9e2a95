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

task<bool> replicas::wait(worker_parts const& parts,
                          notice& /*sent*/,
                          std::span<std::string_view const> tags) {
    auto const told = co_await publish_and_wait(parts, tags);
    co_return told;
}

/// With the round in which it is acknowledged: a number of its own each time, since who has
/// acknowledged the message of a mutation's begin has not said anything about that of its end.
struct near_replicas::letter final : notice {
    letter(ack_book& book, store::id128 id, executor ex) : round(book.open(id, ex)) {}
    ack_book::round round;
};

std::unique_ptr<notice> near_replicas::compose(worker_parts const& parts,
                                               std::span<std::string_view const> tags) {
    if (weakened(weakness::tell_nobody)) {
        return nullptr;
    }
    auto const id = ids_.next();
    auto made = std::make_unique<letter>(acks_, id, parts.ex);
    store::format_drop_to(made->payload, id, hub_.member(), tags);
    return made;
}

task<bool> near_replicas::publish_and_wait(worker_parts const& parts,
                                           std::span<std::string_view const> tags) {
    tags_.drop(tags);
    auto const sent = compose(parts, tags);
    if (!sent) {
        co_return true;
    }
    auto told = co_await parts.store.publish_drop(sent->payload);
    sent->since = boot_clock::now();
    if (!told) {
        co_return false;
    }
    sent->told = std::move(*told);
    co_await wait_for_acks(parts, static_cast<letter&>(*sent));
    co_return true;
}

task<bool> near_replicas::wait(worker_parts const& parts,
                               notice& sent,
                               std::span<std::string_view const> tags) {
    // Not before: what a read took from the store until the batch was there would stay.
    tags_.drop(tags);
    if (!sent.told) {
        co_return false;
    }
    co_await wait_for_acks(parts, static_cast<letter&>(sent));
    co_return true;
}

task<void> near_replicas::wait_for_acks(worker_parts const& parts, letter& sent) {
    if (weakened(weakness::wait_for_nobody)) {
        co_return;
    }
    // Counted from the reply, never from anything earlier (protocol.md section 3.3): a lease may
    // have been granted by a PONG that the server sent just before it took the message.
    auto const began = boot_clock::now();
    auto& round = sent.round;
    auto const& told = *sent.told;
    round.expect(told.members);
    for (;;) {
        auto const silent = round.longest_missing();
        if (!silent && told.complete) {
            break;
        }
        auto const longest =
            told.complete ? *silent : std::max(silent.value_or(told.longest), told.longest);
        auto const left = sent.since + store::full_lease(longest) - boot_clock::now();
        if (left <= std::chrono::nanoseconds::zero()) {
            break;
        }
        co_await round.wait(std::chrono::steady_clock::now() + left);
    }
    parts.current->metrics->purge_ack_wait.observe(boot_clock::now() - began);
    auto silent = round.missing();
    if (!silent.empty()) {
        parts.background.spawn("dismissal of silent replicas",
                               dismiss(parts.store, std::move(silent)));
    }
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
