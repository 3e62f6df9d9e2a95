#include "proxy/store/tag_value.hpp"

#include <sys/random.h>

#include <array>
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

/// A digit's value; 255: no digit that we write.
constexpr std::array<std::uint8_t, 256> make_hex_values() {
    std::array<std::uint8_t, 256> t{};
    t.fill(255);
    for (std::uint8_t i = 0; i < 16; ++i) {
        t[static_cast<unsigned char>("0123456789abcdef"[i])] = i;
    }
    return t;
}
constexpr auto hex_values = make_hex_values();

/// 16 lower-case hex digits.
bool parse_half(std::string_view hex, std::uint64_t& out) {
    std::uint64_t v = 0;
    unsigned all = 0;
    for (char const c : hex) {
        unsigned const digit = hex_values[static_cast<unsigned char>(c)];
        all |= digit;
        v = v << 4U | digit;
    }
    out = v;
    return all < 16;
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
    if (hex.size() != hex_size || !parse_half(hex.substr(0, 16), id.high) ||
        !parse_half(hex.substr(16), id.low)) {
        return std::nullopt;
    }
    return id;
}

id_source& random_ids() {
    static os_ids source;
    return source;
}

}  // namespace sidecache::store
