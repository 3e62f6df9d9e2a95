#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/entry_codec.hpp"
#include "proxy/store/store.hpp"
#include "rules/http_cache/invalidation.hpp"
#include "rules/mutation_scope.hpp"
#include "rules/rule_set.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// A mutation as a machine without I/O and without a clock (protocol.md sections 3 and 5): it is
/// told what happened and when, and says what to do next. `mutate.cpp` performs it.
///
///     begin -> look -> begin -> publish -> forward -> end -> look again -> publish -> answer
///       |                ^ grown old?  |               |  ^       |
///       |                +-------------+               |  +-------+ it has moved
///       |                                              |  ^
///       +- store down: refuse, or wait a lease out     +--+ until on_down_hold
///          and forward                                      then owed
namespace sidecache::cache::mutation {

using time_point = boot_clock::time_point;
using std::chrono::nanoseconds;

/// What the configuration says.
struct policy {
    bool refuse_on_down = false;
    nanoseconds lease{0};
    nanoseconds margin{0};
    nanoseconds life{0};  ///< of a marker: upstream.timeout + margin
    nanoseconds on_down_hold{0};
};

/// What the upstream's answer says about the backend's state.
enum class outcome : std::uint8_t {
    changed,
    unchanged,  ///< it says that it did nothing, or nothing was sent
    unknown,    ///< it may have, or may yet (protocol.md section 3.7)
};

// --- What the machine is told -----------------------------------------------------------------

struct begun {
    result<store::begun> reply;
};
/// Who the server is has been asked anew; `ok`: it is the one that everybody counts on.
struct verified {
    bool ok = false;
};
/// The entry of a look-up; `entry` null: absent, not readable, or its time is over.
struct looked {
    bool ok = false;  ///< the store answered
    store::id128 server;
    unix_ms server_now_ms = 0;
    std::vector<store::tag_reading> tags;
    store::entry const* entry = nullptr;
    std::optional<std::string_view> json;  ///< its content, decoded
};
struct published {
    std::optional<store::id128> server;  ///< whose word the next command would be
    bool told = true;                    ///< false: the store did not take the message
};
struct waited {};
/// Half of `margin` has passed while the request's content was still on its way.
struct renewal_due {};
struct answered {
    unsigned status = 0;
    std::optional<std::string_view> json;  ///< the response's content, decoded
    bool too_large = false;  ///< only its head is here: the content is too large to hold back
    bool cut_short = false;  ///< its content did not arrive whole
    /// The rules were reloaded in the meantime: what they make of the same request.
    std::optional<rules::mutation_scope> other_rules;
    /// What its head names besides (RFC 9111 section 4.4, RFC 9875).
    rules::http_cache::also_stale also{};
};
struct unanswered {
    bool sent = true;  ///< false: not one byte of the request went out
    std::optional<rules::mutation_scope> other_rules;
};
struct streamed {
    bool complete = false;
    std::optional<rules::mutation_scope> other_rules;
};
struct ended {
    result<store::ended> reply;
};
struct replied {};

using event = std::variant<begun,
                           verified,
                           looked,
                           published,
                           waited,
                           renewal_due,
                           answered,
                           unanswered,
                           streamed,
                           ended,
                           replied>;

// --- What it says to do. Views point into the machine, until it is told the next event. --------

///
/// A begin or an end is one round trip, and what follows it at once goes along: the entries at
/// `lookups` are read in the same batch (`do_look` then asks for what is there already), and `drop`
/// is published in it (`do_publish` then waits, with `is_sent`).
struct do_begin {
    std::vector<store::begin_mark> marks;
    std::vector<std::size_t> lookups{};
    std::vector<std::string_view> drop{};
};
/// Ask the server who it is: the last reply came over a connection that nobody had checked for a
/// lease.
struct do_verify {};
struct do_look {
    std::size_t lookup = 0;
};
/// Tell every near cache, wait until none can serve what was there before.
struct do_publish {
    std::vector<std::string_view> tags;
    bool is_sent = false;
};
struct do_wait {
    nanoseconds how_long{0};
    /// From now on nothing under these may be served by this process: the store does not know.
    std::vector<std::string> cover;
};
/// Once, never again.
struct do_forward {};
/// Go on with the request's content (after a renewal).
struct do_carry_on {};
struct do_end {
    std::vector<store::end_mark> marks;
    std::chrono::milliseconds life{0};
    /// Their tags only.
    std::vector<std::size_t> lookups{};
    std::vector<std::string_view> drop{};
};
/// What the store has not had when its client is answered.
struct owed_purge {
    std::vector<rules::planned_mark> tags;
    std::optional<time_point> keep_until;
};
struct do_answer {
    enum class kind : std::uint8_t {
        relay,   ///< the upstream's response
        failed,  ///< 502 or 504: there is none
        refuse,  ///< 503: nothing was forwarded
    };
    kind what = kind::relay;
    std::optional<owed_purge> owed;
};
/// Relay the response's head and what follows; then tell `streamed`.
struct do_stream {
    std::optional<owed_purge> owed;
};
struct do_finish {
    std::optional<owed_purge> owed;
};

using action = std::variant<do_begin,
                            do_verify,
                            do_look,
                            do_publish,
                            do_wait,
                            do_forward,
                            do_carry_on,
                            do_end,
                            do_answer,
                            do_stream,
                            do_finish>;

/// One mutation. One thread at a time. REQUIRES of every call: the event answers the last action
/// (`renewal_due` only between `do_forward` and what it leads to).
class machine {
public:
    /// `rules`: those of `scope`; outlive the machine.
    machine(policy p, rules::mutation_scope scope, rules::rule_set const& rules);

    /// `guesses`: what each entry of `scope().entry_lookups()` seems to hold, as far as this
    /// process remembers; empty: nothing is known. They are marked with the rest and looked at
    /// afterwards: right ones save a round trip, wrong ones cost a mark too many.
    action start(time_point now, std::span<std::optional<std::string_view> const> guesses = {});
    action on(event e, time_point now);

    rules::mutation_scope const& scope() const { return scope_; }
    /// Known from the answer on.
    outcome result_of_forward() const { return outcome_; }
    /// What its end bumps, or would have: known from the answer on.
    std::vector<rules::planned_mark> const& changed() const { return changed_; }
    /// The store was not to be had, and the mutation went on without it.
    bool without_store() const { return without_store_; }

private:
    enum class step : std::uint8_t {
        idle,
        begin,        // marks are being set
        verify,       // ... but by whom? (before the forward, or before the answer)
        look,         // entries for entry.* are being read
        publish,      // ... and near caches told
        lease,        // no store: one lease is being waited out
        unmark,       // refused: what may have been set is taken off again
        forward,      // the upstream has it
        renew,        // ... and markers are being renewed
        mark_again,   // the store is back: who else is about?
        end,          // new generations
        look_again,   // had the entry's tags moved before?
        hold,         // ... tried again after a moment
        publish_end,  // ... and near caches told
        leave,        // nothing was changed: marks go
        answer,       // the client gets its answer
        stream,       // ... piece by piece
        settle,       // markers stay for a while
        unmark_late,  // ... and go
        over,
    };
    /// What an `entry.*` look-up found, to be compared at the end.
    struct sight {
        bool trusted = false;
        store::id128 server;
        std::vector<store::generation> generations;
    };

    // Towards the upstream: mutation_machine.cpp.
    action begin(step as, time_point now);
    action on_begun(begun const& e, time_point now);
    action begin_failed();
    bool is_verified(store::answered_by const& by, time_point now) const;
    action verify(step first_of, time_point now);
    action on_verified(verified const& e, time_point now);
    action look(std::size_t first, time_point now);
    action on_looked(looked const& e, time_point now);
    bool is_usable(rules::entry_lookup const& lookup, looked const& e) const;
    action publish_marks();
    action on_published(published const& e, time_point now);
    action forward();
    action on_renewed(begun const& e);
    bool learn_foreign_rules(bool foreign, std::vector<std::string> const& names);
    void note_lost_marks(store::begun const& b);
    rules::planned_mark const* find_mark(std::string_view tag) const;
    bool has_own_marker(std::string_view tag) const;

    // Back from it: mutation_end.cpp.
    action on_answered(answered const& e, time_point now);
    action on_unanswered(unanswered const& e, time_point now);
    action on_streamed(streamed const& e, time_point now);
    action leave_as_it_was();
    action prepare_end(time_point now);
    action on_marked_again(begun const& e, time_point now);
    action look_again(std::size_t first, time_point now);
    action on_looked_again(looked const& e, time_point now);
    void distrust(std::size_t lookup);
    void distrust_all();
    void take_other_rules(std::optional<rules::mutation_scope> const& other,
                          std::optional<std::string_view> json);
    std::vector<rules::planned_mark> changed_now() const;
    action end(time_point now);
    action on_ended(ended const& e, time_point now);
    action end_failed(time_point now);
    bool foresees_publish() const;
    bool needs_publish(store::ended const& e) const;
    action tell_or_conclude();
    action on_end_published(published const& e, time_point now);
    void note_left_over();
    action conclude(std::optional<owed_purge> owed);
    action finish_or_settle(std::optional<owed_purge> owed);
    action unmark(step as, std::vector<rules::planned_mark> const& which);
    nanoseconds settle() const;
    nanoseconds rest_of_life(time_point now) const;

    policy const policy_;
    rules::mutation_scope scope_;
    /// The same request by rules that were loaded in the meantime (protocol.md section 3.8).
    std::optional<rules::mutation_scope> other_scope_;
    rules::rule_set const& rules_;
    step step_ = step::idle;

    // All sorted by tag, without duplicates.
    std::vector<rules::planned_mark> marks_;      // what begin sets
    std::vector<rules::planned_mark> rule_tags_;  // while members with other rules are about
    std::vector<rules::planned_mark> changed_;    // what end bumps
    std::vector<rules::planned_mark> bumped_;     // ... and has bumped
    std::vector<rules::planned_mark> left_over_;  // marks that go when all is done

    unsigned begins_ = 0;
    unsigned verifications_ = 0;
    step verified_for_ = step::begin;  // what is done again then
    time_point begin_sent_{};          // of the begin under way
    time_point marked_at_{};           // of the last one that succeeded: when it was sent
    bool has_begun_ = false;
    store::begun state_;  // its reply, one state a mark
    std::vector<sight> sights_;
    std::size_t looking_ = 0;
    bool guessed_ = false;     // what the look-ups may tell is marked already
    bool begin_told_ = false;  // the last begin took its message along
    bool end_told_ = false;    // ... the last end
    bool has_to_tell_ = false;
    bool looks_again_ = false;      // the last end looked at the entries again
    bool reaches_further_ = false;  // ... and there is more to bump

    bool without_store_ = false;
    bool marks_before_end_ = false;  // the answer has named groups
    bool suspect_ = false;           // a near cache may have been refilled under an own marker
    outcome outcome_ = outcome::changed;
    bool nothing_to_relay_ = false;
    bool at_head_ = false;    // too large to hold back: its content is still to come
    bool streaming_ = false;  // ... and is on its way to the client
    bool owes_ = false;       // answered without the store
    std::vector<store::end_mark> plan_;
    std::optional<time_point> hold_until_;
    nanoseconds backoff_{0};
};

}  // namespace sidecache::cache::mutation
