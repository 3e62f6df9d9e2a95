#include "proxy/cache/mutation_machine.hpp"

#include "proxy/cache/mark_set.hpp"
#include "proxy/store/lease.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

// What happens before the upstream is asked. What happens after: mutation_end.cpp.
namespace sidecache::cache::mutation {

namespace {

// A mutation whose begin grows old that often finds a store that is as good as unreachable.
constexpr unsigned max_begins = 8;
// ... and so does one whose check is older than a lease by the time that the next reply is here.
constexpr unsigned max_verifications = 8;

}  // namespace

machine::machine(policy p, rules::mutation_scope scope, rules::rule_set const& rules)
    : policy_(p), scope_(std::move(scope)), rules_(rules) {}

action machine::start(time_point now, std::span<std::optional<std::string_view> const> guesses) {
    assert(step_ == step::idle && "a machine is one mutation");
    marks_ = scope_.marks();
    auto const lookups = scope_.entry_lookups().size();
    if (marks_.empty() && lookups == 0) {
        return forward();  // nothing that is cached can change: no store is needed
    }
    auto const is_guessed = [](auto const& g) { return g.has_value(); };
    if (lookups != 0 && guesses.size() == lookups &&
        std::all_of(guesses.begin(), guesses.end(), is_guessed)) {
        auto guessed = scope_;
        for (std::size_t i = 0; i < lookups; ++i) {
            guessed.resolve_entry(i, guesses[i]);
        }
        marks_ = merged(std::move(marks_), guessed.marks());
        guessed_ = true;
    }
    return begin(step::begin, now);
}

action machine::on(event e, time_point now) {
    switch (step_) {
        case step::begin:
            return on_begun(std::get<begun>(e), now);
        case step::verify:
            return on_verified(std::get<verified>(e), now);
        case step::look:
            return on_looked(std::get<looked>(e), now);
        case step::publish:
            return on_published(std::get<published>(e), now);
        case step::lease:
            return forward();
        case step::unmark:
            step_ = step::answer;
            return do_answer{do_answer::kind::refuse, std::nullopt};
        case step::forward:
            if (std::holds_alternative<renewal_due>(e)) {
                return begin(step::renew, now);
            }
            if (auto const* none = std::get_if<unanswered>(&e)) {
                return on_unanswered(*none, now);
            }
            return on_answered(std::get<answered>(e), now);
        case step::renew:
            return on_renewed(std::get<begun>(e));
        case step::mark_again:
            return on_marked_again(std::get<begun>(e), now);
        case step::look_again:
            return on_looked_again(std::get<looked>(e), now);
        case step::end:
            return on_ended(std::get<ended>(e), now);
        case step::hold:
            return prepare_end(now);
        case step::publish_end:
            return on_end_published(std::get<published>(e), now);
        case step::leave:
            return conclude(std::nullopt);
        case step::answer:
            return finish_or_settle(std::nullopt);
        case step::stream:
            return on_streamed(std::get<streamed>(e), now);
        case step::settle:
            left_over_ = outcome_ == outcome::unchanged ? marks_ : merged(changed_, left_over_);
            return unmark(step::unmark_late, left_over_);
        case step::unmark_late:
        case step::idle:
        case step::over:
            break;
    }
    step_ = step::over;
    return do_finish{};
}

action machine::begin(step as, time_point now) {
    step_ = as;
    begin_sent_ = now;
    ++begins_;
    do_begin a;
    a.marks.reserve(marks_.size());
    for (auto const& m : marks_) {
        a.marks.push_back({m.tag, m.kind});
    }
    if (as != step::begin) {
        return a;
    }
    for (auto i = sights_.size(); i < scope_.entry_lookups().size(); ++i) {
        a.lookups.push_back(i);
    }
    begin_told_ = a.lookups.empty() || guessed_;
    if (begin_told_) {
        for (auto const& m : marks_) {
            a.drop.push_back(m.tag);
        }
    }
    return a;
}

action machine::on_begun(begun const& e, time_point now) {
    if (!e.reply || e.reply->tags.size() != marks_.size()) {
        return begin_failed();
    }
    if (!is_verified(e.reply->by, now)) {
        return verify(step::begin, now);
    }
    state_ = *e.reply;
    has_begun_ = true;
    marked_at_ = begin_sent_;
    // A member with other rules has entries under tags that ours do not name (section 3.8).
    if (learn_foreign_rules(e.reply->foreign_fingerprint, e.reply->foreign_rules)) {
        marks_ = merged(marks_, rule_tags_);
        return begin(step::begin, now);
    }
    if (sights_.size() < scope_.entry_lookups().size()) {
        return look(0, now);
    }
    return publish_marks();
}

action machine::begin_failed() {
    if (policy_.refuse_on_down) {
        return unmark(step::unmark, marks_);  // some may have been set
    }
    without_store_ = true;
    for (auto i = sights_.size(); i < scope_.entry_lookups().size(); ++i) {
        scope_.resolve_entry(i, std::nullopt);
    }
    distrust_all();
    marks_ = merged(marks_, scope_.marks());
    step_ = step::lease;
    // Replicas that still reach the store, or hold leases, get no message: their leases must run
    // out. Nothing is served here meanwhile: whoever sees the new state elsewhere must not see
    // the old one here afterwards.
    return do_wait{store::full_lease(policy_.lease), names(merged(marks_, scope_.changed()))};
}

// Over a failover and back a connection that nobody has looked at seems as it was: who has marked
// there knows neither the other server's readers nor that there are any (protocol.md section 3.2).
bool machine::is_verified(store::answered_by const& by, time_point now) const {
    return now - by.checked_at < policy_.lease;
}

action machine::verify(step first_of, time_point now) {
    verified_for_ = first_of;
    if (++verifications_ > max_verifications) {
        return on_verified({false}, now);
    }
    step_ = step::verify;
    return do_verify{};
}

action machine::on_verified(verified const& e, time_point now) {
    switch (verified_for_) {
        case step::begin:
            return e.ok && begins_ < max_begins ? begin(step::begin, now) : begin_failed();
        case step::mark_again:
            return e.ok ? begin(step::mark_again, now) : end_failed(now);
        default:
            return !e.ok ? end_failed(now) : marks_before_end_ ? prepare_end(now) : end(now);
    }
}

// `entry.*` is looked up under the own marker, so that a mutation that overtakes this one is seen
// at the end.
action machine::look(std::size_t first, time_point now) {
    if (first < scope_.entry_lookups().size()) {
        step_ = step::look;
        looking_ = first;
        return do_look{first};
    }
    auto wanted = merged(scope_.marks(), rule_tags_);
    bool const all_set = std::all_of(wanted.begin(), wanted.end(), [&](auto const& m) {
        auto const* set = find_mark(m.tag);
        return set != nullptr && (set->kind == m.kind || set->kind == rules::mark_kind::marker);
    });
    if (all_set) {
        return publish_marks();
    }
    marks_ = merged(std::move(marks_), std::move(wanted));
    return begin(step::begin, now);
}

action machine::on_looked(looked const& e, time_point now) {
    auto& found = sights_.emplace_back();
    found.trusted = is_usable(scope_.entry_lookups()[looking_], e);
    if (found.trusted) {
        found.server = e.server;
        for (auto const& tag : e.tags) {
            found.generations.push_back(tag.gen);
        }
    }
    scope_.resolve_entry(looking_, found.trusted ? e.json : std::nullopt);
    return look(looking_ + 1, now);
}

// Valid as for a hit, but for the own marker.
bool machine::is_usable(rules::entry_lookup const& lookup, looked const& e) const {
    if (!e.ok || e.entry == nullptr || !e.json || e.tags.size() != lookup.tags.size() ||
        e.entry->full_key != lookup.full_key || e.entry->server != e.server ||
        e.server != state_.by.server) {
        return false;
    }
    for (std::size_t i = 0; i < e.tags.size(); ++i) {
        auto const tag = lookup.tags[i];
        auto const& read = e.tags[i];
        auto const stored = std::find_if(e.entry->tags.begin(),
                                         e.entry->tags.end(),
                                         [&](auto const& t) { return t.tag == tag; });
        if (!read.present || stored == e.entry->tags.end() || stored->gen != read.gen ||
            read.intent_deadline <= e.server_now_ms) {
            return false;
        }
        if (read.marker && !has_own_marker(tag)) {
            return false;
        }
        // A reading does not say whose marker it saw; begin's reply does.
        auto const* own = find_mark(tag);
        if (own != nullptr &&
            state_.tags[static_cast<std::size_t>(own - marks_.data())].other_marker) {
            return false;
        }
    }
    return true;
}

action machine::publish_marks() {
    step_ = step::publish;
    do_publish a;
    a.is_sent = begin_told_;
    for (auto const& m : marks_) {
        a.tags.push_back(m.tag);
    }
    return a;
}

// A begin that has grown old protects nothing: its markers could lapse while the upstream works,
// and under another identity there are none (section 3.4). A message that the store did not take
// leaves near caches elsewhere as they are: as good as no store at all.
action machine::on_published(published const& e, time_point now) {
    if (!e.told) {
        return begin_failed();
    }
    bool const old = now - marked_at_ > policy_.margin / 2;
    bool const other_server = e.server && *e.server != state_.by.server;
    if (!old && !other_server) {
        return forward();
    }
    if (begins_ >= max_begins) {
        return begin_failed();
    }
    return begin(step::begin, now);
}

action machine::forward() {
    step_ = step::forward;
    return do_forward{};
}

// A renewal that fails changes nothing now: the request is under way, and the end learns whether
// its markers stood.
action machine::on_renewed(begun const& e) {
    step_ = step::forward;
    if (e.reply && e.reply->tags.size() == marks_.size()) {
        note_lost_marks(*e.reply);
        state_ = *e.reply;
        has_begun_ = true;
        marked_at_ = begin_sent_;
        learn_foreign_rules(e.reply->foreign_fingerprint, e.reply->foreign_rules);
    }
    return do_carry_on{};
}

bool machine::learn_foreign_rules(bool foreign, std::vector<std::string> const& names) {
    if (!foreign) {
        return false;
    }
    std::vector<rules::planned_mark> all;
    for (auto const& rule : rules_.rules()) {
        all.push_back(
            {rules::rule_set::rule_tag(rule.definition.name.value), rules::mark_kind::marker, {}});
    }
    for (auto const& name : names) {
        all.push_back({rules::rule_set::rule_tag(name), rules::mark_kind::marker, {}});
    }
    auto const before = rule_tags_.size();
    rule_tags_ = merged(rule_tags_, std::move(all));
    return rule_tags_.size() != before;
}

// Marks that are set again hide that they had gone in the meantime. A generation that has moved
// since gives it away (another mutation's end moves it too: one publish too many, no harm).
void machine::note_lost_marks(store::begun const& b) {
    suspect_ = suspect_ || !has_begun_ || b.by.server != state_.by.server ||
               b.tags.size() != state_.tags.size() ||
               !std::equal(b.tags.begin(),
                           b.tags.end(),
                           state_.tags.begin(),
                           [](auto const& x, auto const& y) { return x.gen == y.gen; });
}

rules::planned_mark const* machine::find_mark(std::string_view tag) const {
    return find(marks_, tag);
}

bool machine::has_own_marker(std::string_view tag) const {
    auto const* own = find_mark(tag);
    return own != nullptr && own->kind == rules::mark_kind::marker;
}

}  // namespace sidecache::cache::mutation
