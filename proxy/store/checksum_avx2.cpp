// Compiled for AVX2, and called where the processor has it. No inline function of a library may be
// in here: its copy from this file could be the one that the whole program gets.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstddef>
#include <cstdint>

namespace sidecache::store {

std::uint64_t checksum_avx2(char const* bytes, std::size_t size);

std::uint64_t checksum_avx2(char const* bytes, std::size_t size) {
    return XXH3_64bits(bytes, size);
}

}  // namespace sidecache::store
