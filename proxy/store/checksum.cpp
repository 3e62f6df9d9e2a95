#include "proxy/store/checksum.hpp"

// The hash is a header of its own: nothing to link, and inlined on the hit path.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sidecache::store {

#ifdef SIDECACHE_CHECKSUM_AVX2
std::uint64_t checksum_avx2(char const* bytes, std::size_t size);  // checksum_avx2.cpp
#endif

namespace {

using function = std::uint64_t (*)(char const* bytes, std::size_t size);

std::uint64_t plain(char const* bytes, std::size_t size) {
    return XXH3_64bits(bytes, size);
}

function best() {
#ifdef SIDECACHE_CHECKSUM_AVX2
    if (__builtin_cpu_supports("avx2") != 0) {
        return checksum_avx2;
    }
#endif
    return plain;
}

}  // namespace

std::uint64_t checksum(std::string_view bytes) {
    static function const chosen = best();
    return chosen(bytes.data(), bytes.size());
}

}  // namespace sidecache::store
