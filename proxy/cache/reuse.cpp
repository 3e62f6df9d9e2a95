#include "proxy/cache/reuse.hpp"

#include "rules/http_cache/head_lines.hpp"
#include "rules/http_cache/validation.hpp"
#include "rules/storable.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace sidecache::cache {

namespace {

namespace http_cache = rules::http_cache;
using http_cache::reuse;
using std::chrono::milliseconds;
using std::chrono::seconds;

milliseconds age_of(store::entry const& e, unix_ms now) {
    auto const resident = std::max<unix_ms>(0, now - e.fetched_at);
    return seconds(e.initial_age) + milliseconds(resident);
}

/// Whether an entry of that rule may be of use when its time is over.
bool may_outlive(rules::rule_definition const& rule) {
    return rule.origin || rule.stale_while_revalidate > milliseconds(0) ||
           rule.stale_if_error > milliseconds(0);
}

/// What an entry whose time may be over is worth: by what its head says, or by its rule, whose
/// windows a response may close but not open (RFC 9111 sections 5.2.2.2 and 5.2.2.8).
http_cache::freshness freshness_of(store::entry const& e, rules::rule_definition const& rule) {
    std::vector<rules::field> lines;
    http_cache::read_head_lines(e.head, lines);
    if (rule.origin) {
        return http_cache::freshness_of(e.status, lines, e.fetched_at);
    }
    auto const said = http_cache::read_response_directives(lines);
    http_cache::freshness f;
    f.from = http_cache::freshness::source::max_age;
    f.lifetime = seconds(e.initial_age) +
                 std::chrono::ceil<seconds>(milliseconds(static_cast<std::int64_t>(e.ttl_ms)));
    f.never_stale = said.must_revalidate || said.proxy_revalidate;
    f.stale_while_revalidate = std::chrono::ceil<seconds>(rule.stale_while_revalidate);
    f.stale_if_error = std::chrono::ceil<seconds>(rule.stale_if_error);
    return f;
}

std::int64_t left(http_cache::freshness const& f, milliseconds age) {
    return std::chrono::floor<seconds>(milliseconds(f.lifetime) - age).count();
}

/// Of an entry that is known to be fresh, without looking at its head.
http_cache::freshness fresh_for(milliseconds age, milliseconds left) {
    http_cache::freshness f;
    f.lifetime = std::chrono::ceil<seconds>(age + left);
    f.from = http_cache::freshness::source::max_age;
    return f;
}

/// Whether a purge, or doubt about one, has made it invalid; nullopt: it is nothing to ask about.
std::optional<bool> is_purged(validity why) {
    switch (why) {
        case validity::hit:
        case validity::stale:
            return false;
        case validity::pending_purge:
        case validity::unverified:
        case validity::quarantine:
        case validity::other_server:
        case validity::tag_missing:
        case validity::marked:
        case validity::overdue:
        case validity::purged:
        case validity::groups:
            return true;
        case validity::absent:
        case validity::unreadable:
        case validity::other_request:
        case validity::vary:
            return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

answerable may_answer(store::entry const& e,
                      validity why,
                      rules::decision const& wanted,
                      http_cache::request_directives const& asked,
                      unix_ms now) {
    answerable out;
    if (why == validity::hit) {
        auto const still = milliseconds(e.ttl_left_ms(now));
        out.ttl = std::chrono::duration_cast<seconds>(still).count();
        out.how = asked.is_plain() ? reuse::fresh
                                   : http_cache::may_reuse(
                                         fresh_for(age_of(e, now), still), age_of(e, now), asked);
        return out;
    }
    auto const& rule = wanted.matched->definition;
    if (why != validity::stale || !may_outlive(rule)) {
        return out;
    }
    auto const f = freshness_of(e, rule);
    auto const age = age_of(e, now);
    out.how = http_cache::may_reuse(f, age, asked);
    out.ttl = left(f, age);
    out.never_fresh = !f.can_be_fresh();
    return out;
}

bool near_may_answer(near_entry const& e,
                     http_cache::request_directives const& asked,
                     boot_clock::time_point now) {
    if (asked.is_plain()) {
        return true;
    }
    auto const age = seconds(static_cast<std::int64_t>(e.age_seconds(now)));
    auto const f = fresh_for(age, seconds(e.ttl_seconds(now)));
    return http_cache::may_reuse(f, age, asked) == reuse::fresh;
}

std::optional<std::int64_t> may_stand_in(store::entry const& e,
                                         validity why,
                                         rules::decision const& wanted,
                                         http_cache::request_directives const& asked,
                                         http_cache::trouble what,
                                         unix_ms now) {
    auto const& rule = wanted.matched->definition;
    if ((why != validity::stale && why != validity::hit) || !may_outlive(rule)) {
        return std::nullopt;
    }
    auto const f = freshness_of(e, rule);
    auto const age = age_of(e, now);
    if (!rule.origin) {
        // Off unless the author has said so: that nobody answers opens no window of its own.
        what = http_cache::trouble::error;
    }
    if (!http_cache::may_serve_on(what, f, age, asked)) {
        return std::nullopt;
    }
    return left(f, age);
}

asking ask_now(fill_order const& order, store::fill_ground const* snapshot, moment const& at) {
    asking out{order.request, order.base != nullptr};
    if (!order.base) {
        return out;
    }
    store::entry base;
    auto why = validity::tag_missing;
    if (snapshot != nullptr) {
        why = judge(
            order.base, snapshot->by, snapshot->tags, order.wanted, order.asked.view(), at, base);
    } else if (store::decode_entry(order.base, base)) {
        why = validity::unreadable;
    }
    if (why == validity::hit || why == validity::stale) {
        return out;
    }
    out.request = fill_request_of(order.request);
    std::vector<rules::field> lines;
    http_cache::read_head_lines(base.head, lines);
    auto const validators = http_cache::validators_of(lines);
    out.is_conditional = why != validity::unreadable && http_cache::may_validate(validators, true);
    if (out.is_conditional) {
        for (auto const& f : http_cache::condition_of(validators, true)) {
            out.request.fields.add(f.name, f.value);
        }
    }
    return out;
}

void ask_about(fill_order& order, store::entry const& e, validity why) {
    auto const purged = is_purged(why);
    if (!purged || !order.wanted.matched->definition.origin || !e.bytes ||
        !rules::vary_matches(e.vary, order.asked.view())) {
        return;
    }
    std::vector<rules::field> lines;
    http_cache::read_head_lines(e.head, lines);
    auto const validators = http_cache::validators_of(lines);
    if (!http_cache::may_validate(validators, *purged)) {
        return;
    }
    for (auto const& f : http_cache::condition_of(validators, *purged)) {
        order.request.fields.add(f.name, f.value);
    }
    order.base = e.bytes.own();
}

}  // namespace sidecache::cache
