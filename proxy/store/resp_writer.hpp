#pragma once

#include "proxy/store/tag_value.hpp"

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstring>
#include <string>
#include <string_view>

/// Redis commands (RESP2: an array of bulk strings), appended to a connection's output.
namespace sidecache::store {

inline void append_length(std::string& out, char sign, std::size_t n) {
    char text[24];
    text[0] = sign;
    auto* const end = std::to_chars(text + 1, text + sizeof text - 2, n).ptr;
    end[0] = '\r';
    end[1] = '\n';
    out.append(text, end + 2);
}

/// Opens a command of that many words, its name included; the words follow.
inline void start_command(std::string& out, std::size_t words) {
    append_length(out, '*', words);
}

inline void append_word(std::string& out, std::string_view word) {
    append_length(out, '$', word.size());
    out += word;
    out += "\r\n";
}
inline void append_word(std::string& out, std::string_view prefix, std::string_view rest) {
    append_length(out, '$', prefix.size() + rest.size());
    out += prefix;
    out += rest;
    out += "\r\n";
}
inline void append_word(std::string& out, id128 id) {
    out += "$32\r\n";
    id.hex_to(out);
    out += "\r\n";
}
template <std::integral Integer>
void append_word(std::string& out, Integer n) {
    char text[24];
    auto* const end = std::to_chars(text, text + sizeof text, n).ptr;
    append_word(out, std::string_view(text, end));
}
inline void append_word(std::string& out, std::chrono::milliseconds d) {
    append_word(out, d.count());
}

/// A key of ours: its prefix and what it is about.
struct prefixed {
    std::string_view prefix;
    std::string_view rest;
};
inline void append_word(std::string& out, prefixed p) {
    append_word(out, p.prefix, p.rest);
}

/// MGET of a key and of names behind one prefix, with one look at the room that all of it takes.
template <class Names>
void append_mget(std::string& out,
                 std::string_view key,
                 std::string_view prefix,
                 Names const& names) {
    // "$", at most 20 digits, two line ends.
    constexpr std::size_t around = 25;
    auto const before = out.size();
    auto size = 3 * around + key.size() + names.size() * (around + prefix.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        size += names[i].size();
    }
    out.resize(before + size);
    auto* at = out.data() + before;
    auto const put = [&](std::string_view text) {
        std::memcpy(at, text.data(), text.size());
        at += text.size();
    };
    auto const put_length = [&](char sign, std::size_t n) {
        *at++ = sign;
        if (n < 10) {
            *at++ = static_cast<char>('0' + n);
        } else if (n < 100) {
            *at++ = static_cast<char>('0' + n / 10);
            *at++ = static_cast<char>('0' + n % 10);
        } else {
            at = std::to_chars(at, at + 20, n).ptr;
        }
        put("\r\n");
    };
    put_length('*', 2 + names.size());
    put("$4\r\nMGET\r\n");
    put_length('$', key.size());
    put(key);
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::string_view const name = names[i];
        put("\r\n");
        put_length('$', prefix.size() + name.size());
        put(prefix);
        put(name);
    }
    put("\r\n");
    out.resize(static_cast<std::size_t>(at - out.data()));
}

template <class... Words>
void append_command(std::string& out, Words const&... words) {
    start_command(out, sizeof...(words));
    (append_word(out, words), ...);
}

}  // namespace sidecache::store
