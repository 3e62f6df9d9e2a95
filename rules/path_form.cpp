#include "rules/path_form.hpp"

#include "rules/escape.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sidecache::rules {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
}

/// What a character of a path is to `is_odd_path`; every request's path is looked at.
enum class path_character : std::uint8_t { plain, dot, slash, percent, odd };

constexpr std::array<path_character, 256> make_path_characters() {
    std::array<path_character, 256> t{};
    for (std::size_t c = 0; c <= 0x20; ++c) {
        t[c] = path_character::odd;
    }
    for (char const c : std::string_view(";#\\\x7f")) {
        t[static_cast<unsigned char>(c)] = path_character::odd;
    }
    t['.'] = path_character::dot;
    t['/'] = path_character::slash;
    t['%'] = path_character::percent;
    return t;
}
constexpr auto path_characters = make_path_characters();

/// What is its own tag.
constexpr std::array<bool, 256> make_tag_characters() {
    std::array<bool, 256> t{};
    for (std::size_t c = 'a'; c <= 'z'; ++c) {
        t[c] = true;
    }
    for (std::size_t c = '0'; c <= '9'; ++c) {
        t[c] = true;
    }
    for (char const c : std::string_view("-._~/")) {
        t[static_cast<unsigned char>(c)] = true;
    }
    return t;
}
constexpr auto tag_characters = make_tag_characters();

}  // namespace

bool is_odd_path(std::string_view path) {
    if (path.empty() || path[0] != '/') {
        return true;
    }
    if (path.size() == 1) {
        return false;
    }
    // Characters of the segment so far, and whether all of them were dots, encoded or not.
    std::size_t length = 0;
    bool dots = true;
    for (std::size_t i = 1; i < path.size(); ++i) {
        switch (path_characters[static_cast<unsigned char>(path[i])]) {
            case path_character::plain:
                ++length;
                dots = false;
                break;
            case path_character::dot:
                ++length;
                break;
            case path_character::slash:
                if (length == 0 || (dots && length <= 2)) {
                    return true;
                }
                length = 0;
                dots = true;
                break;
            case path_character::percent: {
                auto const byte = decode_at(path, i);
                if (byte.bad || byte.value == '/' || byte.value == '\\' || byte.value == '\0') {
                    return true;
                }
                ++length;
                dots = dots && byte.value == '.';
                i += byte.size - 1;
                break;
            }
            case path_character::odd:
                return true;
        }
    }
    return length == 0 || (dots && length <= 2);
}

void append_lenient_form(std::string& out, std::string_view path) {
    auto const begin = out.size();
    std::size_t i = 0;
    while (i < path.size()) {
        // One segment: up to a slash in any disguise, without its parameters.
        auto const segment = out.size();
        out += '/';
        bool cut = false;
        while (i < path.size()) {
            auto const byte = decode_at(path, i);
            auto const raw = path.substr(i, byte.size);
            i += byte.size;
            if (byte.value == '/' || byte.value == '\\') {
                break;
            }
            cut = cut || raw == ";";
            if (!cut) {
                if (byte.value == '.') {
                    out += '.';
                } else {
                    out += raw;
                }
            }
        }
        auto const text = std::string_view(out).substr(segment + 1);
        if (text == "..") {
            out.resize(segment);
            auto const parent = out.rfind('/');
            out.resize(parent == std::string::npos || parent < begin ? begin : parent);
        } else if (text.empty() || text == ".") {
            out.resize(segment);
        }
    }
    if (out.size() == begin) {
        out += '/';
    }
}

path_segments::path_segments(std::string_view path) : path_(path) {
    if (path.empty() || path == "/") {
        return;
    }
    std::size_t begin = path[0] == '/' ? 1 : 0;
    for (;;) {
        if (count_ == limit) {
            too_many_ = true;
            return;
        }
        auto const slash = path.find('/', begin);
        at_[count_++] = path.substr(begin, slash - begin);
        if (slash == std::string_view::npos) {
            return;
        }
        begin = slash + 1;
    }
}

std::string_view path_segments::rest_from(std::size_t i) const {
    return path_.substr(static_cast<std::size_t>(at_[i].data() - path_.data()));
}

bool equals_normal_form(std::string_view raw, std::string_view literal) {
    if (raw == literal) {
        return true;
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < raw.size();) {
        auto const byte = decode_at(raw, i);
        if (byte.size == 3 && !is_unreserved(byte.value)) {
            // It stays encoded; only its hex digits may differ in case.
            auto const other = at < literal.size() ? decode_at(literal, at) : decoded_byte{};
            if (other.size != 3 || other.value != byte.value) {
                return false;
            }
            at += 3;
        } else {
            if (at >= literal.size() || literal[at] != byte.value) {
                return false;
            }
            ++at;
        }
        i += byte.size;
    }
    return at == literal.size();
}

bool equals_leniently(std::string_view raw, std::string_view literal) {
    std::size_t j = 0;
    for (std::size_t i = 0; i < raw.size();) {
        if (j >= literal.size()) {
            return false;
        }
        auto const a = decode_at(raw, i);
        auto const b = decode_at(literal, j);
        if (lower(a.value) != lower(b.value)) {
            return false;
        }
        i += a.size;
        j += b.size;
    }
    return j == literal.size();
}

void append_path_tag(std::string& out, std::string_view path) {
    while (path.size() > 1 && path.back() == '/') {
        path.remove_suffix(1);
    }
    // Most paths are their tag already, up to here.
    auto const plain = std::find_if_not(path.begin(), path.end(), [](char c) {
        return tag_characters[static_cast<unsigned char>(c)];
    });
    out.append(path.begin(), plain);
    for (auto i = static_cast<std::size_t>(plain - path.begin()); i < path.size();) {
        auto const byte = decode_at(path, i);
        i += byte.size;
        bool const stays_encoded = byte.size == 3 && !is_unreserved(byte.value);
        if (stays_encoded || is_control(byte.value) ||
            static_cast<unsigned char>(byte.value) >= 0x80) {
            append_percent(out, byte.value);
        } else {
            out += lower(byte.value);
        }
    }
}

}  // namespace sidecache::rules
