#include "proxy/store/text_table.hpp"

#include "proxy/store/tag_value.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sidecache::store {

std::size_t seeded_hash(std::string_view text) noexcept {
    static std::uint64_t const seed = random_ids().next().low;
    return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

}  // namespace sidecache::store
