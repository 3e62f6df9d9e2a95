#include "proxy/cache/background_fill.hpp"

#include "proxy/cache/background_book.hpp"
#include "proxy/cache/fill_feed.hpp"
#include "proxy/cache/fill_ground.hpp"
#include "proxy/cache/fill_table.hpp"
#include "proxy/cache/lock_keeper.hpp"
#include "proxy/cache/upstream_gate.hpp"
#include "proxy/cache/validity.hpp"
#include "proxy/http/forwarded.hpp"
#include "proxy/store/store.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace sidecache::cache {

namespace {

using std::chrono::milliseconds;
using telemetry::background_outcome;

/// Of the lock where the rule has none. Values in a key hold no '|', and what a partition or a
/// variant adds holds a '=': nothing else is called that.
constexpr std::string_view own_lock = "|refresh";
constexpr milliseconds own_lock_life{10'000};

milliseconds take_lock(fill_order& order) {
    auto const& lock = order.wanted.matched->definition.lock;
    if (lock && !order.wanted.lock_key.empty()) {
        return lock->ttl;
    }
    order.wanted.lock_key = order.wanted.key;
    order.wanted.lock_key += own_lock;
    return own_lock_life;
}

task<void> run(background_permit permit,
               std::shared_ptr<snapshot const> snap,
               std::size_t rule,
               telemetry::background_purpose purpose,
               task<background_outcome> work) {
    auto const how = co_await std::move(work);
    permit.end(how, boot_clock::now());
    auto& counters = snap->metrics->rules[rule].background[static_cast<std::size_t>(purpose)];
    counters[static_cast<std::size_t>(how)].add();
}

}  // namespace

std::shared_ptr<fill_order> make_order(std::shared_ptr<snapshot const> snap,
                                       rules::decision const& wanted,
                                       http::request_head const& asked,
                                       std::string_view peer,
                                       caller who) {
    auto order = std::make_shared<fill_order>();
    auto const how = http::arrival_of(peer, snap->config->upstream);
    order->wanted = wanted;
    order->asked = asked;
    order->caller = std::move(who);
    order->request = fill_request_of(http::prepare_upstream_request(asked, how));
    order->snap = std::move(snap);
    return order;
}

task<background_outcome> fill_unattended(worker_parts parts,
                                         std::shared_ptr<fill_order> order,
                                         milliseconds enough) {
    auto const& config = *order->snap->config;
    auto const& rule = order->wanted.matched->definition;
    auto& fills = parts.process.fills;
    if (fills.is_unstorable(order->wanted.full_key)) {
        co_return background_outcome::not_stored;
    }
    auto const lock_ttl = take_lock(*order);
    fill_ground ground;
    ground.token = parts.process.ids.next();
    auto const seen = co_await look(parts, *order, ground, &lock_ttl);
    std::optional<background_outcome> over;
    if (seen.hit && (seen.is_other_variant || seen.life_left > enough)) {
        over = background_outcome::found;
    } else if (!seen.answered || ground.hindrance()) {
        over = background_outcome::hindered;
    } else if (ground.lock != fill_ground::lock::held) {
        over = background_outcome::under_way;
    }
    std::optional<gate_permit> room;
    if (!over) {
        // No place in the queue: those are for clients.
        gate_limits const limits{config.upstream.max_concurrent, rule.max_upstream, 0};
        auto admitted = co_await parts.process.gate.enter(
            parts.ex, rule.name.value, limits, config.upstream.timeout);
        if (admitted.permit) {
            room.emplace(std::move(*admitted.permit));
        } else {
            over = background_outcome::dropped;
        }
    }
    std::optional<fill_permit> permit;
    if (!over) {
        auto taken = fills.take(&config, order->wanted.full_key);
        if (taken) {
            permit.emplace(std::move(*taken));
        } else {
            over = background_outcome::under_way;
        }
    }
    if (over) {
        room.reset();
        // Whoever has come to wait for the lock meanwhile looks, and takes it.
        co_await release_ground(parts, *order, ground, store::fill_outcome::stored);
        co_return *over;
    }
    ground.found.reset();
    auto const feed = std::make_shared<fill_feed>(parts.ex);
    feed->reader_gone();
    std::optional<lock_keeper> keeper;
    keeper.emplace(
        parts.background, parts.ex, parts.store, order->wanted.lock_key, ground.token, lock_ttl);
    moment at;
    at.now = system_now_ms();
    at.boot = boot_clock::now();
    at.lease = config.near_cache.lease;
    at.pending_purge = ground.pending_purge;
    permit->sent(ground.seen(at));
    auto const outcome = co_await fetch_and_store(parts, *order, ground, room, *permit, *feed);
    keeper.reset();
    co_await release_ground(parts, *order, ground, outcome);
    co_return feed->ended;
}

bool background_rests(worker_parts const& parts,
                      rules::decision const& wanted,
                      boot_clock::time_point now) {
    return parts.process.background_fills.rests(wanted.full_key, now);
}

bool start_background(worker_parts const& parts,
                      std::shared_ptr<snapshot const> const& snap,
                      rules::decision const& wanted,
                      telemetry::background_purpose purpose,
                      std::function<task<background_outcome>()> const& make) {
    auto const most = snap->config->upstream.max_background;
    background_book::limits const bounds{most, std::max<std::size_t>(most / 2, most != 0 ? 1 : 0)};
    auto permit = parts.process.background_fills.begin(
        wanted.full_key, wanted.matched->definition.name.value, bounds, boot_clock::now());
    auto const rule = wanted.matched->index;
    if (!permit) {
        auto& counters = snap->metrics->rules[rule].background[static_cast<std::size_t>(purpose)];
        counters[static_cast<std::size_t>(background_outcome::dropped)].add();
        return false;
    }
    parts.background.spawn("background fill", run(std::move(*permit), snap, rule, purpose, make()));
    return true;
}

}  // namespace sidecache::cache
