#pragma once

#include <cstdint>
#include <string_view>

namespace sidecache::store {

/// XXH3-64, seed 0: of an entry's bytes (entry_codec.cpp), on each hit in the store. With AVX2
/// where the processor has it; the hash is the same.
std::uint64_t checksum(std::string_view bytes);

}  // namespace sidecache::store
