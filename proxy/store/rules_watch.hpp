#pragma once

#include "proxy/async/clock.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>

namespace sidecache::store {

/// Whether this member may go by its rules yet (protocol.md section 3.8), as a machine without I/O
/// and without a clock: it is told what the renewals of its listing find.
///
/// A mutation marks the tags that its own rules give it, and `rule:` tags where its begin sees
/// members with other rules. One that began before this member was listed knows nothing of it: what
/// is fetched meanwhile, under tags that only this member's rules name, would outlive the commit.
/// So a member that joins others whose rules differ is *quiet* for as long as any mark may live: it
/// stores nothing and takes nothing from the store. And what the store holds from an earlier time
/// of these rules nobody has invalidated since: its `rule:` tags get new generations first.
///
/// Any thread.
class rules_watch {
public:
    using time_point = boot_clock::time_point;

    /// `life`: the longest that a mark may live; zero: never quiet.
    explicit rules_watch(std::chrono::nanoseconds life) : life_(life) {}

    /// Rules have been announced: from now on this member is quiet unless it is listed.
    void announced();
    /// The rules in force are others than those that were listed: what follows is a joining.
    void join_anew();
    /// Whether the next renewal has to bring the list along.
    bool asks_who() const;

    /// Who else is in the list, as read behind the own renewal.
    struct others {
        bool any = false;
        bool other_rules = false;
    };
    /// A renewal that was sent then has its reply. `was_listed`: without a gap until then;
    /// `listing`: how long it holds.
    void renewed(bool was_listed,
                 std::optional<others> const& who,
                 time_point sent_at,
                 std::chrono::nanoseconds listing,
                 time_point now);

    /// Other rules take effect in a moment: what is stored under their tags may be from a time when
    /// they were in effect before, and out of date since.
    void forget_older();
    /// The own `rule:` tags have to get new generations before anything is taken from the store.
    bool has_to_forget() const;
    void forgotten();

    /// For each request.
    bool is_quiet(time_point now) const noexcept;
    /// When a mutation of another process that does not know what the last renewal said must be
    /// over; the epoch: there is no other.
    time_point others_over(std::chrono::nanoseconds life) const;

private:
    void publish();

    std::chrono::nanoseconds const life_;
    mutable std::mutex mutex_;
    bool announced_ = false;
    bool joined_ = false;
    bool has_to_forget_ = false;
    std::optional<time_point> others_seen_;
    time_point listed_until_{};
    time_point quiet_until_{};
    // What a hit reads: quiet before the first, and from the second on.
    std::atomic<boot_clock::rep> from_{0};
    std::atomic<boot_clock::rep> until_{time_point::max().time_since_epoch().count()};
};

}  // namespace sidecache::store
