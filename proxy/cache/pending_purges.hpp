#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/async/task.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "rules/mutation_scope.hpp"
#include "rules/rule_set.hpp"
#include "rules/tag.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sidecache::cache {

struct worker_parts;

/// Tags whose invalidation the store has not had (protocol.md section 5). While a tag is here,
/// this process serves nothing under it from any cache; what is *owed* (its mutation has been
/// answered) is replayed as soon as the store answers.
///
/// For readers: ask *before* the read of the store is sent. A reader that asked only afterwards
/// could hold a reply from before the bump while the replay takes the tag out of here. A covered
/// request is treated as if each of its tags carried a marker: not served from the cache, not
/// stored, and it joins no fill whose upstream request has been sent.
///
/// Any thread.
class pending_purges {
public:
    /// Above `max_tags` distinct owed tags all are folded into the `rule:` tags, which cover
    /// every entry: an outage must not fill the memory, and too much may go, never too little.
    explicit pending_purges(telemetry::process_metrics& metrics, std::size_t max_tags = 50'000);
    ~pending_purges();
    pending_purges(pending_purges const&) = delete;
    pending_purges& operator=(pending_purges const&) = delete;

    /// The hit path's question: one load, no lock.
    bool none() const noexcept { return covering_.load(std::memory_order_acquire) == 0; }

    /// Whether one of these tags is in here. Takes a lock; ask `none` first.
    bool covers(rules::tag_list const& tags) const;

    /// One mutation's tags while it is under way without the store: covered, but not owed yet.
    /// Dropped without a word (an exception) it counts as owed.
    class holding {
    public:
        holding() = default;
        holding(holding&& other) noexcept;
        holding& operator=(holding&& other) noexcept;
        ~holding();
        explicit operator bool() const { return owner_ != nullptr; }
        /// The store has had its invalidation, or nothing was changed.
        void release();
        /// It is answered without: counted in purges_pending until it has been replayed.
        /// `keep_until`: the outcome is unknown, so a marker has to stand until then.
        /// `purges`: names, for the metric.
        void owe(std::vector<rules::planned_mark> changed,
                 std::optional<boot_clock::time_point> keep_until,
                 std::vector<std::string> purges);

    private:
        friend class pending_purges;
        pending_purges* owner_ = nullptr;
        std::vector<std::string> tags_;
        std::shared_ptr<rules::rule_set const> rules_;
    };
    /// `rules`: whose `rule:` tags stand for everything should there be too many tags.
    [[nodiscard]] holding hold(std::vector<std::string> tags,
                               std::shared_ptr<rules::rule_set const> rules);

    /// One owed tag, as the replay hands it to the store.
    struct owed {
        std::string tag;
        std::string exact_key;
        std::optional<boot_clock::time_point> keep_until;
    };
    /// What is owed now (all of it), and up to where: `settle` takes exactly that out again, so
    /// that a tag owed once more in the meantime stays.
    struct batch {
        std::uint64_t upto = 0;
        std::vector<owed> tags;
    };
    batch due() const;
    /// That batch has been bumped, published and waited for. Returns the purges' names.
    std::vector<std::string> settle(batch const& done);
    /// How many answered mutations are owed.
    std::size_t size() const;

    /// True for one caller at a time while something is owed: that one replays, until `rest`
    /// tells it that nothing is left.
    bool claim_replay();
    /// True: nothing is owed, the claim is given back. False: go on.
    bool rest();
    /// Gives the claim back although something is owed (the worker ends).
    void abandon_replay();

private:
    struct state {
        std::size_t holders = 0;  // mutations under way
        std::uint64_t owed = 0;   // number of the last purge that owes it; 0: none
        std::string exact_key;
        std::optional<boot_clock::time_point> keep_until;
    };
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const noexcept {
            return std::hash<std::string_view>{}(s);
        }
    };
    struct owed_purge {
        std::uint64_t number = 0;
        std::vector<std::string> purges;
    };

    void release(std::vector<std::string> const& tags);
    void owe(std::vector<rules::planned_mark> changed,
             std::optional<boot_clock::time_point> keep_until,
             std::vector<std::string> purges,
             rules::rule_set const* rules);
    void add_owed(std::string tag,
                  std::string exact_key,
                  std::optional<boot_clock::time_point> keep_until);
    void fold(rules::rule_set const& rules);
    void publish_size();

    telemetry::process_metrics& metrics_;
    std::size_t const max_tags_;
    /// How many tags are in here; written under the lock.
    std::atomic<std::size_t> covering_{0};
    mutable std::mutex mutex_;
    std::unordered_map<std::string, state, text_hash, std::equal_to<>> tags_;
    std::deque<owed_purge> owed_;
    std::uint64_t last_number_ = 0;
    /// Folded: every request is covered until everything owed has been replayed.
    bool everything_ = false;
    bool replaying_ = false;
};

/// Replays what is owed on this worker, if no other one does: bumps, publishes and waits, again
/// and again until the store has had everything. Spawned in `parts.background` by whoever owes;
/// ends early when that scope is cancelled. On the worker's own thread.
task<void> replay_pending(worker_parts parts);

}  // namespace sidecache::cache
