#include "proxy/cache/mutation_run.hpp"

#include "proxy/cache/mark_set.hpp"
#include "proxy/cache/mutation_books.hpp"
#include "proxy/cache/mutation_content.hpp"
#include "proxy/cache/mutation_exchange.hpp"
#include "proxy/cache/mutation_machine.hpp"
#include "proxy/cache/mutation_watch.hpp"
#include "proxy/cache/near_cache.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/replicas.hpp"
#include "proxy/cache/weakness.hpp"
#include "proxy/http/answer.hpp"
#include "proxy/http/forwarded.hpp"
#include "proxy/store/entry_codec.hpp"
#include "proxy/store/store.hpp"
#include "proxy/telemetry/watch.hpp"
#include "rules/cache_status.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <utility>
#include <variant>

namespace sidecache::cache {

namespace {

using namespace mutation;  // the machine's events and actions
using std::chrono::milliseconds;

policy policy_of(config::model const& c) {
    policy p;
    p.refuse_on_down = c.store.refuse_on_down && !weakened(weakness::forward_while_down);
    p.lease = c.near_cache.lease;
    p.margin = c.store.margin;
    p.life = c.marker_life();
    p.on_down_hold = c.store.on_down_hold;
    return p;
}

/// An answer in our own name.
struct own_words {
    unsigned status = 0;
    std::string_view why;     // for people
    std::string_view detail;  // in Cache-Status
};
constexpr own_words refused{
    503, "nothing was changed, since no cache could be told: try again", "store_down"};
constexpr own_words no_answer{502, "the backend gave no usable answer", "no_answer"};
constexpr own_words no_answer_in_time{504, "the backend did not answer in time", "timeout"};

/// Performs what the machine says, one action after the other. Lives in its coroutine's frame.
class performer {
public:
    performer(worker_parts const& parts,
              std::shared_ptr<snapshot const> snap,
              std::shared_ptr<conversation> talk)
        : parts_(parts),
          snap_(std::move(snap)),
          talk_(std::move(talk)),
          id_(parts.process.ids.next()),
          machine_(policy_of(*snap_->config), scope_by(*snap_), *snap_->config->rules),
          books_(*snap_->metrics, machine_.scope()),
          pass_(parts.process.mutations.enter()),
          timer_(parts.ex) {}

    task<void> run() {
        books_.begin(talk_->request);
        auto const guesses = guess();
        auto next = machine_.start(boot_clock::now(), guesses);
        remembered_.clear();
        for (;;) {
            if (std::holds_alternative<do_finish>(next)) {
                finish(std::get<do_finish>(next));
                co_return;
            }
            auto happened = co_await perform(next);
            next = machine_.on(std::move(happened), boot_clock::now());
        }
    }

private:
    /// What the rules of this snapshot make of the request.
    rules::mutation_scope scope_by(snapshot const& snap) const {
        auto const content = decoded_request(
            *talk_, static_cast<std::size_t>(snap_->config->limits.max_mutation_body));
        auto request = talk_->request.view();
        // Another configuration may mean something else by a variable of the same name.
        if (talk_->who && snap.identities == snap_->identities) {
            request.identity = talk_->who->variables();
        }
        return snap.config->rules->mutate(request, content.view());
    }

    /// Rules that have replaced ours since we began.
    std::optional<rules::mutation_scope> other_rules() {
        if (parts_.current->config->rules == snap_->config->rules) {
            return std::nullopt;
        }
        other_ = parts_.current;
        return scope_by(*other_);
    }

    task<mutation::event> perform(action& a) {
        if (auto* begin = std::get_if<do_begin>(&a)) {
            auto happened = co_await begin_marks(*begin);
            co_return happened;
        }
        if (auto* end = std::get_if<do_end>(&a)) {
            auto happened = co_await end_marks(*end);
            co_return happened;
        }
        if (auto* publish = std::get_if<do_publish>(&a)) {
            auto const sent = publish->is_sent ? std::move(sent_) : nullptr;
            auto& replicas = parts_.process.replicas;
            if (sent) {
                auto const told = co_await replicas.wait(parts_, *sent, publish->tags);
                co_return published{parts_.store.server(), told};
            }
            auto const told = co_await replicas.publish_and_wait(parts_, publish->tags);
            co_return published{parts_.store.server(), told};
        }
        if (std::holds_alternative<do_verify>(a)) {
            auto const known = co_await parts_.store.verify();
            co_return verified{known.has_value()};
        }
        if (auto* look_at = std::get_if<do_look>(&a)) {
            co_return look(look_at->lookup);
        }
        if (auto* wait = std::get_if<do_wait>(&a)) {
            hold(std::move(wait->cover));
            timer_.expires_after(wait->how_long);
            auto [ec] = co_await timer_.async_wait(as_tuple);
            (void)ec;
            co_return waited{};
        }
        if (auto* answer = std::get_if<do_answer>(&a)) {
            tell(*answer);
            co_return replied{};
        }
        if (auto* stream = std::get_if<do_stream>(&a)) {
            auto whole = co_await relay(*stream);
            co_return streamed{whole, other_rules()};
        }
        auto happened = co_await forward();
        co_return happened;
    }

    task<mutation::event> begin_marks(do_begin& a) {
        auto const& lookups = machine_.scope().entry_lookups();
        std::vector<store::lookup> asked;
        for (auto const i : a.lookups) {
            asked.push_back({lookups[i].key, &lookups[i].tags});
        }
        auto reply = co_await parts_.store.begin_with(id_,
                                                      a.marks,
                                                      snap_->config->marker_life(),
                                                      snap_->config->tag_life(),
                                                      go_along(asked, a.drop));
        if (reply) {
            take_along(a.lookups, reply->seen, reply->told);
        }
        if (weakened(weakness::no_marker) || weakened(weakness::purge_only_before)) {
            co_await take_marks_off(a.marks);
        }
        co_return begun{std::move(reply)};
    }

    task<mutation::event> end_marks(do_end& a) {
        auto const& lookups = machine_.scope().entry_lookups();
        std::vector<store::lookup> asked;
        for (auto const i : a.lookups) {
            asked.push_back({{}, &lookups[i].tags});
        }
        weaken(a.marks);
        auto reply = co_await parts_.store.end_with(
            id_, a.marks, a.life, snap_->config->tag_life(), go_along(asked, a.drop));
        books_.removed(reply ? reply->removed : 0);
        if (reply) {
            take_along(a.lookups, reply->seen, reply->told);
        }
        co_return ended{std::move(reply)};
    }

    store::companions go_along(std::vector<store::lookup> const& lookups,
                               std::vector<std::string_view> const& drop) {
        sent_ = drop.empty() ? nullptr : parts_.process.replicas.compose(parts_, drop);
        return {lookups, sent_ ? std::string_view(sent_->payload) : std::string_view()};
    }

    /// What a batch has brought besides its own: for `do_look` and `do_publish`.
    void take_along(std::vector<std::size_t> const& lookups,
                    std::vector<store::reading>& seen,
                    std::optional<store::audience>& told) {
        seen_entries_.clear();
        for (std::size_t i = 0; i < seen.size() && i < lookups.size(); ++i) {
            seen_entries_.emplace(lookups[i], std::move(seen[i]));
        }
        if (sent_) {
            sent_->told = std::move(told);
            sent_->since = boot_clock::now();
        }
    }

    /// Test-only (weakness.hpp).
    task<void> take_marks_off(std::vector<store::begin_mark> const& marks) {
        auto const action =
            weakened(weakness::no_marker) ? store::end_action::clear : store::end_action::bump;
        std::vector<store::end_mark> off;
        for (auto const& mark : marks) {
            off.push_back({mark.tag, action, {}});
        }
        auto const done = co_await parts_.store.end(
            id_, off, std::chrono::milliseconds(0), snap_->config->tag_life());
        (void)done;
    }
    static void weaken(std::vector<store::end_mark>& marks) {
        for (auto& mark : marks) {
            bool const off = weakened(weakness::no_bump) || weakened(weakness::purge_only_before) ||
                             (weakened(weakness::unknown_is_unchanged) &&
                              mark.action == store::end_action::bump_keep);
            mark.action = off ? store::end_action::clear : mark.action;
        }
    }

    looked look(std::size_t i) {
        looked found;
        auto const read = seen_entries_.extract(i);
        if (read.empty()) {
            return found;  // the batch has told nothing
        }
        auto* const reading = &read.mapped();
        found.ok = true;
        found.server = reading->by.server;
        found.server_now_ms = reading->by.server_now_ms;
        found.tags = std::move(reading->tags);
        if (reading->entry && !reading->by.quiet &&
            !store::decode_entry(std::move(reading->entry), entry_) &&
            entry_.ttl_left_ms(system_now_ms()) > 0) {
            seen_ = decoded_entry(entry_, snap_->config->limits.max_mutation_response);
            found.entry = &entry_;
            found.json = seen_.view();
        }
        return found;
    }

    /// What this process remembers of the entries that will be looked at: a guess, which the look
    /// confirms.
    std::vector<std::optional<std::string_view>> guess() {
        std::vector<std::optional<std::string_view>> out;
        auto const limit = snap_->config->limits.max_mutation_response;
        for (auto const& lookup : machine_.scope().entry_lookups()) {
            auto const* known =
                parts_.near == nullptr ? nullptr : parts_.near->peek(lookup.full_key);
            remembered_.push_back(known == nullptr ? decoded() : decoded_near(*known, limit));
            out.push_back(remembered_.back().view());
        }
        return out;
    }

    task<mutation::event> forward() {
        if (!exchange_) {
            auto head = talk_->request;
            head.upgrade = false;  // an answer that is held back cannot become another protocol
            auto const how = http::arrival_of(talk_->peer, snap_->config->upstream);
            auto prepared = http::prepare_upstream_request(head, how);
            talk_->report.request_id = prepared.fields.find("X-Request-Id").value_or("");
            mutation_exchange::settings s;
            s.timeout = snap_->config->upstream.timeout;
            // Renewing moves the deadline of the exchange, too: in time for whichever ends first.
            s.renew_every =
                std::min<std::chrono::nanoseconds>(snap_->config->store.margin, s.timeout) / 2;
            s.max_held = static_cast<std::size_t>(snap_->config->limits.max_mutation_response);
            exchange_ =
                std::make_unique<mutation_exchange>(parts_.upstream,
                                                    std::move(prepared),
                                                    talk_->body,
                                                    talk_->body_whole ? nullptr : &talk_->upload,
                                                    s);
            books_.forwarded();
        }
        auto const step = co_await exchange_->run();
        if (step == mutation_exchange::step::renewal_due) {
            co_return renewal_due{};
        }
        books_.answered(*exchange_);
        talk_->report.upstream = exchange_->took;
        if (step == mutation_exchange::step::failed) {
            co_return unanswered{exchange_->sent, other_rules()};
        }
        answered a;
        a.status = exchange_->head.status;
        a.too_large = exchange_->too_large;
        a.cut_short = exchange_->cut_short;
        a.other_rules = other_rules();
        if (machine_.scope().reads_answer()) {
            a.also = rules::http_cache::made_stale(
                talk_->request.view(), a.status, exchange_->head.fields.all());
        }
        bool const wanted =
            machine_.scope().needs_response() || (a.other_rules && a.other_rules->needs_response());
        if (wanted && !a.too_large && !a.cut_short) {
            seen_ = decoded_response(
                exchange_->head, exchange_->content, snap_->config->limits.max_mutation_response);
            a.json = seen_.view();
        }
        co_return a;
    }

    // --- Towards the client ------------------------------------------------------------------

    void tell(do_answer& a) {
        settle_debt(std::move(a.owed));
        leave_marks();
        books_.concluded(machine_, owes_);
        fill_report();
        if (a.what == do_answer::kind::refuse) {
            talk_->report.outcome = "refused";
            own(refused);
        } else if (a.what == do_answer::kind::failed) {
            own(exchange_->why == upstream::failure::timeout ? no_answer_in_time : no_answer);
        } else {
            talk_->answer = conversation::kind::held;
            talk_->head = std::move(exchange_->head);
            add_status({});
            talk_->content = std::move(exchange_->content);
        }
        show();
        talk_->upload.leave();  // whatever of it is still to come
        talk_->answered.notify_all();
    }

    /// Before the client is told, who may take that for a word on his next one.
    void leave_marks() {
        if (owes_ || machine_.result_of_forward() == outcome::unknown) {
            parts_.process.mutations.leaves_marks(boot_clock::now() + snap_->config->marker_life());
        }
    }

    void own(own_words const& w) {
        auto answer = http::error_answer(w.status, w.why);
        talk_->answer = conversation::kind::held;
        talk_->head = std::move(answer.head);
        talk_->content = std::move(answer.body);
        add_status(w.detail);
    }

    task<bool> relay(do_stream& s) {
        settle_debt(std::move(s.owed));
        books_.concluded(machine_, owes_);
        fill_report();
        talk_->head = exchange_->head;
        add_status({});
        show();
        talk_->answer = conversation::kind::streamed;
        talk_->answered.notify_all();
        streamed_whole_ = co_await exchange_->stream(talk_->download);
        co_return streamed_whole_;
    }

    void finish(do_finish& f) {
        settle_debt(std::move(f.owed));
        leave_marks();
        talk_->download.finish(streamed_whole_);
    }

    void fill_report() {
        talk_->report.purges = books_.purge_names();
        talk_->report.outcome = owes_ ? "pending" : name(machine_.result_of_forward());
    }

    void show() const {
        if (parts_.watch != nullptr) {
            books_.show(parts_.watch->mutations, talk_->request, machine_, talk_->report.outcome);
        }
    }

    void add_status(std::string_view why) {
        rules::cache_status status;
        status.fwd = rules::forwarded::method;
        status.detail = owes_ ? "purge_pending" : why.empty() ? talk_->report.purges : why;
        std::string text;
        rules::render_to(text, status);
        talk_->head.fields.add("Cache-Status", text);
    }

    // --- What the store has not had ------------------------------------------------------------

    void hold(std::vector<std::string> cover) {
        if (cover.empty()) {
            return;
        }
        auto more = parts_.process.pending.hold(std::move(cover), snap_->config->rules);
        if (held_) {
            held_.release();
        }
        held_ = std::move(more);
    }

    /// Before the client is told: what it may rely on is settled first.
    void settle_debt(std::optional<owed_purge> owed) {
        if (!owed) {
            if (held_) {
                held_.release();
            }
            return;
        }
        hold(names(owed->tags));
        if (held_) {
            owes_ = true;
            held_.owe(std::move(owed->tags), owed->keep_until, books_.names());
            parts_.background.spawn("replay of pending purges", replay_pending(parts_));
        }
    }

    worker_parts const& parts_;
    std::shared_ptr<snapshot const> snap_;
    std::shared_ptr<snapshot const> other_;
    std::shared_ptr<conversation> talk_;
    store::mutation_id id_;
    machine machine_;
    mutation_books books_;
    mutation_watch::pass const pass_;
    steady_timer timer_;
    std::unique_ptr<mutation_exchange> exchange_;
    pending_purges::holding held_;
    std::unique_ptr<notice> sent_;                        // with the last batch
    std::map<std::size_t, store::reading> seen_entries_;  // by it
    std::deque<decoded> remembered_;
    store::entry entry_;
    decoded seen_;
    bool owes_ = false;
    bool streamed_whole_ = false;
};

/// Nobody waits for an answer that does not come, even when memory runs out in the middle.
class last_words {
public:
    explicit last_words(std::shared_ptr<conversation> talk) : talk_(std::move(talk)) {}
    last_words(last_words const&) = delete;
    last_words& operator=(last_words const&) = delete;
    ~last_words() {
        if (talk_->answer == conversation::kind::none) {
            talk_->answer = conversation::kind::held;
            talk_->head.status = 500;
        }
        talk_->upload.leave();
        talk_->download.finish(false);
        talk_->answered.notify_all();
    }

private:
    std::shared_ptr<conversation> talk_;
};

}  // namespace

task<void> run_mutation(worker_parts parts,
                        std::shared_ptr<snapshot const> snap,
                        std::shared_ptr<conversation> talk) {
    // Cut off in the middle, a mutation would leave its end to the markers' deadline. It ends by
    // itself: every wait in it is bounded.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    last_words const words(talk);
    performer work(parts, std::move(snap), std::move(talk));
    co_await work.run();
}

}  // namespace sidecache::cache
