#include "proxy/cache/mark_set.hpp"
#include "proxy/cache/mutation_machine.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>
#include <utility>

// What happens once the upstream has answered, or has not (protocol.md sections 3.5 to 3.7, 5).
namespace sidecache::cache::mutation {

namespace {

using std::chrono::milliseconds;
using store::end_action;

constexpr nanoseconds first_backoff = milliseconds(10);
constexpr nanoseconds longest_backoff = milliseconds(160);

// Section 3.7: the upstream has it, and has not said what became of it.
bool is_undecided(unsigned status) {
    return status == 202 || status == 502 || status == 503 || status == 504;
}

milliseconds up_to_ms(nanoseconds n) {
    return std::chrono::ceil<milliseconds>(n);
}

}  // namespace

action machine::on_answered(answered const& e, time_point now) {
    take_other_rules(e.other_rules, e.json);
    at_head_ = e.too_large;
    nothing_to_relay_ = e.cut_short;
    if (scope_.is_unchanged(e.status) && (!other_scope_ || other_scope_->is_unchanged(e.status))) {
        outcome_ = outcome::unchanged;
        return leave_as_it_was();
    }
    bool const unknown = e.cut_short || is_undecided(e.status);
    outcome_ = unknown ? outcome::unknown : outcome::changed;
    if (scope_.needs_response()) {
        scope_.resolve_response(unknown || e.too_large ? std::nullopt : e.json);
    }
    if (scope_.reads_answer()) {
        marks_before_end_ = scope_.resolve_answer(e.also);
    }
    if (unknown || e.too_large) {
        distrust_all();  // the commit may be yet to come, behind another mutation's
    }
    return prepare_end(now);
}

action machine::on_unanswered(unanswered const& e, time_point now) {
    take_other_rules(e.other_rules, std::nullopt);
    nothing_to_relay_ = true;
    if (!e.sent) {
        outcome_ = outcome::unchanged;
        return leave_as_it_was();
    }
    outcome_ = outcome::unknown;
    if (scope_.needs_response()) {
        scope_.resolve_response(std::nullopt);
    }
    distrust_all();
    return prepare_end(now);
}

// The content has gone to the client under markers that stand; bumped once more, whatever was
// filled by a commit that came after the head is gone too.
action machine::on_streamed(streamed const& e, time_point now) {
    at_head_ = false;
    streaming_ = true;
    bumped_.clear();
    if (outcome_ == outcome::unchanged) {
        return finish_or_settle(std::nullopt);
    }
    take_other_rules(e.other_rules, std::nullopt);
    if (!e.complete) {
        outcome_ = outcome::unknown;
    }
    return prepare_end(now);
}

// A request that began under other rules changes what those rules say, and what these do
// (section 3.8).
void machine::take_other_rules(std::optional<rules::mutation_scope> const& other,
                               std::optional<std::string_view> json) {
    if (!other) {
        return;
    }
    other_scope_ = other;
    for (std::size_t i = 0; i < other_scope_->entry_lookups().size(); ++i) {
        other_scope_->resolve_entry(i, std::nullopt);
    }
    if (other_scope_->needs_response()) {
        other_scope_->resolve_response(json);
    }
}

action machine::leave_as_it_was() {
    if (marks_.empty() || settle() > nanoseconds::zero()) {
        return conclude(std::nullopt);  // `settle` holds after any answer: marks go later
    }
    return unmark(step::leave, marks_);
}

action machine::prepare_end(time_point now) {
    // No begin has told who else is about: one that succeeds first learns other rules. And groups
    // are bumped under their markers only: a fill must not take a group's new generation while the
    // tag that tells it of that is as it was (entry_groups.hpp).
    if (without_store_ || marks_before_end_) {
        marks_ = merged(marks_, changed_now());
        return begin(step::mark_again, now);
    }
    return end(now);
}

action machine::on_marked_again(begun const& e, time_point now) {
    if (!e.reply || e.reply->tags.size() != marks_.size()) {
        return end_failed(now);
    }
    if (!is_verified(e.reply->by, now)) {
        return verify(step::mark_again, now);
    }
    suspect_ = true;  // there was no marker all the while
    state_ = *e.reply;
    has_begun_ = true;
    marked_at_ = begin_sent_;
    learn_foreign_rules(e.reply->foreign_fingerprint, e.reply->foreign_rules);
    return end(now);
}

// What was read there before may not be what our commit replaced: another mutation may have moved
// it in between, and will or did move it again.
action machine::look_again(std::size_t first, time_point now) {
    while (first < sights_.size() && !sights_[first].trusted) {
        ++first;
    }
    if (first == sights_.size()) {
        return std::exchange(reaches_further_, false) ? end(now) : tell_or_conclude();
    }
    step_ = step::look_again;
    looking_ = first;
    return do_look{first};
}

action machine::on_looked_again(looked const& e, time_point now) {
    auto const& seen = sights_[looking_];
    auto const& tags = scope_.entry_lookups()[looking_].tags;
    bool same = e.ok && e.server == seen.server && e.tags.size() == seen.generations.size();
    for (std::size_t i = 0; same && i < e.tags.size(); ++i) {
        // A commit of somebody who is done moved the generation; somebody who is not done has a
        // marker. As long as the generation stands, one of ours has not gone.
        auto const own = has_own_marker(tags[i]) ? 1U : 0U;
        same =
            e.tags[i].present && e.tags[i].gen == seen.generations[i] && e.tags[i].markers <= own;
    }
    if (!same) {
        distrust(looking_);
        reaches_further_ = true;
    }
    return look_again(looking_ + 1, now);
}

void machine::distrust(std::size_t lookup) {
    sights_[lookup].trusted = false;
    scope_.distrust_entry(lookup);
}

void machine::distrust_all() {
    for (std::size_t i = 0; i < sights_.size(); ++i) {
        if (sights_[i].trusted) {
            distrust(i);
        }
    }
}

std::vector<rules::planned_mark> machine::changed_now() const {
    auto all = merged(scope_.changed(), rule_tags_);
    if (other_scope_) {
        all = merged(std::move(all), other_scope_->changed());
    }
    if (outcome_ == outcome::unknown) {
        all = merged(std::move(all), marks_);  // an intent becomes a marker before a 504 goes out
    }
    for (auto& m : all) {
        m.kind = rules::mark_kind::marker;
    }
    return all;
}

action machine::end(time_point now) {
    changed_ = merged(std::move(changed_), changed_now());
    bool const keeps = outcome_ == outcome::unknown || at_head_ || settle() > nanoseconds::zero();
    do_end a;
    nanoseconds life = settle();
    if (outcome_ == outcome::unknown || at_head_) {
        life = std::max(life, rest_of_life(now));
    }
    a.life = up_to_ms(life);
    for (auto const& m : changed_) {
        if (find(bumped_, m.tag) == nullptr) {
            a.marks.push_back(
                {m.tag, keeps ? end_action::bump_keep : end_action::bump, m.exact_key});
        }
    }
    if (a.marks.empty()) {
        return tell_or_conclude();
    }
    looks_again_ = bumped_.empty() && outcome_ == outcome::changed && !without_store_;
    if (looks_again_) {
        for (std::size_t i = 0; i < sights_.size(); ++i) {
            if (sights_[i].trusted) {
                a.lookups.push_back(i);
            }
        }
    }
    step_ = step::end;
    plan_ = a.marks;
    end_told_ = foresees_publish();
    if (end_told_) {
        for (auto const& m : changed_) {
            a.drop.push_back(m.tag);
        }
    }
    return a;
}

action machine::on_ended(ended const& e, time_point now) {
    if (!e.reply) {
        return end_failed(now);
    }
    if (!changed_.empty() && !is_verified(e.reply->by, now)) {
        suspect_ = true;  // done again it will not find its marks
        return verify(step::end, now);
    }
    has_to_tell_ = has_to_tell_ || needs_publish(*e.reply);
    for (auto const& m : changed_) {
        if (find(bumped_, m.tag) == nullptr) {
            bumped_ = merged(std::move(bumped_), {m});
        }
    }
    // A member with other rules has joined since begin, and may have read what was there before.
    reaches_further_ = learn_foreign_rules(e.reply->foreign_fingerprint, e.reply->foreign_rules);
    return look_again(looks_again_ ? 0 : sights_.size(), now);
}

action machine::tell_or_conclude() {
    note_left_over();
    if (at_head_) {
        marks_ = changed_;  // markers all, and kept: what the second bump is about
    }
    if (!std::exchange(has_to_tell_, false)) {
        return conclude(std::nullopt);
    }
    step_ = step::publish_end;
    do_publish a;
    a.is_sent = end_told_;
    for (auto const& m : changed_) {
        a.tags.push_back(m.tag);
    }
    return a;
}

action machine::on_end_published(published const& e, time_point now) {
    if (e.told) {
        return conclude(std::nullopt);
    }
    suspect_ = true;
    bumped_.clear();  // all of it once more: the message goes with the end
    return end_failed(now);
}

// Whether no reply is needed to know it (`needs_publish`): then the message goes with the end.
bool machine::foresees_publish() const {
    return !changed_.empty() && (has_to_tell_ || suspect_ || !has_begun_ ||
                                 std::any_of(changed_.begin(), changed_.end(), [&](auto const& m) {
                                     return !has_own_marker(m.tag);
                                 }));
}

// A near cache may hold what was before under a tag that no marker of ours guarded all the while.
bool machine::needs_publish(store::ended const& e) const {
    if (changed_.empty()) {
        return false;
    }
    if (suspect_ || !has_begun_ || e.by.server != state_.by.server ||
        e.had_mark.size() != plan_.size()) {
        return true;
    }
    for (std::size_t i = 0; i < plan_.size(); ++i) {
        if (!e.had_mark[i] || !has_own_marker(plan_[i].tag)) {
            return true;  // gone, or an intent, or a tag that only the answer has told
        }
    }
    return false;
}

// Section 5: the answer is held until the store has had the end, for on_down_hold at most; then
// it is owed, and this process serves nothing under those tags until it is paid.
action machine::end_failed(time_point now) {
    if (changed_.empty()) {
        changed_ = changed_now();
    }
    if (!hold_until_) {
        hold_until_ = now + policy_.on_down_hold;
        backoff_ = first_backoff;
    }
    if (streaming_ || now >= *hold_until_) {
        std::optional<time_point> keep;
        if (outcome_ == outcome::unknown || at_head_) {
            keep = now + rest_of_life(now);
        } else if (settle() > nanoseconds::zero()) {
            keep = now + settle();
        }
        return conclude(owed_purge{changed_, keep});
    }
    step_ = step::hold;
    auto const pause = std::min<nanoseconds>(backoff_, *hold_until_ - now);
    backoff_ = std::min(backoff_ * 2, longest_backoff);
    return do_wait{pause, names(changed_)};
}

action machine::conclude(std::optional<owed_purge> owed) {
    if (streaming_) {
        return finish_or_settle(std::move(owed));
    }
    owes_ = owed.has_value();
    if (at_head_ && !nothing_to_relay_) {
        step_ = step::stream;
        return do_stream{std::move(owed)};
    }
    step_ = step::answer;
    auto const what = nothing_to_relay_ ? do_answer::kind::failed : do_answer::kind::relay;
    return do_answer{what, std::move(owed)};
}

action machine::finish_or_settle(std::optional<owed_purge> owed) {
    // An unknown outcome's markers stay until their deadline, and an owed purge has none.
    bool const marked = outcome_ == outcome::unchanged ? !marks_.empty() : !changed_.empty();
    bool const is_owed = owed || owes_;
    if (!is_owed && marked && outcome_ != outcome::unknown && settle() > nanoseconds::zero()) {
        step_ = step::settle;
        return do_wait{settle(), {}};
    }
    if (!is_owed && !left_over_.empty()) {
        return unmark(step::unmark_late, left_over_);
    }
    step_ = step::over;
    return do_finish{std::move(owed)};
}

// Marks on tags that did not change, intents as a rule. They go when every bump has succeeded and
// nobody waits any more: gone with a bump that was refused, or before one, nothing would be left
// to invalidate should this process die then (tests/model, `clear_before_bump`).
void machine::note_left_over() {
    std::copy_if(marks_.begin(), marks_.end(), std::back_inserter(left_over_), [&](auto const& m) {
        return find(changed_, m.tag) == nullptr;
    });
    left_over_ = merged(std::move(left_over_), {});
}

action machine::unmark(step as, std::vector<rules::planned_mark> const& which) {
    step_ = as;
    do_end a;
    for (auto const& m : which) {
        a.marks.push_back({m.tag, end_action::clear, {}});
    }
    return a;
}

nanoseconds machine::settle() const {
    auto const own = scope_.settle();
    return other_scope_ ? std::max(own, other_scope_->settle()) : own;
}

// What is left of the markers' life, so that one that has gone is set anew for no shorter: until
// then the upstream may still commit.
nanoseconds machine::rest_of_life(time_point now) const {
    if (!has_begun_) {
        return policy_.life;
    }
    return std::max<nanoseconds>(policy_.margin, marked_at_ + policy_.life - now);
}

}  // namespace sidecache::cache::mutation
