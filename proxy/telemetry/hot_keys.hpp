#pragma once

#include "proxy/async/clock.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Which keys one worker is asked for most, in bounded memory (SpaceSaving: Metwally, Agrawal, El
/// Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005).
///
/// A table of 128 keys; one that is not in it takes the place of the one with the smallest count,
/// and that count with it, as its possible error. What is shown is count minus error: never more
/// than the truth. Counts halve once a minute, so that the table is about now.
///
/// Of the requests that are looked up only some are looked at: every one while they are few, one
/// in 64 on average when they are many; the rest costs a decrement and a compare. How many are
/// passed over is drawn by lot, so that traffic with a period of its own cannot hide from it.
namespace sidecache::telemetry {

/// A key and how often it is asked for.
struct hot_key {
    std::string key;  ///< its first bytes, when `is_cut`
    bool is_cut = false;
    std::string rule;
    std::uint64_t hash = 0;  ///< of the whole key
    double per_second = 0;   ///< at least, over the last minutes
    double hit_share = 0;    ///< of these, the share answered from the cache: 0 to 1
};

/// `saw` on one worker's thread only; the rest on any thread.
class hot_keys {
public:
    static constexpr std::size_t slots = 128;
    static constexpr std::size_t longest_key = 160;
    static constexpr std::size_t longest_rule = 48;
    static constexpr std::uint32_t longest_gap = 64;
    static constexpr std::chrono::seconds half_life{60};

    /// `seed` is what gaps are drawn from; not 0.
    hot_keys(std::uint64_t seed, boot_clock::time_point now);
    hot_keys(hot_keys const&) = delete;
    hot_keys& operator=(hot_keys const&) = delete;

    /// A request that was looked up under `key`. Never waits and never allocates: while the table
    /// is being read, what would have gone into it is lost.
    void saw(std::string_view key,
             std::string_view rule,
             bool is_hit,
             boot_clock::time_point now) noexcept {
        if (--until_next_ == 0) {
            take(key, rule, is_hit, now);
        }
    }

    /// What is in the table, in no order, with keys that are there by their possible error alone
    /// left out. Empty when the table is not to be had within a moment.
    std::vector<hot_key> read(boot_clock::time_point now) const;

private:
    struct text {
        std::uint16_t key_size = 0;
        std::uint16_t rule_size = 0;
        std::array<char, longest_key> key{};
        std::array<char, longest_rule> rule{};
    };
    struct table {
        std::size_t used = 0;
        std::array<std::uint64_t, slots> hashes;
        std::array<double, slots> counts;
        std::array<double, slots> errors;
        std::array<double, slots> hits;
        std::array<text, slots> texts;
        /// Seconds that the counts stand for, halved with them; up to `halved_at`.
        double seconds = 0;
        boot_clock::time_point halved_at;
    };

    void take(std::string_view key,
              std::string_view rule,
              bool is_hit,
              boot_clock::time_point now) noexcept;
    void count(std::string_view key, std::string_view rule, bool is_hit, double weight) noexcept;
    void draw_gap(boot_clock::time_point now) noexcept;
    static void halve(table& t, boot_clock::time_point now) noexcept;

    // The worker's own.
    std::uint32_t until_next_ = 1;
    std::uint32_t gap_ = 1;    // on average
    std::uint32_t taken_ = 0;  // since `taken_since_`
    boot_clock::time_point taken_since_;
    std::uint64_t lot_;

    // Whoever has set this has the table.
    mutable std::atomic_flag in_use_;
    table table_{};
};

}  // namespace sidecache::telemetry
