#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sidecache::cache {

class background_book;

/// The right to one fill without a client. Move-only; used and given back by the worker that got
/// it.
class background_permit {
public:
    background_permit(background_permit&& other) noexcept
        : book_(std::exchange(other.book_, nullptr)),
          rule_(std::move(other.rule_)),
          key_hash_(other.key_hash_) {}
    background_permit& operator=(background_permit&&) = delete;
    ~background_permit();
    /// How it ended, which says when the next one may begin. Without it: as one that failed.
    void end(telemetry::background_outcome how, boot_clock::time_point now);

private:
    friend class background_book;
    background_permit(background_book& book, std::string_view rule, std::uint64_t key_hash)
        : book_(&book), rule_(rule), key_hash_(key_hash) {}
    background_book* book_;
    std::string rule_;
    std::uint64_t key_hash_;
};

/// Which fills without a client may begin now: a machine without I/O or clock. What may not is
/// dropped, never queued: the next hit of that key asks again.
///
/// - At most one a key, and after its end the key rests, for as long as that end deserves.
/// - Bounded, in the process and for each rule.
/// - A backend in trouble is left alone: after a failure the whole rule pauses, twice as long after
///   each further one (1 s to 30 s), until a response has come.
///
/// Keys have one place a hash, the newest wins; what is forgotten that way meets the coalescing
/// table (`fill_table::take`) and the lock. Any thread; `rests` takes no lock.
class background_book {
public:
    using time_point = boot_clock::time_point;
    static constexpr std::size_t places = 4096;
    static constexpr std::chrono::seconds first_pause{1};
    static constexpr std::chrono::seconds longest_pause{30};

    /// Of all fills without a client in this process, and of one rule's. 0: none may begin.
    struct limits {
        std::size_t total = 0;
        std::size_t per_rule = 0;
    };

    background_book() = default;
    background_book(background_book const&) = delete;
    background_book& operator=(background_book const&) = delete;

    /// Whether that key is being filled without a client, or has just been: asked by each hit that
    /// would like one.
    bool rests(std::string_view full_key, time_point now) const;

    /// Nullopt: dropped.
    std::optional<background_permit> begin(std::string_view full_key,
                                           std::string_view rule,
                                           limits const& bounds,
                                           time_point now);

    std::size_t under_way() const;

private:
    friend class background_permit;
    struct place {
        std::atomic<std::uint64_t> hash{0};
        std::atomic<boot_clock::rep> until{0};
    };
    struct rule_state {
        std::size_t under_way = 0;
        unsigned failures = 0;
        time_point paused_until;
    };
    void rest(std::uint64_t key_hash, time_point until);
    void end(background_permit const& permit, telemetry::background_outcome how, time_point now);

    std::unique_ptr<std::array<place, places>> places_ =
        std::make_unique<std::array<place, places>>();
    mutable std::mutex mutex_;
    std::size_t under_way_ = 0;
    std::map<std::string, rule_state, std::less<>> rules_;  // by name: outlives reloads
};

}  // namespace sidecache::cache
