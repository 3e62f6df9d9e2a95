#include "proxy/store/cluster_store.hpp"

#include "proxy/store/audience.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"

#include <algorithm>
#include <utility>

// What a request reads and a fill writes; mutations: cluster_mutations.cpp.
namespace sidecache::store {

namespace {

using namespace std::string_view_literals;
using telemetry::store_command;

bool is_ok(reply const& r) {
    return r.is_status() && r.text() == "OK";
}

/// PX 0 is an error to Redis.
std::chrono::milliseconds at_least_1(std::chrono::milliseconds d) {
    return std::max(d, std::chrono::milliseconds(1));
}

std::string tag_key(std::string_view tag) {
    return std::string(names::tag).append(tag);
}
std::string index_key(std::string_view tag) {
    return std::string(names::index).append(tag);
}

/// Tells who waits for a lock. The members' key shows whether that was home.
task<void> tell_fill_done(std::shared_ptr<cluster> owned,
                          std::string lock_key,
                          fill_outcome outcome) {
    auto const c = std::move(owned);
    std::string payload;
    format_to(payload, {outcome, lock_key});
    auto const write = [&](std::string& out, session const&) {
        append_command(out, "PUBLISH"sv, names::events, std::string_view(payload));
        append_command(out, "EXISTS"sv, names::members);
        return std::size_t{2};
    };
    call_plan const plan{store_command::publish};
    auto const told = co_await c->ask_home(plan, write);
    (void)told;  // who waits looks by himself, too
}

task<store_error> release(std::shared_ptr<cluster> c, std::string lock_key, id128 token) {
    auto const what = std::make_shared<cluster_batch>();
    what->add_script(script::lock_release, lock_key, token);
    call_plan const plan{store_command::lock};
    auto const a = co_await c->ask(plan, what);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    co_return a[0].is_integer() ? store_error::ok : store_error::refused;
}

/// Releases a lock that may be ours without our knowing: nobody should wait for it.
task<void> forget_lock(std::shared_ptr<cluster> owned, std::string lock_key, id128 token) {
    auto const c = std::move(owned);
    auto const released = co_await release(c, lock_key, token);
    (void)released;  // else it ends with its life
    co_await tell_fill_done(c, std::move(lock_key), fill_outcome::failed);
}

}  // namespace

cluster_store::cluster_store(std::shared_ptr<cluster> c)
    : cluster_(c), sweeper_(std::make_shared<cluster_sweeper>(std::move(c))) {}

cluster_store::~cluster_store() {
    sweeper_->stop();
    cluster_->abandon();
}

task<result<reading>> cluster_store::read(std::string_view key, rules::tag_list const& tags) {
    auto const what = std::make_shared<cluster_batch>();
    if (!key.empty()) {
        what->add(key, "GET"sv, key);
    }
    auto const first = what->size();
    for (std::size_t i = 0; i < tags.size(); ++i) {
        auto const name = tag_key(tags[i]);
        what->add(name, "GET"sv, std::string_view(name));
    }
    call_plan const plan{store_command::read};
    auto const a = co_await cluster_->ask(plan, what);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    reading r;
    r.by = a.by;
    if (first != 0) {
        r.entry = a[0].held();
    }
    for (std::size_t i = 0; i < tags.size(); ++i) {
        auto const told = a[first + i];
        if (told.is_error() && !told.text().starts_with("WRONGTYPE")) {
            co_return store_error::refused;
        }
        auto tag = read_tag(told.text());
        tag.gen = as_told_by(a.replies[first + i].server, tag.gen);
        r.tags.push_back(tag);
    }
    co_return r;
}

task<result<fill_ground>> cluster_store::begin_fill(fill_request const& r) {
    auto& p = process();
    auto const tags = r.tags->size();
    bool const asks_lock = !r.lock_key.empty();
    auto const server = cluster_->label();
    auto const what = std::make_shared<cluster_batch>();
    for (std::size_t i = 0; i < tags; ++i) {
        what->add_script(script::tag_snapshot, tag_key((*r.tags)[i]), p.ids.next(), r.keep_tags);
    }
    auto const quarantine = p.quarantine_key(server.value_or(id128{}));
    auto const quarantine_at = what->add(quarantine, "EXISTS"sv, std::string_view(quarantine));
    std::size_t room_at = 0;
    if (r.max_keys > 0) {
        room_at = what->add_script(script::index_room,
                                   index_key(r.counted_tag),
                                   r.key,
                                   static_cast<std::int64_t>(r.max_keys));
    }
    std::size_t entry_at = 0;
    std::size_t lock_at = 0;
    if (asks_lock) {
        lock_at = what->add(
            r.lock_key, "SET"sv, r.lock_key, r.lock_token, "NX"sv, "PX"sv, at_least_1(r.lock_ttl));
    } else {
        entry_at = what->add(r.key, "GET"sv, r.key);
    }
    call_plan const plan{store_command::fill, !asks_lock, false};
    auto const a = co_await cluster_->ask(plan, what);
    auto const forget = [&] {
        spawn(cluster_->loop(),
              "fill lock",
              forget_lock(cluster_, std::string(r.lock_key), r.lock_token));
    };
    if (a.error != store_error::ok) {
        if (a.sent && asks_lock) {
            forget();
        }
        co_return a.error;
    }
    fill_ground g;
    g.by = a.by;
    if (asks_lock) {
        g.lock = is_ok(a[lock_at]) ? lock_state::acquired : lock_state::held;
    }
    for (std::size_t i = 0; i < tags; ++i) {
        auto t = a[i].is_text() ? read_tag(a[i].text()) : tag_reading{};
        if (!t.present) {
            if (g.lock == lock_state::acquired) {
                forget();
            }
            co_return a[i].is_error() ? store_error::refused : store_error::malformed;
        }
        t.gen = as_told_by(a.replies[i].server, t.gen);
        g.tags.push_back(t);
    }
    // The quarantine that was asked for is another Cluster's: nobody knows.
    bool const is_known = server == a.by.server && a[quarantine_at].is_integer();
    g.quarantined =
        p.settings.quarantine.count() > 0 && (!is_known || a[quarantine_at].number() != 0 ||
                                              p.is_quarantined(boot_clock::now()) || a.by.quiet);
    if (r.max_keys > 0) {
        g.is_full = a[room_at].is_integer() && a[room_at].number() == 0;
    }
    if (!asks_lock) {
        g.entry = a[entry_at].shared_text();
        co_return g;
    }
    // Behind the lock: whoever had it until now may have stored what is wanted.
    auto const again = std::make_shared<cluster_batch>();
    again->add(r.key, "GET"sv, r.key);
    call_plan const second{store_command::fill};
    auto const e = co_await cluster_->ask(second, again);
    if (e.error == store_error::ok && e.by.server == g.by.server) {
        g.entry = e[0].shared_text();
    }
    co_return g;
}

task<result<void>> cluster_store::put(put_request const& r) {
    auto const what = std::make_shared<cluster_batch>();
    auto const ttl = at_least_1(r.ttl);
    what->add(r.key, "SET"sv, r.key, r.bytes, "PX"sv, ttl);
    for (std::size_t i = 0; i < r.tags->size(); ++i) {
        if ((*r.tags)[i] != r.key) {
            what->add_script(script::index_add, index_key((*r.tags)[i]), r.key, ttl);
        }
    }
    call_plan const plan{store_command::put};
    auto const a = co_await cluster_->ask(plan, what);
    bool const stored = a.error == store_error::ok && is_ok(a[0]);
    if (!r.lock_key.empty()) {
        std::string lock_key(r.lock_key);
        auto const released = co_await release(cluster_, lock_key, r.lock_token);
        (void)released;  // it ends with its life
        co_await tell_fill_done(cluster_, std::move(lock_key), fill_outcome::stored);
    }
    if (!stored) {
        co_return a.error == store_error::ok ? store_error::refused : a.error;
    }
    co_return result<void>();
}

task<result<void>> cluster_store::release_lock(std::string_view lock_key,
                                               id128 token,
                                               fill_outcome outcome) {
    auto const released = co_await release(cluster_, std::string(lock_key), token);
    co_await tell_fill_done(cluster_, std::string(lock_key), outcome);
    if (released != store_error::ok) {
        co_return released;
    }
    co_return result<void>();
}

task<result<bool>> cluster_store::extend_lock(std::string_view lock_key,
                                              id128 token,
                                              std::chrono::milliseconds ttl) {
    auto const what = std::make_shared<cluster_batch>();
    what->add_script(script::lock_extend, lock_key, token, at_least_1(ttl));
    call_plan const plan{store_command::lock};
    auto const a = co_await cluster_->ask(plan, what);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!a[0].is_integer()) {
        co_return store_error::refused;
    }
    co_return a[0].number() == 1;
}

task<result<bool>> cluster_store::lock_held(std::string_view lock_key) {
    auto const what = std::make_shared<cluster_batch>();
    what->add(lock_key, "EXISTS"sv, lock_key);
    call_plan const plan{store_command::lock};
    auto const a = co_await cluster_->ask(plan, what);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!a[0].is_integer()) {
        co_return store_error::refused;
    }
    co_return a[0].number() == 1;
}

task<result<void>> cluster_store::verify() {
    auto const error = co_await cluster_->verify();
    if (error != store_error::ok) {
        co_return error;
    }
    co_return result<void>();
}

task<result<void>> cluster_store::publish(std::string_view payload) {
    auto const write = [&](std::string& out, session const&) {
        append_command(out, "PUBLISH"sv, names::events, payload);
        append_command(out, "EXISTS"sv, names::members);
        return std::size_t{2};
    };
    call_plan const plan{store_command::publish, true, true};
    auto const a = co_await cluster_->ask_home(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!a.replies[0].is_integer() || !a.replies[1].is_integer()) {
        co_return store_error::refused;
    }
    co_return result<void>();
}

}  // namespace sidecache::store
