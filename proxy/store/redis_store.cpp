#include "proxy/store/redis_store.hpp"

#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"

#include <algorithm>
#include <utility>

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

void append_release(std::string& out,
                    script_digests const& digests,
                    std::string_view key,
                    id128 t) {
    append_command(out, "EVALSHA"sv, digest_of(digests, script::lock_release), "1"sv, key, t);
}

void append_fill_done(std::string& out, std::string_view lock_key, fill_outcome outcome) {
    std::string payload;
    format_to(payload, {outcome, lock_key});
    append_command(out, "PUBLISH"sv, names::events, std::string_view(payload));
}

/// Releases a lock that may be ours without our knowing: nobody should wait for it.
task<void> forget_lock(std::shared_ptr<node> owned, std::string lock_key, id128 token) {
    auto const n = std::move(owned);
    auto const until = std::chrono::steady_clock::now() + n->process().settings.connect_timeout();
    auto const ready = co_await n->wait_connected(until, false);
    if (ready != store_error::ok) {
        co_return;
    }
    auto const on = n->connected();
    append_release(on->commands(), n->present().scripts, lock_key, token);
    append_fill_done(on->commands(), lock_key, fill_outcome::failed);
    auto [error, replies] = co_await on->ask(2, until);
    (void)error;  // else it ends with its life
    (void)replies;
}

}  // namespace

redis_store::redis_store(std::shared_ptr<node> n, metrics_source metrics)
    : caller_(n, meter(std::move(metrics))),
      sweeper_(std::make_shared<index_sweeper>(std::move(n))) {}

redis_store::~redis_store() = default;

task<result<reading>> redis_store::read(std::string_view key, rules::tag_list const& tags) {
    // The hit path: one MGET, no detour over `caller::ask`. All attempts share one deadline: a
    // slow store must not cost a reader more than `store.timeout`.
    auto const began = std::chrono::steady_clock::now();
    auto const deadline = began + caller_.timeout();
    auto error = caller_.admits() ? store_error::unreachable : store_error::breaker_open;
    for (unsigned attempt = 0; error == store_error::unreachable && attempt < caller_.attempts();
         ++attempt) {
        auto on = caller_.target().connected();
        if (!on) {
            error = co_await caller_.target().wait_connected(deadline, false);
            if (error != store_error::ok) {
                break;
            }
            on = caller_.target().connected();
        }
        append_mget(on->commands(), key, names::tag, tags);
        auto [outcome, replies] = co_await on->ask(1, deadline);
        error = outcome;
        if (error != store_error::ok) {
            continue;
        }
        auto const got = replies[0];
        if (got.size() != 1 + tags.size()) {
            error = got.is_error() ? store_error::refused : store_error::malformed;
            break;
        }
        reading r{caller_.target().by(), got[0].held(), {}};
        r.tags.reserve(tags.size());
        for (std::size_t i = 0; i < tags.size(); ++i) {
            r.tags.push_back(read_tag(got[1 + i].text()));
        }
        on->recycle(std::move(replies));
        caller_.report(store_command::read, store_error::ok, began);
        co_return r;
    }
    caller_.report(store_command::read, error, began);
    co_return error;
}

task<result<fill_ground>> redis_store::begin_fill(fill_request const& r) {
    auto const tags = r.tags->size();
    // Snapshots, quarantine, lock, entry; a second round, when scripts had to be loaded anew,
    // leaves the lock as the first one has found it.
    bool asks_lock = !r.lock_key.empty();
    auto const write = [&](std::string& out, session const& s) {
        for (std::size_t i = 0; i < tags; ++i) {
            append_command(out,
                           "EVALSHA"sv,
                           digest_of(s.scripts, script::tag_snapshot),
                           "1"sv,
                           prefixed{names::tag, (*r.tags)[i]},
                           caller_.target().process().ids.next(),
                           r.keep_tags);
        }
        append_command(out,
                       "EXISTS"sv,
                       std::string_view(caller_.target().process().quarantine_key(s.last.server)));
        if (asks_lock) {
            append_command(
                out, "SET"sv, r.lock_key, r.lock_token, "NX"sv, "PX"sv, at_least_1(r.lock_ttl));
        }
        append_command(out, "GET"sv, r.key);
        if (r.max_keys > 0) {
            append_command(out,
                           "EVALSHA"sv,
                           digest_of(s.scripts, script::index_room),
                           "1"sv,
                           prefixed{names::index, r.counted_tag},
                           r.key,
                           static_cast<std::int64_t>(r.max_keys));
        }
        return tags + 2 + (asks_lock ? 1 : 0) + (r.max_keys > 0 ? 1 : 0);
    };
    call_plan const plan{store_command::fill, r.lock_key.empty(), false};
    auto a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        if (a.sent && asks_lock) {
            auto const& n = caller_.shared_target();
            spawn(n->loop(), "fill lock", forget_lock(n, std::string(r.lock_key), r.lock_token));
        }
        co_return a.error;
    }
    fill_ground g;
    if (asks_lock) {
        g.lock = is_ok(a.replies[tags + 1]) ? lock_state::acquired : lock_state::held;
        if (tags > 0 && a.replies[0].is_error() && a.replies[0].text().starts_with("NOSCRIPT")) {
            asks_lock = false;
            auto const loaded = co_await caller_.target().reload_scripts();
            if (!loaded) {
                co_return loaded.error();
            }
            a = co_await caller_.ask(plan, write);
            if (a.error != store_error::ok) {
                co_return a.error;
            }
        }
    }
    g.by = a.by;
    g.tags.reserve(tags);
    for (std::size_t i = 0; i < tags; ++i) {
        auto const t = a.replies[i].is_text() ? read_tag(a.replies[i].text()) : tag_reading{};
        if (!t.present) {
            auto const error =
                a.replies[i].is_error() ? store_error::refused : store_error::malformed;
            co_return error;
        }
        g.tags.push_back(t);
    }
    auto const& process = caller_.target().process();
    g.quarantined =
        process.settings.quarantine.count() > 0 &&
        (a.replies[tags].number() != 0 || process.is_quarantined(boot_clock::now()) || a.by.quiet);
    auto const entry_at = tags + (asks_lock ? 2 : 1);
    g.entry = a.replies[entry_at].shared_text();
    if (r.max_keys > 0) {
        // Whoever does not know stores: the bound is for memory, not for what is right.
        auto const room = a.replies[entry_at + 1];
        g.is_full = room.is_integer() && room.number() == 0;
    }
    co_return g;
}

task<result<void>> redis_store::put(put_request const& r) {
    auto const write = [&](std::string& out, session const& s) {
        std::size_t commands = 1;
        auto const ttl = at_least_1(r.ttl);
        append_command(out, "SET"sv, r.key, r.bytes, "PX"sv, ttl);
        for (std::size_t i = 0; i < r.tags->size(); ++i) {
            if ((*r.tags)[i] != r.key) {
                append_command(out,
                               "EVALSHA"sv,
                               digest_of(s.scripts, script::index_add),
                               "1"sv,
                               prefixed{names::index, (*r.tags)[i]},
                               r.key,
                               ttl);
                ++commands;
            }
        }
        if (!r.lock_key.empty()) {
            append_release(out, s.scripts, r.lock_key, r.lock_token);
            // Should the SET have been refused: whoever wakes reads the store and finds nothing.
            append_fill_done(out, r.lock_key, fill_outcome::stored);
            commands += 2;
        }
        return commands;
    };
    call_plan const plan{store_command::put};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!is_ok(a.replies[0])) {
        co_return store_error::refused;
    }
    co_return result<void>();
}

task<result<void>> redis_store::release_lock(std::string_view lock_key,
                                             id128 token,
                                             fill_outcome outcome) {
    auto const write = [&](std::string& out, session const& s) {
        append_release(out, s.scripts, lock_key, token);
        append_fill_done(out, lock_key, outcome);
        return std::size_t{2};
    };
    call_plan const plan{store_command::lock};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!a.replies[0].is_integer()) {
        co_return store_error::refused;
    }
    co_return result<void>();
}

task<result<bool>> redis_store::extend_lock(std::string_view lock_key,
                                            id128 token,
                                            std::chrono::milliseconds ttl) {
    auto const write = [&](std::string& out, session const& s) {
        append_command(out,
                       "EVALSHA"sv,
                       digest_of(s.scripts, script::lock_extend),
                       "1"sv,
                       lock_key,
                       token,
                       at_least_1(ttl));
        return std::size_t{1};
    };
    call_plan const plan{store_command::lock};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!a.replies[0].is_integer()) {
        co_return store_error::refused;
    }
    co_return a.replies[0].number() == 1;
}

task<result<bool>> redis_store::lock_held(std::string_view lock_key) {
    auto const write = [&](std::string& out, session const&) {
        append_command(out, "EXISTS"sv, lock_key);
        return std::size_t{1};
    };
    call_plan const plan{store_command::lock};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!a.replies[0].is_integer()) {
        co_return store_error::refused;
    }
    co_return a.replies[0].number() == 1;
}

task<result<void>> redis_store::publish(std::string_view payload) {
    auto const write = [&](std::string& out, session const&) {
        append_command(out, "PUBLISH"sv, names::events, payload);
        return std::size_t{1};
    };
    call_plan const plan{store_command::publish, true, true};
    auto const a = co_await caller_.ask(plan, write);
    if (a.error != store_error::ok) {
        co_return a.error;
    }
    if (!a.replies[0].is_integer()) {
        co_return store_error::refused;
    }
    co_return result<void>();
}

std::optional<id128> redis_store::server() const {
    return caller_.target().server();
}

task<result<void>> redis_store::verify() {
    auto const until = std::chrono::steady_clock::now() + caller_.timeout();
    auto const error = co_await caller_.target().verify(until);
    if (error != store_error::ok) {
        co_return error;
    }
    co_return result<void>();
}

store_status redis_store::status() const {
    auto s = caller_.target().status();
    s.breaker_open = caller_.has_open_breaker();
    return s;
}

}  // namespace sidecache::store
