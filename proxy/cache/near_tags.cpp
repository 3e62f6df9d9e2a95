#include "proxy/cache/near_tags.hpp"

// Header-only: nothing to link.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sidecache::cache {

namespace {

/// Two drops may write one place at once: the later number stays.
void raise(std::atomic<std::uint64_t>& to, std::uint64_t number) noexcept {
    auto present = to.load(std::memory_order_relaxed);
    while (present < number &&
           !to.compare_exchange_weak(
               present, number, std::memory_order_release, std::memory_order_relaxed)) {
    }
}

}  // namespace

near_tags::near_tags() : dropped_(new std::atomic<std::uint64_t>[places]()) {}

near_tags::place near_tags::place_of(std::string_view tag) noexcept {
    return static_cast<place>(XXH3_64bits(tag.data(), tag.size()) % places);
}

// In both: the number first. A ticket taken after that belongs to a reader who asks the store after
// the change; one taken before is older than the number, and finds it in the table. `changes_`
// last: whoever sees it moved sees the table as well. It counts drops and is no number of one: of
// two at once, the second to begin may be the first to end, and the other's end must still be seen.

void near_tags::drop(std::span<std::string_view const> tags) noexcept {
    auto const number = begun_.fetch_add(1, std::memory_order_acq_rel) + 1;
    for (auto const tag : tags) {
        raise(dropped_[place_of(tag)], number);
    }
    changes_.fetch_add(1, std::memory_order_acq_rel);
}

void near_tags::clear() noexcept {
    auto const number = begun_.fetch_add(1, std::memory_order_acq_rel) + 1;
    raise(cleared_, number);
    changes_.fetch_add(1, std::memory_order_acq_rel);
}

}  // namespace sidecache::cache
