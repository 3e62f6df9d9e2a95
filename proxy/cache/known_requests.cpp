#include "proxy/cache/known_requests.hpp"

// Header-only: nothing to link.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace sidecache::cache {

namespace {

/// What one costs as a rule, with the answer's head: so many places are made.
constexpr std::size_t usual = 1'024;
constexpr std::size_t places_in_a_set = 4;
constexpr std::size_t fewest_sets = 4;
constexpr std::size_t most_sets = 1U << 13U;
/// Beside the text: five allocations.
constexpr std::size_t answer_head = 512;
constexpr std::size_t allocations = 5 * 16;

}  // namespace

known_requests::known_requests(std::size_t most_bytes, std::uint64_t seed)
    : most_bytes_(most_bytes), seed_(seed) {}

std::uint64_t known_requests::hash_of(std::string_view head) const {
    return XXH3_64bits_withSeed(head.data(), head.size(), seed_);
}

void known_requests::clear(place& p) {
    if (p.what) {
        bytes_ -= p.what->weight_;
        p.what.reset();
    }
}

/// That head's own place, or one that is free, or that of one that was not asked for; null: all
/// were, and have to be again.
known_requests::place* known_requests::place_in(set& s, std::uint64_t hash, std::string_view head) {
    place* free = nullptr;
    for (auto& p : s.places) {
        if (!p.what) {
            free = &p;
        } else if (p.hash == hash && p.what->bytes == head) {
            return &p;
        }
    }
    for (auto& p : s.places) {
        if (free != nullptr) {
            break;
        }
        if (!std::exchange(p.what->is_used_, false)) {
            free = &p;
        }
    }
    return free;
}

bool known_requests::make_room(std::size_t weight) {
    for (std::size_t i = 0; bytes_ + weight > most_bytes_ && i < sets_.size(); ++i) {
        hand_ = (hand_ + 1) & (sets_.size() - 1);
        for (auto& p : sets_[hand_].places) {
            clear(p);
        }
    }
    return bytes_ + weight <= most_bytes_;
}

known_requests::known* known_requests::note(std::string_view head, std::string_view key) {
    if (sets_.empty()) {
        auto const count = std::bit_ceil(
            std::clamp(most_bytes_ / usual / places_in_a_set, fewest_sets, most_sets));
        sets_.resize(count);
        seen_.resize(count * places_in_a_set);
        bytes_ = count * (sizeof sets_[0] + places_in_a_set * sizeof seen_[0]);
    }
    auto const hash = hash_of(head);
    auto const mark = static_cast<std::uint32_t>(hash >> 32U);
    if (std::exchange(seen_[hash & (seen_.size() - 1)], mark) != mark) {
        return nullptr;
    }
    auto const weight = sizeof(known) + head.size() + key.size() + answer_head + allocations;
    auto* const p = place_in(sets_[hash & (sets_.size() - 1)], hash, head);
    if (p == nullptr) {
        return nullptr;
    }
    clear(*p);
    if (!make_room(weight)) {
        return nullptr;
    }
    auto made = std::make_unique<known>();
    made->bytes = head;
    made->key = key;
    made->weight_ = weight;
    made->is_used_ = true;
    bytes_ += weight;
    p->hash = hash;
    p->what = std::move(made);
    return p->what.get();
}

}  // namespace sidecache::cache
