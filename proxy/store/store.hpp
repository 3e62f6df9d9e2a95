#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/async/task.hpp"
#include "proxy/store/counted_tags.hpp"
#include "proxy/store/event_payload.hpp"
#include "proxy/store/held_text.hpp"
#include "proxy/store/lease.hpp"
#include "proxy/store/membership.hpp"
#include "proxy/store/tag_value.hpp"
#include "rules/mutation_scope.hpp"
#include "rules/tag.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The shared store, as the protocol sees it (protocol.md section 1). Redis and `memory://` stand
/// behind this one interface with one behaviour.
namespace sidecache::telemetry {
struct worker_metrics;
}

namespace sidecache::store {

enum class store_error {
    ok,
    unreachable,   ///< no connection, or it broke before the reply
    timeout,       ///< no reply within `store.timeout`
    breaker_open,  ///< not asked: the breaker is open
    not_primary,   ///< the server is a replica, or no longer takes writes (READONLY)
    refused,       ///< the server answered with an error (OOM, LOADING, NOPERM, WRONGTYPE, ...)
    malformed,     ///< the reply is not what the command promises
};
error_code make_error_code(store_error e);

/// Who answered, and how far its word counts. A value, taken with each reply.
struct answered_by {
    /// Hash of run_id + master_replid + role; part of every generation (protocol.md section 1).
    id128 server;
    /// When the last identity check whose reply has come was *sent* on this connection. A store
    /// hit counts only within one lease of it.
    boot_clock::time_point checked_at;
    /// An upper estimate of the server's clock at the reply, so that an intent is judged past its
    /// deadline early rather than late (protocol.md section 2).
    unix_ms server_now_ms = 0;
    /// Mutations may be under way that know nothing of this member's rules: nothing that is stored
    /// counts (protocol.md section 3.8, rules_watch.hpp).
    bool quiet = false;
};

/// What a hit is judged from: entry and tags, read in one round trip.
struct reading {
    answered_by by;
    held_text entry;                // null: absent
    std::vector<tag_reading> tags;  // one a tag asked for
};

enum class lock_state { none, acquired, held };

/// The ground of a fill: its tags' snapshot, taken before the upstream is asked, then the lock,
/// then the entry read again (somebody may have filled it before the lock was free).
struct fill_ground {
    answered_by by;
    std::vector<tag_reading> tags;
    /// A failover was met and old markers may live: counts as marked (protocol.md section 1).
    bool quarantined = false;
    lock_state lock = lock_state::none;
    std::shared_ptr<std::string const> entry;
    /// `counted_tag` has `max_keys` other keys already. All replicas see one number; only fills
    /// that are under way at once may exceed the bound.
    bool is_full = false;
};

struct fill_request {
    std::string_view key;
    rules::tag_list const* tags = nullptr;
    /// Tags live at least that long: longer than any entry filled under them.
    std::chrono::milliseconds keep_tags{0};
    std::string_view lock_key;  // empty: no lock
    id128 lock_token;
    std::chrono::milliseconds lock_ttl{0};
    /// The tag whose keys are counted (`rule:NAME`), and how many it may have; 0: no bound.
    std::string_view counted_tag{};
    std::uint64_t max_keys = 0;
};

struct put_request {
    std::string_view key;
    std::string_view bytes;
    std::chrono::milliseconds ttl{0};
    rules::tag_list const* tags = nullptr;
    /// Released in the same batch, with a fill_done event (`stored`); empty: none.
    std::string_view lock_key;
    id128 lock_token;
};

/// Another replica with a near cache, as the list of members names it.
struct near_member {
    std::string id;  // 32 hex digits, when its record is one of ours
    /// The longer of its own and ours.
    std::chrono::nanoseconds lease{0};
    /// For `dismiss`.
    std::string record;
};
/// Whom a drop has to reach (protocol.md section 3.3).
struct audience {
    std::vector<near_member> members;
    /// False: there may be others who hold a lease without being listed; nobody knows them, so a
    /// full lease has to pass whoever is listed.
    bool complete = true;
    /// The longest lease that anybody may hold.
    std::chrono::nanoseconds longest{0};
};

/// An entry and its tags, to be read in the batch of a begin or an end.
struct lookup {
    std::string_view key;  // empty: the tags alone
    rules::tag_list const* tags = nullptr;
};
/// What a begin or an end takes along: all of it costs the one round trip.
struct companions {
    /// Read behind the marks of a begin, before the marks of an end go.
    std::span<lookup const> lookups{};
    /// Published behind everything else; then the members are read. Empty: nothing.
    std::string_view drop{};
};

struct begin_mark {
    std::string_view tag;
    mark_kind kind = mark_kind::marker;
};
struct begun {
    answered_by by;
    /// Other members' fingerprints and rule names, where they differ from ours
    /// (protocol.md section 3.8): their `rule:` tags must be marked too.
    std::vector<std::string> foreign_rules;
    bool foreign_fingerprint = false;
    /// Per tag, in order: its generation as the mark found or made it, and whether it carries a
    /// marker of another mutation.
    struct state {
        generation gen;
        bool other_marker = false;
    };
    std::vector<state> tags;
    /// Of `companions`: a reading each; whom the drop has to reach, nullopt when it was not taken.
    std::vector<reading> seen{};
    std::optional<audience> told{};
};

struct end_mark {
    std::string_view tag;
    end_action action = end_action::bump;
    /// A key to remove at once when the tag was bumped; may be empty.
    std::string_view exact_key;
};
struct ended {
    answered_by by;
    std::vector<bool> had_mark;     // per tag
    std::vector<generation> after;  // per tag
    /// As in `begun`: members whose rules differ from ours and who have joined since then.
    std::vector<std::string> foreign_rules;
    bool foreign_fingerprint = false;
    /// Entries removed from the store by this call; what a background task removes is not in it.
    std::size_t removed = 0;
    /// As in `begun`.
    std::vector<reading> seen{};
    std::optional<audience> told{};
};

/// For readiness, metrics and the status page.
struct store_status {
    bool up = false;
    bool breaker_open = false;
    std::string description;  // "redis://127.0.0.1:6379/0", without credentials
    std::string server;       // run_id, for people
    bool quarantined = false;
    std::string last_error;
    /// What of the server's settings weakens the promise (an `allkeys-*` eviction policy:
    /// protocol.md section 1); empty: nothing known.
    std::string warning;
    membership::status standing;
};

/// Who listens to the event channel (`subscribe`).
using event_sink = std::function<void(std::string_view payload)>;

/// Where a store counts its commands; asked on the store's own thread for each command, so that a
/// reload may put other counters in place. Empty: nothing is counted.
using metrics_source = std::function<telemetry::worker_metrics&()>;

/// One a worker; one worker only, unless said otherwise. Every operation ends within
/// `store.timeout` times the attempts of `store.retry`, `begin` and `end` of many tags within that
/// for each part of 64; none throws. Whoever calls keeps what the parameters point to alive until
/// the call returns.
class store {
public:
    virtual ~store() = default;

    /// Entry and tags in one round trip. Never from a replica.
    virtual task<result<reading>> read(std::string_view key, rules::tag_list const& tags) = 0;

    /// See `fill_ground`. Not retried once the lock may have been taken.
    virtual task<result<fill_ground>> begin_fill(fill_request const& r) = 0;

    /// Stores an entry and notes it in the index of each of its tags (except a tag that is its
    /// very key), so that a purge can remove it later; releases the lock and publishes fill_done.
    virtual task<result<void>> put(put_request const& r) = 0;

    /// Compare-and-delete, then publishes fill_done with that outcome (what waits reads the store
    /// again, or goes to the upstream itself).
    virtual task<result<void>> release_lock(std::string_view lock_key,
                                            id128 token,
                                            fill_outcome outcome) = 0;
    /// Compare-and-extend; false: no longer ours.
    virtual task<result<bool>> extend_lock(std::string_view lock_key,
                                           id128 token,
                                           std::chrono::milliseconds ttl) = 0;
    /// Whether anybody holds it (the polling fallback).
    virtual task<result<bool>> lock_held(std::string_view lock_key) = 0;

    /// Sets every mark and has every reply (protocol.md section 3.2). Reads the index of each tag
    /// on the way, so that `end` can remove those keys at once. Replacing own marks: call again.
    virtual task<result<begun>> begin(mutation_id id,
                                      std::span<begin_mark const> marks,
                                      std::chrono::milliseconds life,
                                      std::chrono::milliseconds keep_tags) = 0;

    /// New generations, marks off (protocol.md section 3.5 to 3.7); removes exact keys and the
    /// keys that `begin` saw in the index in the same batch, and leaves the rest of the index, also
    /// of tags that `begin` did not mark, to a background task. Idempotent, so it may be retried.
    virtual task<result<ended>> end(mutation_id id,
                                    std::span<end_mark const> marks,
                                    std::chrono::milliseconds life,
                                    std::chrono::milliseconds keep_tags) = 0;

    /// `begin` with companions. Where a store has no batches: one after the other.
    virtual task<result<begun>> begin_with(mutation_id id,
                                           std::span<begin_mark const> marks,
                                           std::chrono::milliseconds life,
                                           std::chrono::milliseconds keep_tags,
                                           companions also);
    /// `end` with companions. In one batch a mark that is cleared goes although another's bump was
    /// refused: where that would leave a change without a trace, clear in a later call.
    virtual task<result<ended>> end_with(mutation_id id,
                                         std::span<end_mark const> marks,
                                         std::chrono::milliseconds life,
                                         std::chrono::milliseconds keep_tags,
                                         companions also);

    /// Whose word the next command would be (hash as in `answered_by`), as far as the last
    /// identity check tells; nullopt while that is unknown. A mutation asks it between begin and
    /// forward: under another identity its markers protect nothing (protocol.md section 3.4).
    virtual std::optional<id128> server() const { return std::nullopt; }

    /// Has the server tell anew who it is: what `answered_by` says afterwards was checked after
    /// this call began. For whoever needs a begin that counts (protocol.md section 3.2) and got one
    /// on a connection that nobody has checked for a lease. An error: it did not answer, or is
    /// another.
    virtual task<result<void>> verify() { co_return result<void>(); }

    /// Sends a payload on the event channel.
    virtual task<result<void>> publish(std::string_view payload) = 0;

    /// Publishes a drop, then reads the members, in one batch: who joins after that has read the
    /// store after it. An error: nobody may have heard it. Where there is one process: nobody.
    virtual task<result<audience>> publish_drop(std::string_view /*payload*/) {
        co_return audience();
    }
    /// Has members asked no more who have not renewed their listing since `audience` was read, a
    /// whole lease ago (protocol.md section 4). Returns how many that were; where it fails the next
    /// mutation waits for them again.
    virtual task<std::size_t> dismiss(std::span<near_member const> /*silent*/) { co_return 0; }

    /// Any thread.
    virtual store_status status() const = 0;
};

/// What all workers' stores of one process share: the subscription to the event channel, the
/// membership record, what identities were seen. Made once from the configuration; makes one
/// `store` a worker.
class store_hub {
public:
    virtual ~store_hub() = default;
    /// This process has a near cache: it is listed as one that mutations ask, and `near_lease` is
    /// granted and revoked as protocol.md section 4 says. `empty` is called whenever the near cache
    /// has to forget everything and whatever is on its way there; from any thread, before a grant.
    /// Before the first store; what it refers to outlives the hub's workers.
    virtual void serve_near(std::function<void()> empty) = 0;
    /// For good: the lease is revoked now, and soon nobody asks this process any more. Any thread.
    virtual void leave_near() = 0;
    /// How this process is called in messages.
    virtual id128 member() const = 0;
    /// Tells a member that its drop has been obeyed, in every thread. Any thread; may get lost.
    virtual void acknowledge(id128 round, id128 member) = 0;

    /// Called on that worker's thread before it runs. The context outlives the store, and stands
    /// until `stop` has been called or nothing of the hub is called any more.
    virtual std::unique_ptr<store> make_store(asio::io_context& worker,
                                              metrics_source metrics = {}) = 0;
    /// Subscribes to the event channel and to this member's acknowledgements on `worker`'s thread;
    /// `sink` is called there for each message, in the order in which they were published.
    /// Reconnects by itself; `lost` is called when messages may have been missed: when the
    /// subscription breaks, and again once it stands.
    virtual void subscribe(asio::io_context& worker,
                           event_sink sink,
                           std::function<void()> lost) = 0;
    /// Told at start and on every reload: what this member publishes of its rules. `confirmed`:
    /// called once when everybody who asks can know it; any thread; never, while the store cannot
    /// be reached.
    virtual void announce(std::string fingerprint,
                          std::vector<std::string> rule_names,
                          std::function<void()> confirmed = {}) = 0;
    /// Marks of this process may stand, and be for something that is yet to come: it stays listed
    /// when it stops, until the listing lapses, so that who joins with other rules finds it.
    virtual void stay_listed() {}
    /// Other rules, which have been announced, take effect in a moment: from now on nothing counts
    /// that is stored under their `rule:` tags. Any thread.
    virtual void forget_older() = 0;
    /// The rules have changed and nobody could be told: the next renewal is a joining.
    virtual void rules_changed_untold() {}
    /// When every mutation of another process must be over that did not know of the last
    /// announcement that was confirmed, where a mark lives for `life` at most; the epoch: there was
    /// nobody else. Any thread.
    virtual boot_clock::time_point others_over(std::chrono::nanoseconds /*life*/) const {
        return {};
    }
    /// Whether this process may serve from memory: granted and revoked as protocol.md section 4
    /// says. Any thread; lives as long as the hub.
    virtual lease const& near_lease() const = 0;
    /// Told at start and on every reload: which tags have their keys counted (`max_keys`), so that
    /// a purge that removes keys lowers their number. Any thread.
    virtual void count_keys(counted_source source) = 0;
    /// Leaves the member list, closes connections and stops heartbeats; coroutines in flight end
    /// with `unreachable`. Any thread; returns at once, the workers finish it while they run.
    virtual void stop() = 0;
};

}  // namespace sidecache::store

template <>
struct boost::system::is_error_code_enum<sidecache::store::store_error> : std::true_type {};
