#include "proxy/cache/refresh.hpp"

#include "proxy/cache/background_fill.hpp"
#include "proxy/cache/near_cache.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/validity.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/store/store.hpp"

#include <chrono>
#include <utility>

namespace sidecache::cache {

namespace {

using telemetry::background_outcome;

/// Puts the store's entry in the place of the one in memory. False: it is not new enough, either.
task<bool> take_from_store(worker_parts const& parts, fill_order const& order) {
    auto const& pending = parts.process.pending;
    moment at;
    at.lease = order.snap->config->near_cache.lease;
    at.pending_purge = !pending.none() && pending.covers(order.wanted.tags);
    auto const asked_at = boot_clock::now();
    auto const since = parts.near->ticket();
    auto const reading = co_await parts.store.read(order.wanted.key, order.wanted.tags);
    if (!reading) {
        co_return false;
    }
    at.now = system_now_ms();
    at.boot = boot_clock::now();
    store::entry found;
    auto const v = judge(
        reading->entry, reading->by, reading->tags, order.wanted, order.asked.view(), at, found);
    auto const enough = order.wanted.matched->definition.refresh_ahead;
    if (v != validity::hit || found.ttl_left_ms(at.now) < enough.count()) {
        co_return false;
    }
    parts.near->insert({asked_at,
                        since,
                        found,
                        reading->by,
                        reading->tags,
                        order.wanted,
                        order.snap->number,
                        at.now});
    co_return true;
}

task<background_outcome> work(worker_parts parts,
                              std::shared_ptr<fill_order> order,
                              telemetry::hit_tier from) {
    if (from == telemetry::hit_tier::near) {
        bool const is_new_enough = co_await take_from_store(parts, *order);
        if (is_new_enough) {
            co_return background_outcome::found;
        }
    }
    auto const enough = order->wanted.matched->definition.refresh_ahead;
    auto const how = co_await fill_unattended(parts, std::move(order), enough);
    co_return how;
}

}  // namespace

void refresh(worker_parts const& parts,
             std::shared_ptr<snapshot const> const& snap,
             http::downstream const& client,
             asker const& who,
             rules::decision const& wanted,
             telemetry::hit_tier from) {
    if (client.request().method != "GET" || background_rests(parts, wanted, boot_clock::now())) {
        return;
    }
    auto const make = [&] {
        auto caller_then = wanted.of_identity ? who.caller() : caller();
        auto order =
            make_order(snap, wanted, client.request(), client.peer(), std::move(caller_then));
        return work(parts, std::move(order), from);
    };
    start_background(parts, snap, wanted, telemetry::background_purpose::refresh, make);
}

}  // namespace sidecache::cache
