#include "proxy/cache/miss.hpp"

#include "proxy/cache/background_fill.hpp"
#include "proxy/cache/entry_groups.hpp"
#include "proxy/cache/fill.hpp"
#include "proxy/cache/fill_feed.hpp"
#include "proxy/cache/fill_table.hpp"
#include "proxy/cache/head_update.hpp"
#include "proxy/cache/hit.hpp"
#include "proxy/cache/own_answer.hpp"
#include "proxy/cache/upstream_gate.hpp"
#include "proxy/http/forwarded.hpp"
#include "proxy/upstream/pass.hpp"
#include "rules/cache_status.hpp"
#include "rules/http_cache/conditional.hpp"
#include "rules/storable.hpp"
#include "rules/vary.hpp"

#include <array>
#include <utility>
#include <variant>

namespace sidecache::cache {

namespace {

using rules::http_cache::trouble;
using telemetry::request_result;

/// RFC 9211 section 2.2, in as much detail as `ttl: origin` can tell; a rule with a duration has
/// but one kind of miss.
rules::forwarded why_forwarded(lookup const& at) {
    using rules::forwarded;
    if (at.why == validity::stale) {
        return forwarded::stale;
    }
    if (at.why == validity::hit) {
        return forwarded::request;
    }
    if (!at.wanted.matched->definition.origin) {
        return forwarded::miss;
    }
    if (at.why == validity::absent && at.reading) {
        return at.wanted.variant == 0 ? forwarded::uri_miss : forwarded::vary_miss;
    }
    return at.why == validity::vary ? forwarded::vary_miss : forwarded::miss;
}

rules::cache_status miss_status(lookup const& at) {
    rules::cache_status status;
    status.fwd = why_forwarded(at);
    status.key = at.wanted.key;
    return status;
}

/// One client's way through a miss. A value in its coroutine's frame; everything it refers to
/// outlives it.
struct missing {
    worker_parts const& parts;
    std::shared_ptr<snapshot const> snap;
    http::downstream& client;
    lookup& at;
    request_account& account;

    task<void> run() {
        if (client.request().method == "HEAD") {
            co_await pass_on("head");
            co_return;
        }
        if (at.wanted.asks.range) {
            co_await pass_on("range");
            co_return;
        }
        if (at.directives.no_store) {
            co_await pass_on("no_store");
            co_return;
        }
        if (at.use.never_fresh) {
            // Each asks for himself: nobody may be served what another one's asking has brought.
            co_await lead(fill_permit(), false);
            co_return;
        }
        co_await seek();
    }

private:
    /// Finds its place among the fills of its key.
    task<void> seek() {
        auto answer = ask(true);
        if (!std::holds_alternative<look_again>(answer)) {
            co_await proceed(std::move(answer));
            co_return;
        }
        co_await look_up();
        if (at.use.is_yes()) {
            account.result = request_result::coalesced;
            co_await send_hit();
            co_return;
        }
        auto second = ask(false);
        co_await proceed(std::move(second));
    }

    /// A valid entry turned up, but for other field values: goes on under the key of its own
    /// variant, where all who want the same meet again. False: it came from there.
    bool turn_to_variant() {
        return rules::take_variant(at.wanted, at.entry.vary, client.request().view());
    }

    bool is_for_us() const { return rules::vary_matches(at.entry.vary, client.request().view()); }

    fill_answer ask(bool may_look_again) {
        sight own;
        if (at.reading) {
            own = see(at.reading->by, at.reading->tags, now_for(*snap, at.pending_purge));
        }
        if (at.why == validity::hit) {
            own.clean = false;  // what was asked for before this request is not what it asks for
        }
        return parts.process.fills.ask(
            snap->config.get(), at.wanted.full_key, own, parts.ex, may_look_again);
    }

    task<void> proceed(fill_answer answer) {
        if (auto* const permit = std::get_if<fill_permit>(&answer)) {
            co_await lead(std::move(*permit), true);
        } else if (auto* const wait = std::get_if<fill_wait>(&answer)) {
            co_await join(std::move(*wait));
        } else {
            co_await pass_on("unstorable");
        }
    }

    /// Through to the upstream and back, nothing kept: HEAD, and keys that proved uncacheable.
    task<void> pass_on(std::string_view detail) {
        auto const& config = *snap->config;
        auto const& rule = at.wanted.matched->definition;
        gate_limits const limits{
            config.upstream.max_concurrent, rule.max_upstream, config.upstream.max_queue};
        auto const room = co_await parts.process.gate.enter(
            parts.ex, rule.name.value, limits, config.upstream.timeout);
        account.result = request_result::miss;
        auto status = miss_status(at);
        if (!room.permit) {
            co_await refuse(status);
            co_return;
        }
        status.detail = detail;
        account.reason = detail;
        auto const prepared = prepare();
        std::string text;
        rules::render_to(text, status);
        std::array<rules::field, 1> const extra{rules::field{"Cache-Status", text}};
        upstream::pass_options options;
        options.deadline = config.upstream.timeout;
        options.how = upstream::repeat::safe;
        options.extra = extra;
        options.head = &prepared;
        options.fallback_host = config.upstream.host_header;
        http::response_head answer;
        bool const is_head = client.request().method == "HEAD";
        options.seen = is_head ? &answer : nullptr;
        auto const outcome = co_await upstream::pass(client, parts.upstream, options);
        account.upstream = outcome.upstream;
        book_upstream(outcome, parts, *snap, at.wanted.matched);
        if (is_head) {
            note_head(parts, at, answer);
        }
    }

    /// Fills, for whoever joins `permit`, and answers with what comes.
    task<void> lead(fill_permit permit, bool use_lock) {
        auto order = std::make_shared<fill_order>();
        order->snap = snap;
        order->wanted = at.wanted;
        order->asked = client.request();
        order->caller = at.caller;
        order->request = fill_request_of(prepare());
        ask_about(*order, at.entry, at.why);
        order->spares_trouble =
            may_stand_in(
                at.entry, at.why, at.wanted, at.directives, trouble::error, system_now_ms())
                .has_value();
        if (at.why == validity::hit) {
            order->not_before = at.now;
        }
        order->store_answers = at.reading.has_value();
        order->use_lock = use_lock;
        auto const feed = std::make_shared<fill_feed>(parts.ex);
        parts.background.spawn("fill", fill(parts, std::move(order), std::move(permit), feed));
        // However this frame goes, the fill learns that nobody reads any longer.
        struct reader {
            fill_feed& feed;
            ~reader() { feed.reader_gone(); }
        } const present{*feed};
        http::response_head early;
        for (;;) {
            auto const more = co_await feed->next_interim(early);
            if (!more) {
                break;
            }
            auto const told = co_await client.interim(early);
            (void)told;
        }
        account.result = request_result::miss;
        account.upstream = feed->upstream;
        switch (feed->at) {
            case fill_feed::stage::pending:
            case fill_feed::stage::found: {
                account.result = feed->waited ? request_result::coalesced : request_result::hit;
                auto const ec = store::decode_entry(feed->entry, at.entry);
                if (ec) {
                    co_await own_answer(client, 502, miss_status(at));
                    co_return;
                }
                if (!is_for_us() && turn_to_variant()) {
                    co_await seek();
                    co_return;
                }
                at.now = system_now_ms();
                at.use.ttl = at.entry.ttl_left_ms(at.now) / 1000;
                co_await send_hit();
                co_return;
            }
            case fill_feed::stage::validated: {
                auto const ec = store::decode_entry(feed->entry, at.entry);
                auto status = miss_status(at);
                if (ec) {
                    co_await own_answer(client, 502, status);
                    co_return;
                }
                status.fwd_status = 304;
                status.stored = !feed->not_stored;
                if (feed->not_stored) {
                    account.reason = rules::name(*feed->not_stored);
                    status.detail = account.reason;
                }
                co_await send_entry(status);
                co_return;
            }
            case fill_feed::stage::refused:
                co_await refuse(miss_status(at));
                co_return;
            case fill_feed::stage::failed: {
                auto const stood_in = co_await stand_in(*feed);
                if (stood_in) {
                    co_return;
                }
                if (feed->trouble != 0) {
                    co_await pass_on("unstorable");  // what might have stood in is gone meanwhile
                    co_return;
                }
                account.reason = upstream::name(feed->why);
                auto status = miss_status(at);
                status.detail = account.reason;
                auto const code = feed->why == upstream::failure::timeout ? 504U : 502U;
                co_await own_answer(client, code, status);
                co_return;
            }
            case fill_feed::stage::response:
                co_await stream(*feed);
                co_return;
        }
    }

    /// The backend has failed: what is stored may answer all the same, if it still is valid.
    task<bool> stand_in(fill_feed const& feed) {
        auto const what = feed.trouble != 0 ? trouble::error : trouble::unreachable;
        if (what == trouble::unreachable && feed.why == upstream::failure::malformed) {
            co_return false;
        }
        if (!may_stand_in(at.entry, at.why, at.wanted, at.directives, what, system_now_ms())) {
            co_return false;
        }
        auto status = miss_status(at);
        co_await look_up();  // it may have been purged while the backend was waited for
        auto const ttl =
            may_stand_in(at.entry, at.why, at.wanted, at.directives, what, system_now_ms());
        if (!ttl) {
            co_return false;
        }
        status.ttl = *ttl;
        if (feed.trouble != 0) {
            status.fwd_status = feed.trouble;
        }
        status.detail = "stale_if_error";
        account.result = request_result::stale;
        account.reason = feed.trouble != 0 ? "trouble" : upstream::name(feed.why);
        co_await send_entry(status);
        co_return true;
    }

    /// Somebody else fetches: takes his response, or goes on alone.
    task<void> join(fill_wait wait) {
        auto const settled = co_await wait.settled();
        account.result = request_result::coalesced;
        switch (settled.how) {
            case fill_end::shared: {
                auto const ec = store::decode_entry(settled.entry, at.entry);
                if (ec) {
                    break;
                }
                if (!is_for_us()) {
                    if (turn_to_variant()) {
                        co_await seek();
                        co_return;
                    }
                    break;
                }
                auto const stands = co_await groups_stand(parts, at.entry, at.wanted.key);
                if (!stands) {
                    break;
                }
                auto status = miss_status(at);
                status.collapsed = true;
                co_await send_entry(status);
                co_return;
            }
            case fill_end::found: {
                // The filler's reading may be older than this request: its own one counts.
                auto const sought = at.wanted.variant;
                co_await look_up();
                if (at.use.is_yes()) {
                    co_await send_hit();
                    co_return;
                }
                if (at.wanted.variant != sought) {
                    co_await seek();
                    co_return;
                }
                break;
            }
            case fill_end::unstorable:
                co_await pass_on("unstorable");
                co_return;
            case fill_end::failed:
            case fill_end::abandoned:
                break;
        }
        co_await lead(fill_permit(), false);
    }

    http::request_head prepare() {
        auto const how = http::arrival_of(client.peer(), snap->config->upstream);
        auto prepared = http::prepare_upstream_request(client.request(), how);
        account.request_id = prepared.fields.find("X-Request-Id").value_or("");
        return prepared;
    }

    task<void> refuse(rules::cache_status status) {
        status.detail = "overloaded";
        account.reason = "overloaded";
        account.result = request_result::miss;
        snap->metrics->rules[at.wanted.matched->index].overloaded.add();
        co_await own_answer(client, 503, status);
    }

    task<void> look_up() {
        before_read(parts, at);
        auto reading = co_await parts.store.read(at.wanted.key, at.wanted.tags);
        after_read(std::move(reading), *snap, client, at);
        if (at.why == validity::vary) {
            co_await look_up_variant(parts, *snap, client, at);
        }
        if (at.why == validity::groups) {
            co_await look_up_groups(parts, *snap, client, at);
        }
    }

    task<void> send_hit() {
        auto const answer = render_hit(client, at);
        auto const sent = co_await client.send_prepared(answer.status, at.head, answer.body);
        (void)sent;  // a client that has gone away: the session sees it, too
    }

    task<void> send_entry(rules::cache_status status) {
        at.now = system_now_ms();
        auto const answer = render_answer(
            at.head, at.content, view_of(at.entry, at.now), at.wanted.asks, status, client, at.now);
        auto const sent = co_await client.send_prepared(answer.status, at.head, answer.body);
        (void)sent;  // a client that has gone away: the session sees it, too
    }

    /// Whether the client holds already what was fetched for it, its conditions left out.
    bool is_not_modified(http::response_head const& head) const {
        return at.wanted.asks.conditional &&
               rules::http_cache::evaluate(
                   client.request().view(), head.status, head.fields.all(), system_now_ms()) ==
                   rules::http_cache::precondition::not_modified;
    }

    task<void> stream(fill_feed& feed) {
        auto status = miss_status(at);
        status.stored = !feed.not_stored;
        if (feed.not_stored) {
            account.reason = rules::name(*feed.not_stored);
            status.detail = account.reason;
        }
        std::string text;
        rules::render_to(text, status);
        auto head = feed.head;
        head.fields.add("Cache-Status", text);
        if (!feed.not_stored && is_not_modified(head)) {
            http::response_head short_one;
            short_one.status = 304;
            short_one.reason = "Not Modified";
            bool const has_etag = head.fields.find("ETag").has_value();
            for (auto const& f : head.fields.all()) {
                if (rules::http_cache::belongs_into_304(f.name, has_etag) ||
                    rules::iequals(f.name, "Cache-Status")) {
                    short_one.fields.add(f.name, f.value);
                }
            }
            auto const sent = co_await client.send(short_one, {});
            (void)sent;
            co_return;
        }
        bool const has_content = head.body != http::framing::none;
        if (feed.is_whole() && has_content) {
            auto const sent = co_await client.send(head, feed.content());
            (void)sent;
            co_return;
        }
        auto const started = co_await client.start(head);
        if (started) {
            co_return;
        }
        std::string piece;
        for (;;) {
            co_await feed.take(piece, 64 * 1024);
            if (piece.empty()) {
                break;
            }
            auto const written = co_await client.write(asio::buffer(piece));
            if (written) {
                co_return;
            }
        }
        // What broke off is not finished, and so is broken off towards the client, too.
        if (feed.is_complete()) {
            auto const finished = co_await client.finish();
            (void)finished;
        }
    }
};

}  // namespace

void revalidate_behind(worker_parts const& parts,
                       std::shared_ptr<snapshot const> const& snap,
                       http::downstream const& client,
                       lookup const& at,
                       cache::caller const& who) {
    if (background_rests(parts, at.wanted, boot_clock::now())) {
        return;
    }
    auto const make = [&] {
        auto order = make_order(snap, at.wanted, client.request(), client.peer(), who);
        ask_about(*order, at.entry, at.why);
        return fill_unattended(parts, std::move(order), std::chrono::milliseconds(0));
    };
    auto const started =
        start_background(parts, snap, at.wanted, telemetry::background_purpose::refresh, make);
    (void)started;  // dropped: the next one that is served stale asks again
}

task<void> answer_miss(worker_parts const& parts,
                       std::shared_ptr<snapshot const> snap,
                       http::downstream& client,
                       lookup& at,
                       request_account& account) {
    missing way{parts, std::move(snap), client, at, account};
    co_await way.run();
}

}  // namespace sidecache::cache
