#pragma once

#include "proxy/store/tag_value.hpp"

#include <charconv>
#include <chrono>
#include <concepts>
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

template <class... Words>
void append_command(std::string& out, Words const&... words) {
    start_command(out, sizeof...(words));
    (append_word(out, words), ...);
}

}  // namespace sidecache::store
