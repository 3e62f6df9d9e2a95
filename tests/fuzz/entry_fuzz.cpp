#include "proxy/store/entry_codec.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace sidecache;
using namespace sidecache::store;

/// Any bytes as a stored entry, with the checksum made right so that what stands behind it is
/// reached: either an error, or an entry that encodes to the very same bytes.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string bytes(reinterpret_cast<char const*>(data), size);
    if (size >= 12) {
        auto sum = XXH3_64bits(bytes.data() + 12, bytes.size() - 12);
        for (std::size_t i = 4; i < 12; ++i, sum >>= 8) {
            bytes[i] = static_cast<char>(sum & 0xFF);
        }
    }
    static entry e;  // reused, as a worker does
    auto const shared = std::make_shared<std::string const>(bytes);
    if (decode_entry(shared, e)) {
        return 0;
    }
    rules::tag_list tags;
    std::vector<generation> generations;
    for (auto const& t : e.tags) {
        tags.add(t.tag);
        generations.push_back(t.gen);
    }
    std::vector<std::pair<std::string, std::string>> vary;
    for (auto const& [name, value] : e.vary) {
        vary.emplace_back(name, value);
    }
    entry_to_store again;
    again.full_key = e.full_key;
    again.server = e.server;
    again.tags = &tags;
    again.generations = generations;
    again.fetched_at = e.fetched_at;
    again.initial_age = e.initial_age;
    again.ttl_ms = e.ttl_ms;
    again.vary = vary;
    again.status = e.status;
    again.head = e.head;
    again.body = e.body;
    if (encode_entry(again) != bytes) {
        std::abort();
    }
    (void)e.age_seconds(0);
    (void)e.ttl_left_ms(1'764'000'000'000);
    return 0;
}
