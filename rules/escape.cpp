#include "rules/escape.hpp"

#include <algorithm>
#include <array>

namespace sidecache::rules {

namespace {

enum : std::uint8_t { syntax = 1, unreserved = 2, plus = 4 };

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> t{};
    for (std::size_t c = 0; c <= 0x20; ++c) {
        t[c] = syntax;
    }
    t[0x7f] = syntax;
    t['+'] = plus;
    for (char const c : std::string_view(":*?[]{}%|")) {
        t[static_cast<unsigned char>(c)] = syntax;
    }
    for (std::size_t c = '0'; c <= '9'; ++c) {
        t[c] = unreserved;
    }
    for (std::size_t c = 'a'; c <= 'z'; ++c) {
        t[c] = unreserved;
        t[c - 'a' + 'A'] = unreserved;
    }
    for (char const c : std::string_view("-._~")) {
        t[static_cast<unsigned char>(c)] = unreserved;
    }
    return t;
}

constexpr auto classes = make_classes();

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

/// A hex digit as `append_percent` writes it.
bool is_upper(char hex) {
    return hex < 'a';
}

void append_byte_escaped(std::string& out, char c) {
    if (is_syntax(c)) {
        append_percent(out, c);
    } else {
        out += c;
    }
}

}  // namespace

bool is_syntax(char c) {
    return classes[static_cast<unsigned char>(c)] == syntax;
}

bool is_unreserved(char c) {
    return classes[static_cast<unsigned char>(c)] == unreserved;
}

void append_percent(std::string& out, char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    auto const byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
}

void append_escaped(std::string& out, std::string_view value) {
    // Values hardly ever hold syntax: copy what stands between it in one go.
    std::size_t copied = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (is_syntax(value[i])) {
            out.append(value, copied, i - copied);
            append_percent(out, value[i]);
            copied = i + 1;
        }
    }
    out.append(value, copied);
}

std::string escaped(std::string_view value) {
    std::string out;
    append_escaped(out, value);
    return out;
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string out;
    append_decoded(out, text, coding::path);
    if (escaped(out) != text) {
        return std::nullopt;
    }
    return out;
}

decoded_byte decode_at(std::string_view raw, std::size_t at) {
    char const c = raw[at];
    if (c != '%') {
        return {c, 1, false};
    }
    int const high = at + 2 < raw.size() ? hex_value(raw[at + 1]) : -1;
    int const low = at + 2 < raw.size() ? hex_value(raw[at + 2]) : -1;
    if (high < 0 || low < 0) {
        return {c, 1, true};
    }
    return {static_cast<char>(high * 16 + low), 3, false};
}

void append_value(std::string& out, std::string_view raw, coding how) {
    auto const coded = how == coding::plain ? std::string_view::npos
                                            : raw.find_first_of(how == coding::query ? "%+" : "%");
    append_escaped(out, raw.substr(0, coded));
    for (std::size_t i = std::min(coded, raw.size()); i < raw.size();) {
        auto const byte = decode_at(raw, i);
        i += byte.size;
        bool const plus = byte.size == 1 && byte.value == '+' && how == coding::query;
        append_byte_escaped(out, plus ? ' ' : byte.value);
    }
}

void append_decoded(std::string& out, std::string_view raw, coding how) {
    if (how == coding::plain) {
        out += raw;
        return;
    }
    for (std::size_t i = 0; i < raw.size();) {
        auto const byte = decode_at(raw, i);
        i += byte.size;
        bool const plus = byte.size == 1 && byte.value == '+' && how == coding::query;
        out += plus ? ' ' : byte.value;
    }
}

void append_normal_form(std::string& out, std::string_view raw) {
    for (std::size_t i = 0; i < raw.size();) {
        auto const byte = decode_at(raw, i);
        i += byte.size;
        if (byte.size == 3 && !is_unreserved(byte.value)) {
            append_percent(out, byte.value);
        } else {
            out += byte.value;
        }
    }
}

bool is_plain_value(std::string_view raw, coding how) {
    auto const special = how == coding::query ? syntax | plus : syntax;
    return std::all_of(raw.begin(), raw.end(), [&](char c) {
        return (classes[static_cast<unsigned char>(c)] & special) == 0;
    });
}

bool is_ordinary(std::string_view raw, coding how) {
    if (how == coding::plain) {
        return true;
    }
    for (std::size_t i = 0; i < raw.size();) {
        auto const byte = decode_at(raw, i);
        bool const as_escaped =
            byte.size == 3 ? is_syntax(byte.value) && is_upper(raw[i + 1]) && is_upper(raw[i + 2])
                           : !is_syntax(byte.value) && !(byte.value == '+' && how == coding::query);
        if (!as_escaped) {
            return false;
        }
        i += byte.size;
    }
    return true;
}

bool append_spelling(std::string& out, std::string_view raw) {
    auto const begin = out.size();
    for (std::size_t i = 0; i < raw.size();) {
        auto const byte = decode_at(raw, i);
        i += byte.size;
        bool const syntax_as_is = byte.size == 1 && is_syntax(byte.value);
        if (syntax_as_is || (byte.size == 3 && !is_unreserved(byte.value))) {
            append_percent(out, byte.value);
        } else {
            out += byte.value;
        }
    }
    return std::string_view(out).substr(begin) == raw;
}

}  // namespace sidecache::rules
