#include "proxy/telemetry/hot_keys.hpp"

#include <algorithm>
#include <memory>
#include <thread>

// Header-only: nothing to link.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sidecache::telemetry {

namespace {

using std::chrono::duration;

/// Samples after which the gap doubles when they came within a second, and below which it halves
/// when they took one.
constexpr std::uint32_t many = 64;
constexpr std::uint32_t few = 16;
/// Counts that have been halved that often are nothing.
constexpr int last_halving = 64;
/// Tries to get the table from its worker, which has it for less than a microsecond at a time.
constexpr int tries = 1'000;

template <std::size_t N>
std::uint16_t copy(std::string_view from, std::array<char, N>& to) noexcept {
    auto const size = std::min(from.size(), N);
    std::copy_n(from.data(), size, to.data());
    return static_cast<std::uint16_t>(size);
}

}  // namespace

hot_keys::hot_keys(std::uint64_t seed, boot_clock::time_point now) : taken_since_(now), lot_(seed) {
    table_.halved_at = now;
}

void hot_keys::take(std::string_view key,
                    std::string_view rule,
                    bool is_hit,
                    boot_clock::time_point now) noexcept {
    double const weight = gap_;
    if (!in_use_.test_and_set(std::memory_order_acquire)) {
        halve(table_, now);
        count(key, rule, is_hit, weight);
        in_use_.clear(std::memory_order_release);
    }
    draw_gap(now);
}

void hot_keys::count(std::string_view key,
                     std::string_view rule,
                     bool is_hit,
                     double weight) noexcept {
    auto& t = table_;
    std::uint64_t const hash = XXH3_64bits(key.data(), key.size());
    auto const end = t.hashes.begin() + static_cast<std::ptrdiff_t>(t.used);
    auto slot = static_cast<std::size_t>(std::find(t.hashes.begin(), end, hash) - t.hashes.begin());
    if (slot == t.used) {
        double inherited = 0;
        if (t.used < slots) {
            ++t.used;
        } else {
            auto const least = std::ranges::min_element(t.counts);
            slot = static_cast<std::size_t>(least - t.counts.begin());
            inherited = *least;
        }
        t.hashes[slot] = hash;
        t.counts[slot] = inherited;
        t.errors[slot] = inherited;
        t.hits[slot] = 0;
        auto& text = t.texts[slot];
        text.key_size = copy(key, text.key);
        // A longer key than fits has a size that none has that does.
        text.key_size = static_cast<std::uint16_t>(text.key_size + (key.size() > longest_key));
        text.rule_size = copy(rule, text.rule);
    }
    t.counts[slot] += weight;
    t.hits[slot] += is_hit ? weight : 0;
}

// Few requests: each is looked at, and what is shown is exact. Many: looking at some is enough.
void hot_keys::draw_gap(boot_clock::time_point now) noexcept {
    ++taken_;
    if (now - taken_since_ >= std::chrono::seconds(1)) {
        if (taken_ < few && gap_ > 1) {
            gap_ /= 2;
        }
        taken_ = 0;
        taken_since_ = now;
    } else if (taken_ >= many) {
        gap_ = std::min(gap_ * 2, longest_gap);
        taken_ = 0;
        taken_since_ = now;
    }
    // xorshift64 (Marsaglia 2003): 1 to 2 * gap - 1, so `gap` on average.
    lot_ ^= lot_ << 13U;
    lot_ ^= lot_ >> 7U;
    lot_ ^= lot_ << 17U;
    until_next_ = 1 + static_cast<std::uint32_t>((lot_ >> 32U) % (2 * gap_ - 1));
}

void hot_keys::halve(table& t, boot_clock::time_point now) noexcept {
    double const life = duration<double>(half_life).count();
    for (int i = 0; now - t.halved_at >= half_life; ++i) {
        if (i == last_halving) {
            t.halved_at = now;
            break;
        }
        t.halved_at += half_life;
        t.seconds = (t.seconds + life) / 2;
        for (std::size_t s = 0; s < t.used; ++s) {
            t.counts[s] /= 2;
            t.errors[s] /= 2;
            t.hits[s] /= 2;
        }
    }
}

std::vector<hot_key> hot_keys::read(boot_clock::time_point now) const {
    std::vector<hot_key> out;
    auto const copied = std::make_unique<table>();
    for (int i = 0; in_use_.test_and_set(std::memory_order_acquire); ++i) {
        if (i == tries) {
            return out;
        }
        std::this_thread::yield();
    }
    *copied = table_;
    in_use_.clear(std::memory_order_release);
    auto& t = *copied;
    halve(t, now);
    // Of the first second nobody can say what is usual.
    auto const seconds = std::max(t.seconds + duration<double>(now - t.halved_at).count(), 1.0);
    for (std::size_t s = 0; s < t.used; ++s) {
        auto const sure = t.counts[s] - t.errors[s];
        if (sure / seconds < 1e-6) {
            continue;
        }
        auto const& text = t.texts[s];
        auto& k = out.emplace_back();
        k.is_cut = text.key_size > longest_key;
        k.key.assign(text.key.data(), std::min<std::size_t>(text.key_size, longest_key));
        k.rule.assign(text.rule.data(), text.rule_size);
        k.hash = t.hashes[s];
        k.per_second = sure / seconds;
        k.hit_share = std::min(t.hits[s] / sure, 1.0);
    }
    return out;
}

}  // namespace sidecache::telemetry
