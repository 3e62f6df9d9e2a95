#include "tests/support/resp_oracle.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace sidecache::tests;

/// Any bytes as a server's replies: no crash, and the replies that hiredis reads, however the
/// network cuts them.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    std::string_view const bytes(reinterpret_cast<char const*>(data) + 1, size - 1);
    sidecache::store::resp_limits const limits{64, bytes.size() + 4'096};
    auto const theirs = read_by_hiredis(bytes, limits);
    auto const whole = read_ours(bytes, bytes.size() + 1, limits);
    auto const pieces = read_ours(bytes, data[0] % 16U + 1U, limits);
    if (!agree(whole, theirs) || !agree(pieces, theirs)) {
        std::abort();
    }
    return 0;
}
