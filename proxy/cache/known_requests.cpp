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
constexpr std::size_t fewest_places = 16;
constexpr std::size_t most_places = 1U << 14U;
/// Beside the text: five allocations.
constexpr std::size_t answer_head = 512;
constexpr std::size_t allocations = 5 * 16;

}  // namespace

known_requests::known_requests(std::size_t most_bytes, std::uint64_t seed)
    : most_bytes_(most_bytes), seed_(seed) {}

std::uint64_t known_requests::hash_of(std::string_view head) const {
    return XXH3_64bits_withSeed(head.data(), head.size(), seed_);
}

void known_requests::clear(std::size_t place) {
    if (places_[place]) {
        bytes_ -= places_[place]->weight_;
        places_[place].reset();
    }
}

known_requests::known* known_requests::note(std::string_view head, std::string_view key) {
    if (places_.empty()) {
        auto const count =
            std::bit_ceil(std::clamp(most_bytes_ / usual, fewest_places, most_places));
        places_.resize(count);
        seen_.resize(count);
        bytes_ = count * (sizeof places_[0] + sizeof seen_[0]);
    }
    auto const hash = hash_of(head);
    auto const at = place(hash);
    auto const mark = static_cast<std::uint32_t>(hash >> 32U);
    if (std::exchange(seen_[at], mark) != mark) {
        return nullptr;
    }
    bool const is_same = places_[at] && places_[at]->hash_ == hash && places_[at]->bytes == head;
    if (places_[at] && !is_same && std::exchange(places_[at]->is_used_, false)) {
        return nullptr;
    }
    clear(at);
    auto const weight = sizeof(known) + head.size() + key.size() + answer_head + allocations;
    for (std::size_t i = 0; bytes_ + weight > most_bytes_ && i < places_.size(); ++i) {
        hand_ = place(hand_ + 1);
        clear(hand_);
    }
    if (bytes_ + weight > most_bytes_) {
        return nullptr;
    }
    auto made = std::make_unique<known>();
    made->bytes = head;
    made->key = key;
    made->hash_ = hash;
    made->weight_ = weight;
    made->is_used_ = true;
    bytes_ += weight;
    places_[at] = std::move(made);
    return places_[at].get();
}

}  // namespace sidecache::cache
