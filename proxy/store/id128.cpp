#include "proxy/store/tag_value.hpp"

#include <sys/random.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>

namespace sidecache::store {

namespace {

constexpr std::size_t hex_size = 32;

void append_hex(std::string& out, std::uint64_t v) {
    constexpr std::string_view digits = "0123456789abcdef";
    char text[16];
    for (int i = 15; i >= 0; --i) {
        text[i] = digits[v & 0xF];
        v >>= 4;
    }
    out.append(text, sizeof text);
}

constexpr std::uint64_t each_byte(std::uint64_t v) {
    return v * 0x0101'0101'0101'0101ULL;
}

/// 8 lower-case hex digits, all at once: a byte of `text` each, the first the lowest.
bool parse_8(char const* hex, std::uint64_t& out) {
    std::uint64_t text = 0;
    std::memcpy(&text, hex, sizeof text);
    if constexpr (std::endian::native == std::endian::big) {
        text = __builtin_bswap64(text);
    }
    // "0" to "9" are 0x30 to 0x39, "a" to "f" 0x61 to 0x66: a letter's low half and 9 is its value.
    auto const letters = (text >> 6U) & each_byte(0x01);
    auto const values = (text & each_byte(0x0F)) + letters * 9;
    // Only what these values are written as was a digit. No sum leaves its byte: values are below
    // 25, and what is written below 112.
    auto const above_9 = ((values + each_byte(0x80 - 10)) >> 7U) & each_byte(0x01);
    auto const written = values + each_byte('0') + above_9 * ('a' - '0' - 10);
    if (written != text || (values & each_byte(0xF0)) != 0) {
        return false;
    }
    auto v = __builtin_bswap64(values);
    v = (v | v >> 4U) & 0x00FF'00FF'00FF'00FFULL;
    v = (v | v >> 8U) & 0x0000'FFFF'0000'FFFFULL;
    out = (v | v >> 16U) & 0xFFFF'FFFFULL;
    return true;
}

/// 16 lower-case hex digits.
bool parse_half(char const* hex, std::uint64_t& out) {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    bool const ok = parse_8(hex, high) && parse_8(hex + 8, low);
    out = high << 32U | low;
    return ok;
}

void fill_random(std::span<std::uint64_t> out) {
    auto* at = reinterpret_cast<unsigned char*>(out.data());
    auto left = out.size_bytes();
    while (left > 0) {
        auto const n = ::getrandom(at, left, 0);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            // A generation that could repeat would break the promise: nothing to go on with.
            std::abort();
        }
        at += n;
        left -= static_cast<std::size_t>(n);
    }
}

class os_ids final : public id_source {
public:
    id128 next() override {
        // One system call for many ids; a fork would share them, but sidecache never forks.
        thread_local std::array<std::uint64_t, 64> pool;
        thread_local std::size_t used = pool.size();
        if (used == pool.size()) {
            fill_random(pool);
            used = 0;
        }
        id128 const id{pool[used], pool[used + 1]};
        used += 2;
        return id;
    }
};

}  // namespace

std::string id128::hex() const {
    std::string out;
    out.reserve(hex_size);
    hex_to(out);
    return out;
}

void id128::hex_to(std::string& out) const {
    append_hex(out, high);
    append_hex(out, low);
}

std::optional<id128> id128::parse(std::string_view hex) {
    id128 id;
    if (hex.size() != hex_size || !parse_half(hex.data(), id.high) ||
        !parse_half(hex.data() + 16, id.low)) {
        return std::nullopt;
    }
    return id;
}

id_source& random_ids() {
    static os_ids source;
    return source;
}

}  // namespace sidecache::store
