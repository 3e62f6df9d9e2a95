#include "proxy/cache/fill.hpp"

#include "proxy/cache/entry_groups.hpp"
#include "proxy/cache/fill_entry.hpp"
#include "proxy/cache/fill_ground.hpp"
#include "proxy/cache/hit.hpp"
#include "proxy/cache/lock_keeper.hpp"
#include "proxy/cache/reuse.hpp"
#include "proxy/cache/upstream_gate.hpp"
#include "proxy/cache/validity.hpp"
#include "proxy/cache/weakness.hpp"
#include "proxy/store/entry_codec.hpp"
#include "proxy/upstream/exchange.hpp"
#include "rules/http_cache/freshness.hpp"
#include "rules/http_cache/head_lines.hpp"
#include "rules/http_cache/validation.hpp"
#include "rules/storable.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sidecache::cache {

namespace {

using telemetry::background_outcome;

/// The fill's last word to its client, however its coroutine ends.
struct closing {
    fill_feed& feed;
    ~closing() { feed.close(); }
};

/// A fetched response on its way into an entry.
struct fetched {
    std::unique_ptr<upstream::exchange> exchange;
    http::response_head head;
    unix_ms fetched_at = 0;
    upstream::failure why = upstream::failure::none;
    std::chrono::nanoseconds took{0};
};

/// Sends the request and reads the final head.
task<fetched> fetch_head(worker_parts const& parts,
                         fill_order const& order,
                         http::request_head const& request,
                         fill_feed& feed) {
    fetched out;
    auto const began = boot_clock::now();
    out.fetched_at = system_now_ms();
    out.exchange =
        parts.upstream.open(upstream::repeat::safe, order.snap->config->upstream.timeout);
    out.why = co_await out.exchange->send(request, {});
    while (out.why == upstream::failure::none) {
        out.why = co_await out.exchange->read_head(out.head);
        if (out.head.status >= 200 || out.head.status == 101) {
            break;
        }
        if (out.why == upstream::failure::none) {
            feed.tell_interim(out.head);  // those who join later have missed it
        }
    }
    if (out.why == upstream::failure::none && out.head.status == 101) {
        out.why = upstream::failure::malformed;  // nobody asked for an upgrade
    }
    out.took = boot_clock::now() - began;
    auto& metrics = *order.snap->metrics;
    metrics.rules[order.wanted.matched->index].upstream_duration.observe(out.took);
    bool const answered = out.why == upstream::failure::none;
    auto const code =
        answered && out.head.status < metrics.upstream_responses.size() ? out.head.status : 0U;
    metrics.upstream_responses[code].add();
    if (answered) {
        parts.process.metrics.upstream_answered();
    } else {
        parts.process.metrics.upstream_failed(system_now_ms());
    }
    co_return out;
}

/// Nobody waits any longer for a response that is not for everybody. Answers that say that the
/// backend is in trouble are not remembered: that is when coalescing is needed most.
void tell_unstorable(worker_parts const& parts,
                     fill_order const& order,
                     fill_permit& permit,
                     unsigned status) {
    settlement verdict;
    verdict.how = status >= 500 ? fill_end::failed : fill_end::unstorable;
    if (verdict.how == fill_end::unstorable) {
        parts.process.fills.note_unstorable(order.wanted.full_key);
    }
    permit.settle(verdict);
}

/// What a response that is not stored says to who fetches without being asked: 5xx and 429 (RFC
/// 6585 section 4) that the backend has enough to do.
background_outcome unstored(unsigned status) {
    return status >= 500 || status == 429 ? background_outcome::failed
                                          : background_outcome::not_stored;
}

void count_not_stored(fill_order const& order, rules::not_stored why) {
    auto& metrics = order.snap->metrics->rules[order.wanted.matched->index];
    metrics.not_stored[static_cast<std::size_t>(why)].add();
}

constexpr std::size_t piece_size = 32U << 10;

struct collected {
    bool complete = false;
    bool kept = false;  ///< all of it is in the feed
};

/// Reads the content, for the client and, as long as it fits and may be kept, for the entry.
task<collected> read_content(worker_parts const& parts,
                             fill_order const& order,
                             fetched& from,
                             fill_permit& permit,
                             fill_feed& feed,
                             bool keep) {
    auto const max_object = order.wanted.matched->definition.max_object;
    auto buffer = std::make_unique<std::array<char, piece_size>>();
    collected out;
    out.kept = keep;
    if (!keep) {
        feed.stop_keeping();
    }
    for (;;) {
        auto const piece = co_await from.exchange->read_body(asio::buffer(*buffer));
        if (piece.why != upstream::failure::none) {
            parts.process.metrics.upstream_failed(system_now_ms());
            co_return out;
        }
        if (piece.size == 0) {
            out.complete = true;
            co_return out;
        }
        if (out.kept && feed.content().size() + piece.size > max_object) {
            out.kept = false;
            feed.stop_keeping();
            if (!feed.not_stored) {
                count_not_stored(order, rules::not_stored::too_large);
            }
            tell_unstorable(parts, order, permit, from.head.status);
        }
        feed.append(std::string_view(buffer->data(), piece.size));
        if (!out.kept) {
            co_await feed.drained();
            if (!feed.has_reader()) {
                co_return out;  // nobody wants the rest
            }
            // From here on it is one client's stream, at his pace.
            from.exchange->extend(order.snap->config->upstream.timeout);
        }
    }
}

task<bool> store_entry(worker_parts const& parts,
                       fill_order const& order,
                       fill_ground& ground,
                       std::string const& bytes,
                       rules::storable const& how,
                       entry_tags const& under) {
    store::put_request put;
    put.key = order.wanted.key;
    put.bytes = bytes;
    put.ttl = how.life > how.ttl ? how.life : how.ttl;
    put.tags = &under.tags;
    if (ground.lock == fill_ground::lock::held) {
        put.lock_key = order.wanted.lock_key;
        put.lock_token = ground.token;
    }
    auto const stored = co_await parts.store.put(put);
    if (stored && ground.lock == fill_ground::lock::held) {
        ground.lock = fill_ground::lock::none;
    }
    co_return stored.has_value();
}

/// What is fresh is for whoever waits for it; what may not be reused without asking is not (RFC
/// 9111 section 4): each asks for himself.
void share(fill_permit& permit,
           rules::storable const& how,
           std::shared_ptr<std::string const> const& bytes) {
    bool const is_reusable = how.ttl > std::chrono::milliseconds(0);
    permit.settle(is_reusable ? settlement{fill_end::shared, bytes} : settlement{});
}

/// The stored response as a 304 updates it (RFC 9111 sections 3.2 and 4.3.4); nullopt: it is about
/// another one.
std::optional<http::response_head> freshened(store::entry const& base,
                                             http::response_head const& not_modified) {
    namespace http_cache = rules::http_cache;
    std::vector<rules::field> lines;
    http_cache::read_head_lines(base.head, lines);
    auto const newer = not_modified.fields.all();
    if (!http_cache::is_about(newer, http_cache::validators_of(lines))) {
        return std::nullopt;
    }
    http::response_head out;
    out.status = base.status;
    constexpr std::size_t before_reason = std::string_view("HTTP/1.1 200 ").size();
    auto const first_line = base.head.substr(0, base.head.find("\r\n"));
    out.reason = first_line.substr(std::min(before_reason, first_line.size()));
    for (auto const& f : http_cache::updated_fields(lines, newer)) {
        if (!rules::iequals(f.name, "Content-Length")) {
            out.fields.add(f.name, f.value);
        }
    }
    if (!not_modified.fields.find("Date")) {
        out.fields.set("Date", http_date(system_now_ms()));  // RFC 9110 section 6.6.1
    }
    // Age is of the newer response, and read from it; it is not stored as a field.
    if (auto const age = not_modified.fields.find("Age")) {
        out.fields.set("Age", *age);
    }
    out.body = http::framing::length;
    out.content_length = base.body.size();
    return out;
}

/// A 304: the stored response, updated, under the generations of this fill's snapshot.
task<store::fill_outcome> store_validated(worker_parts const& parts,
                                          fill_order const& order,
                                          fill_ground& ground,
                                          std::optional<gate_permit>& room,
                                          fill_permit& permit,
                                          fill_feed& feed,
                                          fetched& response,
                                          store::entry const& base,
                                          http::response_head fresh) {
    // It has no content; its connection is for others once that is certain.
    std::array<char, 1> nothing{};
    auto const end = co_await response.exchange->read_body(asio::buffer(nothing));
    (void)end;
    response.exchange.reset();
    room.reset();
    auto verdict = shareable(order, fresh, response.fetched_at, system_now_ms());
    auto* const how = std::get_if<rules::storable>(&verdict);
    if (how == nullptr) {
        feed.not_stored = std::get<rules::not_stored>(verdict);
    } else {
        feed.not_stored = ground.hindrance();
    }
    auto const is_theirs = co_await is_still(parts, *order.snap, order.asked, order.caller);
    if (!is_theirs) {
        feed.not_stored = rules::not_stored::marked;
    }
    auto const under = co_await tags_of_entry(parts, order, ground, fresh.fields.all());
    if (!under.stands && !feed.not_stored) {
        feed.not_stored = rules::not_stored::marked;
    }
    if (feed.not_stored) {
        count_not_stored(order, *feed.not_stored);
    }
    auto const as = how == nullptr ? rules::storable{} : std::move(*how);
    auto const bytes = std::make_shared<std::string const>(
        make_entry(order, ground, fresh, base.body, as, response.fetched_at, under));
    feed.entry = bytes;
    feed.announce(fill_feed::stage::validated);
    feed.complete();
    feed.ended = background_outcome::not_stored;
    if (how != nullptr && is_theirs && under.stands) {
        share(permit, as, bytes);
    }
    if (feed.not_stored) {
        permit.settle(settlement{});
        co_return store::fill_outcome::not_stored;
    }
    bool const is_stored = co_await store_entry(parts, order, ground, *bytes, as, under);
    feed.ended = is_stored ? background_outcome::stored : background_outcome::not_stored;
    co_return store::fill_outcome::not_stored;
}

}  // namespace

task<store::fill_outcome> fetch_and_store(worker_parts const& parts,
                                          fill_order const& order,
                                          fill_ground& ground,
                                          std::optional<gate_permit>& room,
                                          fill_permit& permit,
                                          fill_feed& feed) {
    moment now;
    now.now = system_now_ms();
    now.boot = boot_clock::now();
    now.lease = order.snap->config->near_cache.lease;
    now.pending_purge = ground.pending_purge;
    // Both outlive the exchange that they are sent by.
    auto const sent = ask_now(order, ground.snapshot ? &*ground.snapshot : nullptr, now);
    http::request_head unconditional;
    auto response = co_await fetch_head(parts, order, sent.request, feed);
    if (response.why == upstream::failure::none && response.head.status == 304 &&
        sent.is_conditional) {
        store::entry base;
        auto const unreadable = store::decode_entry(order.base, base);
        auto fresh = unreadable ? std::nullopt : freshened(base, response.head);
        if (fresh) {
            feed.upstream = response.took;
            auto const done = co_await store_validated(
                parts, order, ground, room, permit, feed, response, base, std::move(*fresh));
            co_return done;
        }
        // Of another response than the one that is stored (RFC 9111 section 4.3.4).
        unconditional = fill_request_of(order.request);
        response = co_await fetch_head(parts, order, unconditional, feed);
    }
    feed.upstream = response.took;
    if (response.why == upstream::failure::none && order.spares_trouble &&
        rules::http_cache::is_trouble(response.head.status)) {
        feed.trouble = response.head.status;
        feed.announce(fill_feed::stage::failed);
        permit.settle(settlement{fill_end::failed, nullptr});
        co_return store::fill_outcome::failed;
    }
    if (response.why != upstream::failure::none) {
        feed.why = response.why;
        feed.announce(fill_feed::stage::failed);
        permit.settle(settlement{fill_end::failed, nullptr});
        co_return store::fill_outcome::failed;
    }
    auto verdict = shareable(order, response.head, response.fetched_at, system_now_ms());
    auto* const how = std::get_if<rules::storable>(&verdict);
    auto const hindrance = ground.hindrance();
    if (how == nullptr) {
        feed.not_stored = std::get<rules::not_stored>(verdict);
        tell_unstorable(parts, order, permit, response.head.status);
    } else {
        feed.not_stored = hindrance;
        how->ttl = shortened(how->ttl, order.wanted.matched->definition.jitter, parts.process.ids);
    }
    if (feed.not_stored) {
        count_not_stored(order, *feed.not_stored);
    }
    feed.head = response.head;
    feed.announce(fill_feed::stage::response);
    auto const content =
        co_await read_content(parts, order, response, permit, feed, how != nullptr);
    response.exchange.reset();
    room.reset();
    if (!content.complete) {
        if (!content.kept) {
            feed.ended = unstored(response.head.status);  // nobody wanted the rest
        }
        if (content.kept && !feed.not_stored) {
            count_not_stored(order, rules::not_stored::truncated);
        }
        permit.settle(settlement{fill_end::failed, nullptr});
        co_return store::fill_outcome::failed;
    }
    feed.complete();
    feed.ended = unstored(response.head.status);
    if (weakened(weakness::late_snapshot)) {
        co_await renew_ground(parts, order, ground);
        ground.found.reset();
    }
    if (!content.kept) {
        co_return response.head.status >= 500 ? store::fill_outcome::failed
                                              : store::fill_outcome::not_stored;
    }
    // A session may have come to mean somebody else between who it was looked up as and the answer:
    // then this is another organization's.
    auto const is_theirs = co_await is_still(parts, *order.snap, order.asked, order.caller);
    if (!is_theirs) {
        permit.settle(settlement{fill_end::failed, nullptr});
        co_return store::fill_outcome::failed;
    }
    auto const under = co_await tags_of_entry(parts, order, ground, response.head.fields.all());
    if (!under.stands) {
        if (!feed.not_stored) {
            count_not_stored(order, rules::not_stored::marked);
        }
        permit.settle(settlement{});
        co_return store::fill_outcome::not_stored;
    }
    auto const bytes = std::make_shared<std::string const>(
        make_entry(order, ground, response.head, feed.content(), *how, response.fetched_at, under));
    share(permit, *how, bytes);
    if (hindrance) {
        co_return store::fill_outcome::not_stored;
    }
    bool const is_stored = co_await store_entry(parts, order, ground, *bytes, *how, under);
    feed.ended = is_stored ? background_outcome::stored : background_outcome::not_stored;
    // Where it was stored, the lock went with it, and with the right message.
    co_return store::fill_outcome::not_stored;
}

http::request_head fill_request_of(http::request_head prepared) {
    for (auto const* name : {"If-Match",
                             "If-None-Match",
                             "If-Modified-Since",
                             "If-Unmodified-Since",
                             "If-Range",
                             "Range"}) {
        prepared.fields.erase(name);
    }
    return prepared;
}

task<void> fill(worker_parts parts,
                std::shared_ptr<fill_order const> order,
                fill_permit permit,
                std::shared_ptr<fill_feed> feed) {
    closing const last_word{*feed};
    auto const& config = *order->snap->config;
    auto const& rule = order->wanted.matched->definition;
    co_await permit.turn();
    bool use_lock = order->use_lock;
    if (!permit.is_alone() && parts.process.fills.is_unstorable(order->wanted.full_key)) {
        // The fetch that it waited for has shown that there is nothing to share or to wait for.
        permit.settle(settlement{fill_end::unstorable, nullptr});
        use_lock = false;
    }
    fill_ground ground;
    if (order->store_answers) {
        ground = co_await take_ground(parts, *order, use_lock);
    }
    std::optional<gate_permit> room;
    if (!ground.found) {
        gate_limits const limits{
            config.upstream.max_concurrent, rule.max_upstream, config.upstream.max_queue};
        auto admitted = co_await parts.process.gate.enter(
            parts.ex, rule.name.value, limits, config.upstream.timeout);
        if (!admitted.permit) {
            feed->announce(fill_feed::stage::refused);
            permit.settle(settlement{fill_end::abandoned, nullptr});
            co_await release_ground(parts, *order, ground, store::fill_outcome::failed);
            co_return;
        }
        room.emplace(std::move(*admitted.permit));
        if (admitted.queued && ground.snapshot) {
            co_await renew_ground(parts, *order, ground);
        }
    }
    if (ground.found) {
        room.reset();
        feed->entry = ground.found;
        feed->waited = ground.waited;
        feed->announce(fill_feed::stage::found);
        permit.settle(settlement{fill_end::found, nullptr});
        co_await release_ground(parts, *order, ground, store::fill_outcome::stored);
        co_return;
    }
    std::optional<lock_keeper> keeper;
    if (ground.lock == fill_ground::lock::held && rule.lock) {
        keeper.emplace(parts.background,
                       parts.ex,
                       parts.store,
                       order->wanted.lock_key,
                       ground.token,
                       rule.lock->ttl);
    }
    moment at;
    at.now = system_now_ms();
    at.boot = boot_clock::now();
    at.lease = config.near_cache.lease;
    at.pending_purge = ground.pending_purge;
    permit.sent(ground.seen(at));
    auto const outcome = co_await fetch_and_store(parts, *order, ground, room, permit, *feed);
    keeper.reset();
    co_await release_ground(parts, *order, ground, outcome);
}

}  // namespace sidecache::cache
