#pragma once

#include "proxy/async/event.hpp"
#include "proxy/async/task.hpp"
#include "proxy/cache/unstorable_memory.hpp"
#include "proxy/cache/validity.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace sidecache::cache {

class fill_table;

/// How a fill ended for those who waited for it.
enum class fill_end : std::uint8_t {
    shared,      ///< its response, for whoever is selected by the same varied fields
    found,       ///< the filler found a valid entry in the store: each waiter reads it for itself
    unstorable,  ///< the response is for its own client only
    failed,  ///< no response, one that broke off, or one that says that the backend is in trouble
    abandoned,  ///< the filler was cancelled, or refused at the gate
};

struct settlement {
    fill_end how = fill_end::abandoned;
    /// shared: a whole entry as `store::encode_entry` makes it. Not of `found`: the filler's
    /// reading may be older than a waiter's request.
    std::shared_ptr<std::string const> entry;
};

/// Somebody in the process who waits for a fill: lives on its own worker, `wake` may be called by
/// any thread.
struct fill_waiter {
    explicit fill_waiter(executor const& e) : ex(e), woken(e) {}
    executor ex;
    event woken;  // its worker only, as is what follows
    bool done = false;
    settlement result;

    static void wake(std::shared_ptr<fill_waiter> waiter, settlement outcome);
    /// Returns when woken; at once when that was before. On its own worker.
    static task<void> wait(std::shared_ptr<fill_waiter> waiter);
};

struct fill_state;

/// The right to fill one key for everybody who joins. Move-only; its destructor wakes every waiter
/// with `abandoned` where nothing else was said, and gives the next fill of that key its turn.
/// Used by the worker that got it.
class fill_permit {
public:
    /// Fills for nobody else: every call does nothing, its turn is at once.
    fill_permit() = default;
    fill_permit(fill_permit&& other) noexcept;
    fill_permit& operator=(fill_permit&&) = delete;
    ~fill_permit();

    bool is_alone() const { return state_ == nullptr; }
    /// Returns when no other fetch of this key is under way any longer.
    task<void> turn();
    /// The upstream request goes out now: from here on only who saw the same ground may join.
    void sent(sight ground);
    /// Wakes everybody. With `shared` the same is there for whoever may still join, until the
    /// permit goes; with anything else the key is free for the next fill at once. The first call
    /// counts.
    void settle(settlement const& outcome);

private:
    friend class fill_table;
    fill_permit(fill_table& table, std::shared_ptr<fill_state> state);
    fill_table* table_ = nullptr;
    std::shared_ptr<fill_state> state_;
};

/// A place among those who wait for somebody else's fill.
class fill_wait {
public:
    /// Used by the worker that asked.
    task<settlement> settled();

private:
    friend class fill_table;
    explicit fill_wait(std::shared_ptr<fill_waiter> waiter) : waiter_(std::move(waiter)) {}
    std::shared_ptr<fill_waiter> waiter_;
};

/// Not joined and not in line: the key has lately proved to be uncacheable, and such responses are
/// for their own clients only, so that waiting for each other would help nobody (hit-for-miss).
struct fill_alone {};
/// A fetch is under way whose snapshot has made the tags that the caller missed: reading the store
/// again tells whether it may join.
struct look_again {};

using fill_answer = std::variant<fill_permit, fill_wait, fill_alone, look_again>;

/// Coalescing in the process (protocol.md section 2, `Join`): for each key at most one fetch under
/// way and one waiting.
///
/// - The fill *under way* is joined by anybody until its upstream request is sent (what it fetches
///   is then younger than every joiner's request), and afterwards by who saw the same generations
///   of the same server as its snapshot, where neither saw a marker.
/// - Everybody else joins the *next* fill, or becomes it; it begins when the one under way ends.
///
/// Any thread: a mutex a shard, held for a few map operations, and only touched on a miss.
class fill_table {
public:
    fill_table();
    fill_table(fill_table const&) = delete;
    fill_table& operator=(fill_table const&) = delete;
    /// REQUIRES: no permit and no waiter is left.
    ~fill_table();

    /// Asks for a fill of `full_key` on behalf of a request on worker `ex` that saw `own`. `rules`
    /// stands for the configuration whose tags those are: requests of different ones never share.
    /// `may_look_again` false: `look_again` is not answered.
    fill_answer ask(void const* rules,
                    std::string_view full_key,
                    sight const& own,
                    executor ex,
                    bool may_look_again);

    /// A fill that gives way: the permit where no other fetch of that key is under way and none is
    /// known to be for nothing; its turn is at once. It has to be `sent` before anything is
    /// awaited. See `ask` for `rules`.
    std::optional<fill_permit> take(void const* rules, std::string_view full_key);

    /// The key's response was not storable: for some seconds its requests are not coalesced.
    void note_unstorable(std::string_view full_key) { unstorable_.note(full_key); }
    bool is_unstorable(std::string_view full_key) const { return unstorable_.holds(full_key); }

    /// Keys with a fill, under way or waiting: for tests and the status page.
    std::size_t size() const;

private:
    friend class fill_permit;
    /// `next` is only set while `under_way` is, and has been sent.
    struct slot {
        std::shared_ptr<fill_state> under_way;
        std::shared_ptr<fill_state> next;
    };
    struct shard {
        std::mutex mutex;
        std::unordered_map<std::string, slot> slots;
    };
    static constexpr std::size_t shard_count = 32;

    static std::string name_of(void const* rules, std::string_view full_key);
    shard& shard_of(std::string const& name);
    void sent(fill_state& state, sight ground);
    void settle(fill_state& state, settlement const& outcome);
    void leave(fill_state& state);

    mutable std::array<shard, shard_count> shards_;
    unstorable_memory unstorable_;
};

}  // namespace sidecache::cache
