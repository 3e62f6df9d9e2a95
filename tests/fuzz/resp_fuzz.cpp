#include "proxy/store/resp_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

using namespace sidecache::store;

namespace {

/// What a stream of bytes means, read in pieces of that size.
std::string meaning(std::string_view bytes, std::size_t piece) {
    resp_reader reader({64, 4'096});
    reply_set set;
    std::string out;
    auto const show = [&](reply const& r) {
        out += r.is_nil()       ? '_'
               : r.is_error()   ? '-'
               : r.is_status()  ? '+'
               : r.is_integer() ? ':'
               : r.is_array()   ? '*'
                                : '$';
        out += std::to_string(r.number()) + "," + std::to_string(r.size()) + ",";
        out += r.text();
        out += '\n';
    };
    while (!bytes.empty()) {
        auto const room = reader.prepare();
        auto const n = std::min({room.size(), bytes.size(), piece});
        std::memcpy(room.data(), bytes.data(), n);
        reader.commit(n);
        bytes.remove_prefix(n);
        for (;;) {
            auto const status = reader.next(set);
            if (status == resp_reader::status::broken) {
                return out;
            }
            if (status == resp_reader::status::partial) {
                break;
            }
            auto const top = set[0];
            show(top);
            for (std::size_t i = 0; i < top.size(); ++i) {
                show(top[i]);
            }
            set.clear();
        }
    }
    return out;
}

}  // namespace

/// Any bytes as a server's replies: no crash, and the same replies however the network cuts them.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    std::string_view const bytes(reinterpret_cast<char const*>(data) + 1, size - 1);
    auto const whole = meaning(bytes, 1'000'000);
    auto const pieces = meaning(bytes, data[0] % 16U + 1U);
    // Short of an error, which may come later where less has arrived, both mean the same.
    auto const common = std::min(whole.size(), pieces.size());
    if (std::string_view(whole).substr(0, common) != std::string_view(pieces).substr(0, common)) {
        std::abort();
    }
    return 0;
}
