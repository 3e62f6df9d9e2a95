#include "proxy/cache/fill_ground.hpp"

#include "proxy/cache/entry_groups.hpp"
#include "proxy/cache/event_channel.hpp"
#include "proxy/cache/fill_lock.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "rules/http_cache/groups.hpp"
#include "rules/rule_set.hpp"

#include <algorithm>
#include <utility>

namespace sidecache::cache {

namespace {

using std::chrono::steady_clock;

void count(fill_order const& order,
           fill_lock const& lock,
           bool found,
           steady_clock::time_point began) {
    auto& metrics = order.snap->metrics->rules[order.wanted.matched->index];
    metrics.fill_locks[static_cast<std::size_t>(lock.outcome(found))].add();
    if (lock.waited()) {
        metrics.fill_lock_wait.observe(steady_clock::now() - began);
    }
}

/// Reads a valid entry again with the tags of its groups; what was read is in `found`.
task<validity> judge_with_groups(worker_parts const& parts,
                                 fill_order const& order,
                                 moment at,
                                 store::entry& decoded,
                                 std::shared_ptr<std::string const>& found) {
    auto wanted = order.wanted;
    add_groups(wanted.tags, decoded);
    auto const& pending = parts.process.pending;
    at.pending_purge = !pending.none() && pending.covers(wanted.tags);
    auto const reading = co_await parts.store.read(wanted.key, wanted.tags);
    if (!reading) {
        co_return validity::absent;
    }
    at.boot = boot_clock::now();
    found = reading->entry.own();
    co_return judge(found, reading->by, reading->tags, wanted, order.asked.view(), at, decoded);
}

}  // namespace

task<looked> look(worker_parts const& parts,
                  fill_order const& order,
                  fill_ground& ground,
                  std::chrono::milliseconds const* lock_ttl) {
    auto const& config = *order.snap->config;
    auto& pending = parts.process.pending;
    looked out;
    // Before the reading is sent: see pending_purges.
    ground.pending_purge = !pending.none() && pending.covers(order.wanted.tags);
    store::fill_request ask;
    ask.key = order.wanted.key;
    ask.tags = &order.wanted.tags;
    ask.keep_tags = config.tag_life();
    auto const& rule = order.wanted.matched->definition;
    rules::tag_list and_any_group;
    if (rule.origin) {
        and_any_group = order.wanted.tags;
        and_any_group.add(rules::http_cache::any_group);
        ask.tags = &and_any_group;
    }
    auto const counted = rules::rule_set::rule_tag(rule.name.value);
    ask.counted_tag = counted;
    ask.max_keys = rule.max_keys;
    if (lock_ttl != nullptr) {
        ask.lock_key = order.wanted.lock_key;
        ask.lock_token = ground.token;
        ask.lock_ttl = *lock_ttl;
    }
    auto answer = co_await parts.store.begin_fill(ask);
    if (!answer) {
        ground.snapshot.reset();
        if (lock_ttl != nullptr && ground.lock == fill_ground::lock::none) {
            ground.lock = fill_ground::lock::maybe;
        }
        co_return out;
    }
    out.answered = true;
    out.lock = answer->lock;
    if (out.lock == store::lock_state::acquired) {
        ground.lock = fill_ground::lock::held;
    } else if (out.lock == store::lock_state::held) {
        ground.lock = fill_ground::lock::none;
    }
    ground.any_group.reset();
    if (rule.origin && answer->tags.size() == and_any_group.size()) {
        ground.any_group = answer->tags.back();
        answer->tags.pop_back();
    }
    ground.snapshot = std::move(*answer);
    moment at;
    at.now = system_now_ms();
    at.boot = boot_clock::now();
    at.lease = config.near_cache.lease;
    at.pending_purge = ground.pending_purge;
    store::entry decoded;
    auto const& s = *ground.snapshot;
    auto v = judge(s.entry, s.by, s.tags, order.wanted, order.asked.view(), at, decoded);
    auto found = s.entry;
    if (v == validity::groups) {
        v = co_await judge_with_groups(parts, order, at, decoded, found);
    }
    // What is valid for other clients stays: under the plain key nothing but time or a purge ends
    // it, and this one's variant has a key of its own.
    out.is_other_variant = v == validity::vary && order.wanted.variant == 0;
    bool const is_new_enough = order.not_before == 0 || decoded.fetched_at > order.not_before;
    out.hit = (v == validity::hit && is_new_enough) || out.is_other_variant;
    if (out.hit) {
        ground.found = std::move(found);
        out.life_left = std::chrono::milliseconds(decoded.ttl_left_ms(at.now));
    }
    co_return out;
}

std::optional<rules::not_stored> fill_ground::hindrance() const {
    if (!snapshot || snapshot->tags.empty()) {
        return rules::not_stored::store_down;
    }
    auto const is_missing = [](store::tag_reading const& t) { return !t.present; };
    if (std::any_of(snapshot->tags.begin(), snapshot->tags.end(), is_missing)) {
        return rules::not_stored::store_down;
    }
    if (snapshot->quarantined) {
        return rules::not_stored::quarantine;
    }
    auto const is_marked = [](store::tag_reading const& t) { return t.marker; };
    if (pending_purge || std::any_of(snapshot->tags.begin(), snapshot->tags.end(), is_marked)) {
        return rules::not_stored::marked;
    }
    return snapshot->is_full ? std::optional(rules::not_stored::max_keys) : std::nullopt;
}

sight fill_ground::seen(moment const& at) const {
    if (!snapshot) {
        return {};
    }
    auto out = see(snapshot->by, snapshot->tags, at);
    // A rule that is full has nothing against sharing what is fetched.
    auto const why = hindrance();
    if (why && *why != rules::not_stored::max_keys) {
        out.clean = false;
    }
    return out;
}

task<fill_ground> take_ground(worker_parts const& parts, fill_order const& order, bool use_lock) {
    fill_ground ground;
    auto const& rule = order.wanted.matched->definition;
    auto const* const lock =
        use_lock && rule.lock && !order.wanted.lock_key.empty() ? &*rule.lock : nullptr;
    if (lock == nullptr) {
        auto const plain = co_await look(parts, order, ground, nullptr);
        (void)plain;
        co_return ground;
    }
    auto const began = steady_clock::now();
    ground.token = parts.process.ids.next();
    fill_lock machine(lock->wait);
    auto listening = parts.process.events.listen(order.wanted.lock_key, parts.ex);
    for (auto step = fill_lock::step::look; step != fill_lock::step::fetch;) {
        if (step == fill_lock::step::look) {
            auto const seen = co_await look(parts, order, ground, &lock->ttl);
            if (!seen.answered) {
                co_return ground;
            }
            if (seen.hit) {
                ground.waited = machine.waited();
                count(order, machine, true, began);
                co_return ground;
            }
            step = machine.on_look(seen.lock, steady_clock::now());
        } else if (step == fill_lock::step::wait) {
            auto const news = co_await listening.wait(machine.wake_at());
            switch (news) {
                case fill_news::none:
                    step = machine.on_time(steady_clock::now());
                    break;
                case fill_news::stored:
                case fill_news::not_stored:
                    step = machine.on_message(news == fill_news::stored);
                    break;
                case fill_news::lost:
                    step = machine.on_lost();
                    break;
            }
        } else {
            auto const held = co_await parts.store.lock_held(order.wanted.lock_key);
            step = held ? machine.on_polled(*held, steady_clock::now()) : machine.on_store_error();
        }
    }
    count(order, machine, false, began);
    co_return ground;
}

task<void> renew_ground(worker_parts const& parts, fill_order const& order, fill_ground& ground) {
    auto const held = ground.lock;
    auto const seen = co_await look(parts, order, ground, nullptr);
    (void)seen;
    ground.lock = held;
}

task<void> release_ground(worker_parts const& parts,
                          fill_order const& order,
                          fill_ground& ground,
                          store::fill_outcome outcome) {
    if (std::exchange(ground.lock, fill_ground::lock::none) == fill_ground::lock::none) {
        co_return;
    }
    // Should it fail, the lock runs out by itself, and who waits for it finds that by polling.
    auto const released =
        co_await parts.store.release_lock(order.wanted.lock_key, ground.token, outcome);
    (void)released;
}

}  // namespace sidecache::cache
