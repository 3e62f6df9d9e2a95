#include "proxy/cache/asker.hpp"
#include "proxy/cache/hit.hpp"
#include "proxy/cache/miss.hpp"
#include "proxy/cache/mutate.hpp"
#include "proxy/cache/near_cache.hpp"
#include "proxy/cache/own_answer.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/refresh.hpp"
#include "proxy/cache/rejection.hpp"
#include "proxy/cache/request_account.hpp"
#include "proxy/http/forwarded.hpp"
#include "proxy/http/framing.hpp"
#include "proxy/telemetry/access_log.hpp"
#include "proxy/upstream/pass.hpp"
#include "rules/cache_status.hpp"
#include "rules/rule_set.hpp"
#include "rules/vary.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The life of a request on one page:
///
///     receive -> known?    -> near    -> hit  -> answered from memory, nothing else looked at
///             -> who asks? -> decide (and again, once who asks has been found out)
///
///                decide -> serve  -> near    -> hit  -> answered from memory (refresh.cpp: when
///                due)
///                       |         -> look up -> hit  -> answered from the store, and kept near
///                       |                    -> miss -> joins a fill, or becomes one (miss.cpp)
///                       -> bypass, pass -> through to the upstream and back
///                       -> mutate -> mark, forward, bump, answer (mutate.cpp)
///
/// and at its end one entry in the books. A near hit costs one write, a hit a round trip to the
/// store more: buffers are borrowed, nothing is locked, no name is looked up.
namespace sidecache::cache {

namespace {

/// What the socket does not take of a known answer at once is copied: larger ones take the usual
/// way.
constexpr std::size_t largest_known = 64ULL << 10U;

/// Buffers of the requests of one worker. Several are under way at once, each between two
/// `co_await`s of its own, so each borrows one and gives it back. One worker only.
class lookup_pool {
public:
    class loan {
    public:
        explicit loan(lookup_pool& pool) : pool_(pool), mine_(pool.take()) {}
        loan(loan const&) = delete;
        loan& operator=(loan const&) = delete;
        ~loan() { pool_.give_back(std::move(mine_)); }
        lookup& operator*() const { return *mine_; }

    private:
        lookup_pool& pool_;
        std::unique_ptr<lookup> mine_;
    };

private:
    /// Parts of a large body were made by hand: nobody keeps megabytes for the next time.
    static constexpr std::size_t most_kept = 64U << 10;

    std::unique_ptr<lookup> take() {
        if (free_.empty()) {
            return std::make_unique<lookup>();
        }
        auto out = std::move(free_.back());
        free_.pop_back();
        return out;
    }
    void give_back(std::unique_ptr<lookup> used) {
        // The store's reply goes; capacity stays.
        used->entry.bytes.reset();
        used->reading.reset();
        used->caller = {};
        used->use = {};
        if (used->content.capacity() > most_kept) {
            used->content = std::string();
        }
        used->content.clear();
        if (free_.size() < 256) {
            free_.push_back(std::move(used));
        }
    }
    std::vector<std::unique_ptr<lookup>> free_;
};

/// Why a request is passed on, and the Cache-Status of its answer. Rendered once.
struct pass_reason {
    std::string_view name;
    std::string status;
};
pass_reason make_reason(std::string_view name) {
    rules::cache_status status;
    status.fwd = rules::forwarded::bypass;
    status.detail = name;
    pass_reason reason{name, {}};
    rules::render_to(reason.status, status);
    return reason;
}
pass_reason const& passed_on_because(rules::decision const& decided, bool upgrade) {
    static auto const bypassed = [] {
        std::array<pass_reason, telemetry::bypass_reasons> all;
        for (std::size_t i = 0; i < all.size(); ++i) {
            all[i] = make_reason(rules::name(static_cast<rules::bypass_reason>(i)));
        }
        return all;
    }();
    static auto const upgraded = make_reason("upgrade");
    static auto const unmatched = make_reason("no_rule");
    if (decided.what == rules::verdict::bypass) {
        return bypassed[static_cast<std::size_t>(decided.reason)];
    }
    return upgrade ? upgraded : unmatched;
}

/// X-Request-Id as the backend gets it.
std::string_view id_behind(http::request_head const& from, http::arrival const& how) {
    constexpr std::string_view name = "X-Request-Id";
    bool const is_stripped = std::ranges::any_of(
        how.strip, [&](std::string const& s) { return rules::iequals(s, name); });
    return is_stripped ? how.request_id : from.fields.find(name).value_or(how.request_id);
}

class request_handler final : public http::handler {
public:
    explicit request_handler(worker_parts const& parts) : parts_(parts) {}

    task<void> handle(http::downstream& client) override {
        auto snap = parts_.current;
        lookup_pool::loan const borrowed(lookups_);
        auto& at = *borrowed;
        request_account account;
        auto now = account.began;
        std::optional<asker> who(std::in_place, *snap, client.request());
        snap->config->rules->decide(who->request(), at.wanted);
        if (matters(*who, at.wanted)) {
            co_await find_out(client, snap, who, at);
            now = boot_clock::now();  // it took its time: what is served has to be right now
        }
        if (at.wanted.what == rules::verdict::serve && !client.request().upgrade) {
            before_read(parts_, at);
            read_directives(client, at);
            auto const near = find_near(*snap, client, at, now);
            if (near) {
                account.result = telemetry::request_result::hit;
                account.tier = telemetry::hit_tier::near;
                auto const answer = render_near(client, *near, at, now);
                auto const sent =
                    co_await client.send_prepared(answer.status, at.head, answer.body);
                (void)sent;  // a client that has gone away: the session sees it, too
                if (near->is_due(refresh_ahead(at.wanted), now)) {
                    refresh(parts_, snap, client, *who, at.wanted, account.tier);
                }
                take_down(*snap, client, at.wanted, *near);
                book(account, parts_, *snap, at.wanted, client);
                co_return;
            }
            co_await serve_from_store(snap, client, *who, at, account, now);
        } else if (at.wanted.what == rules::verdict::mutate) {
            co_await carry_out(snap, client, *who, account);
        } else {
            co_await pass_through(*snap, client, at.wanted, account);
        }
        book(account, parts_, *snap, at.wanted, client);
    }

    bool answer_known(http::downstream& client, std::string_view head) override {
        auto* const known = parts_.near == nullptr ? nullptr : parts_.near->known().find(head);
        auto const& snap = *parts_.current;
        if (known == nullptr || known->snapshot != snap.number || parts_.log.wants(true)) {
            return false;
        }
        auto const now = boot_clock::now();
        if (!parts_.process.pending.none()) {
            return false;
        }
        auto const near = parts_.near->find_again(known->entry, now);
        if (!near || near->is_due(known->rule->definition.refresh_ahead, now)) {
            return false;
        }
        render_known(*known, *near, now);
        client.send_now(near->status(), known->head, near->body());
        book_known(now, parts_, snap, *known->rule, known->key);
        return true;
    }

    void refused(http::downstream const& client,
                 http::refusal const& why,
                 http::response_head& answer) override {
        reject(parts_, client, why.status, answer);
    }

private:
    /// Whether asking could change the decision: a read that would be looked up for somebody
    /// verified, or a write, whose purges are bound by who makes it, and widen for nobody.
    static bool matters(asker const& who, rules::decision const& decided) {
        if (decided.what == rules::verdict::mutate) {
            return who.is_unknown() || who.may_have_changed();
        }
        return who.is_unknown() && decided.what == rules::verdict::bypass &&
               decided.reason == rules::bypass_reason::unverified_identity;
    }

    static std::chrono::milliseconds refresh_ahead(rules::decision const& wanted) {
        return wanted.matched->definition.refresh_ahead;
    }

    /// Asks, and decides anew, by the rules of now: they may have been replaced meanwhile.
    task<void> find_out(http::downstream& client,
                        std::shared_ptr<snapshot const>& snap,
                        std::optional<asker>& who,
                        lookup& at) {
        if (who->is_unknown()) {
            co_await who->verify(parts_);
        } else {
            co_await who->verify_again(parts_);
        }
        if (parts_.current != snap) {
            who.reset();
            snap = parts_.current;
            who.emplace(*snap, client.request());
        }
        snap->config->rules->decide(who->request(), at.wanted);
    }

    /// Empty: the store has to be asked, for the variant in `at.wanted` when it is known already.
    near_hold find_near(snapshot const& snap,
                        http::downstream const& client,
                        lookup& at,
                        boot_clock::time_point now) {
        if (parts_.near == nullptr || at.pending_purge) {
            return {};
        }
        // Asked before: see pending_purges.
        bool const some_pending = !parts_.process.pending.none();
        auto const asked = client.request().view();
        auto found = parts_.near->find(at.wanted, asked, snap.number, now);
        if (found.entry && !found.is_hit &&
            rules::take_variant(at.wanted, found.entry->vary(), asked)) {
            found = parts_.near->find(at.wanted, asked, snap.number, now);
        }
        if (some_pending && found.entry && found.entry->has_more_tags(at.wanted.tags.size())) {
            return {};  // of groups, which the request's tags do not tell
        }
        return found.is_hit && near_may_answer(*found.entry, at.directives, now)
                   ? std::move(found.entry)
                   : near_hold();
    }
    static void read_directives(http::downstream const& client, lookup& at) {
        at.directives =
            at.wanted.asks.directives
                ? rules::http_cache::read_request_directives(client.request().fields.all())
                : rules::http_cache::request_directives{};
    }
    static prepared_answer render_near(http::downstream const& client,
                                       near_entry const& e,
                                       lookup& at,
                                       boot_clock::time_point now) {
        rules::cache_status status;
        status.ttl = e.ttl_seconds(now);
        status.key = at.wanted.key;
        status.detail = telemetry::name(telemetry::hit_tier::near);
        bool const by_clock = at.wanted.asks.conditional || at.wanted.asks.range;
        return render_answer(at.head,
                             at.content,
                             {e.status(), e.head(), e.body(), e.age_seconds(now)},
                             at.wanted.asks,
                             status,
                             client,
                             by_clock ? system_now_ms() : 0);
    }
    /// A near hit that the same bytes will be again: whatever else was asked follows from them.
    void take_down(snapshot const& snap,
                   http::downstream const& client,
                   rules::decision const& wanted,
                   near_entry const& e) {
        auto const& asked = client.request();
        auto const& asks = wanted.asks;
        bool const is_plain = asked.method == "GET" && asked.version == 11 && asked.keep_alive &&
                              asked.body == http::framing::none && !asked.expects_continue &&
                              !asks.range && !asks.conditional && !asks.directives;
        // A variant is what the entry under the plain key was not: that one may be another by then.
        bool const is_only_one = wanted.variant == 0;
        bool const asks_who = snap.identities && snap.config->rules->asks_for_identity();
        auto const head = client.raw_head();
        if (!is_plain || !is_only_one || asks_who || head.empty() ||
            e.body().size() > largest_known) {
            return;
        }
        if (auto* const known = parts_.near->known().note(head, wanted.key)) {
            known->snapshot = snap.number;
            known->entry = e.name();
            known->rule = wanted.matched;
        }
    }
    static void render_known(known_requests::known& known,
                             near_entry const& e,
                             boot_clock::time_point now) {
        auto const age = e.age_seconds(now);
        auto const ttl = e.ttl_seconds(now);
        if (!known.head.empty() && known.age == age && known.ttl == ttl) {
            return;
        }
        rules::cache_status status;
        status.ttl = ttl;
        status.key = known.key;
        status.detail = telemetry::name(telemetry::hit_tier::near);
        known.head.assign(e.head());
        append_moment(known.head, age, status);
        known.age = age;
        known.ttl = ttl;
    }
    /// An entry of the store that answers: kept near, when it is fresh.
    telemetry::request_result take_hit(snapshot const& snap,
                                       lookup const& at,
                                       near_tags::ticket since,
                                       boot_clock::time_point now) {
        if (at.why != validity::hit) {
            return telemetry::request_result::stale;
        }
        keep_near(snap, at, since, now);
        return telemetry::request_result::hit;
    }
    /// What is nearly over, or is over and may be served meanwhile, is fetched anew behind it.
    void fetch_behind(std::shared_ptr<snapshot const> const& snap,
                      http::downstream const& client,
                      asker const& who,
                      lookup const& at) {
        bool const is_fresh = at.why == validity::hit;
        if (is_fresh && at.entry.ttl_left_ms(at.now) < refresh_ahead(at.wanted).count()) {
            refresh(parts_, snap, client, who, at.wanted, telemetry::hit_tier::store);
        }
        if (at.use.how == rules::http_cache::reuse::while_revalidate) {
            auto const him = at.wanted.of_identity ? who.caller() : caller{};
            revalidate_behind(parts_, snap, client, at, him);
        }
    }
    /// What memory does not answer. A coroutine of its own: Asio keeps frames of up to 1 KiB for
    /// the next request, and that of a near hit has to be one of them.
    task<void> serve_from_store(std::shared_ptr<snapshot const> const& snap,
                                http::downstream& client,
                                asker const& who,
                                lookup& at,
                                request_account& account,
                                boot_clock::time_point now) {
        auto const since = ticket();
        auto reading = co_await parts_.store.read(at.wanted.key, at.wanted.tags);
        after_read(std::move(reading), *snap, client, at);
        if (at.why == validity::vary) {
            co_await look_up_variant(parts_, *snap, client, at);
        }
        if (at.why == validity::groups) {
            co_await look_up_groups(parts_, *snap, client, at);
        }
        if (at.use.is_yes()) {
            account.result = take_hit(*snap, at, since, now);
            auto const answer = render_hit(client, at);
            auto const sent = co_await client.send_prepared(answer.status, at.head, answer.body);
            (void)sent;  // a client that has gone away: the session sees it, too
            fetch_behind(snap, client, who, at);
        } else {
            co_await fetch_and_answer(snap, client, who, at, account);
        }
    }
    /// A write: its report does not lie in the frame of reads (see `serve_from_store`).
    task<void> carry_out(std::shared_ptr<snapshot const> const& snap,
                         http::downstream& client,
                         asker& who,
                         request_account& account) {
        mutation_report report;
        co_await mutate(parts_, snap, client, &who, report);
        account.reason = report.outcome;
        account.request_id = report.request_id;
        account.upstream = report.upstream;
    }
    /// What no entry answers.
    task<void> fetch_and_answer(std::shared_ptr<snapshot const> const& snap,
                                http::downstream& client,
                                asker const& who,
                                lookup& at,
                                request_account& account) {
        if (at.directives.only_if_cached) {  // RFC 9111 section 5.2.1.7
            rules::cache_status status;
            status.fwd = rules::forwarded::request;
            status.detail = "only_if_cached";
            status.key = at.wanted.key;
            account.result = telemetry::request_result::miss;
            account.reason = status.detail;
            co_await own_answer(client, 504, status);
            co_return;
        }
        if (at.wanted.of_identity) {
            at.caller = who.caller();
        }
        co_await answer_miss(parts_, snap, client, at, account);
    }
    /// What a read of the store that is about to be sent may be kept under.
    near_tags::ticket ticket() const {
        return parts_.near == nullptr ? near_tags::ticket{0} : parts_.near->ticket();
    }
    void keep_near(snapshot const& snap,
                   lookup const& at,
                   near_tags::ticket since,
                   boot_clock::time_point asked_at) {
        if (parts_.near != nullptr) {
            parts_.near->insert({asked_at,
                                 since,
                                 at.entry,
                                 at.reading->by,
                                 at.reading->tags,
                                 at.wanted,
                                 snap.number,
                                 at.now});
        }
    }

    /// What no rule matches, or a rule but not for this request.
    ///
    /// Cache-Status (RFC 9211 section 2.2): both are `fwd=bypass`, "the cache was configured to not
    /// handle this request"; `detail` tells them apart. `fwd=method` is what mutations say.
    task<void> pass_through(snapshot const& snap,
                            http::downstream& client,
                            rules::decision const& decided,
                            request_account& account) {
        auto const& request = client.request();
        auto const& why = passed_on_because(decided, request.upgrade);
        account.result = decided.what == rules::verdict::bypass ? telemetry::request_result::bypass
                                                                : telemetry::request_result::pass;
        account.reason = why.name;
        std::array<rules::field, 1> const extra{rules::field{"Cache-Status", why.status}};
        auto how = http::arrival_of(client.peer(), snap.config->upstream);
        auto const made_id = http::new_request_id();
        how.request_id = {made_id.data(), made_id.size()};
        if (parts_.log.wants(false)) {
            account.request_id = id_behind(request, how);
        }
        upstream::pass_options options;
        options.deadline = snap.config->upstream.timeout;
        options.how = upstream::repeat::safe;
        options.extra = extra;
        options.how_it_came = &how;
        auto const outcome = co_await upstream::pass(client, parts_.upstream, options);
        account.upstream = outcome.upstream;
        book_upstream(outcome, parts_, snap, decided.matched);
    }

    worker_parts const parts_;
    lookup_pool lookups_;
};

}  // namespace

std::shared_ptr<http::handler> make_handler(worker_parts const& parts) {
    return std::make_shared<request_handler>(parts);
}

}  // namespace sidecache::cache
