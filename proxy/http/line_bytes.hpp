#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// The bytes that a line of a head is made of (RFC 9110 sections 5.5 and 5.6.2). Pure; any thread.
namespace sidecache::http {

inline constexpr auto token_bytes = [] {
    std::array<bool, 256> t{};
    for (std::size_t c = 'a'; c <= 'z'; ++c) {
        t[c] = t[c - 'a' + 'A'] = true;
    }
    for (std::size_t c = '0'; c <= '9'; ++c) {
        t[c] = true;
    }
    for (char const c : std::string_view("!#$%&'*+-.^_`|~")) {
        t[static_cast<unsigned char>(c)] = true;
    }
    return t;
}();

inline bool is_token_byte(char c) {
    return token_bytes[static_cast<unsigned char>(c)];
}

inline bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/// Whether a line ends here, rightly or not: a control other than a tab.
inline bool ends_text(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

/// The first byte of [at, end) that `ends_text`; `end` when there is none. Eight at a time: values
/// are most of a head.
inline char const* find_text_end(char const* at, char const* end) {
    constexpr std::uint64_t each = 0x0101010101010101ULL;
    if constexpr (std::endian::native == std::endian::little) {
        while (end - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, sizeof word);
            // The top bit of a byte below 0x20, and of one that is 0x7f. A borrow may mark bytes
            // behind the first one too, never before it.
            auto const deleted = word ^ (each * 0x7f);
            auto const marked =
                (((word - each * 0x20) & ~word) | ((deleted - each) & ~deleted)) & (each * 0x80);
            if (marked == 0) {
                at += 8;
                continue;
            }
            at += std::countr_zero(marked) / 8;
            if (*at != '\t') {
                return at;
            }
            ++at;
        }
    }
    while (at != end && !ends_text(*at)) {
        ++at;
    }
    return at;
}

}  // namespace sidecache::http
