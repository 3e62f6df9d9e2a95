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

/// What a character of a path is to `is_odd_path` and `append_path_tag`, which look at every
/// request's path: bits, so that a look at many of them is one of all.
enum path_character : std::uint8_t {
    plain = 0,
    not_in_tags = 1,  // stands in its tag in another form
    dot = 2,
    slash = 4,
    percent = 8,
    odd = 16,
};
constexpr std::uint8_t ends_run = dot | slash | percent | odd;

constexpr std::array<std::uint8_t, 256> make_path_characters() {
    std::array<std::uint8_t, 256> t{};
    for (auto& c : t) {
        c = not_in_tags;
    }
    for (std::size_t c = 'a'; c <= 'z'; ++c) {
        t[c] = plain;
    }
    for (std::size_t c = '0'; c <= '9'; ++c) {
        t[c] = plain;
    }
    for (char const c : std::string_view("-_~")) {
        t[static_cast<unsigned char>(c)] = plain;
    }
    for (std::size_t c = 0; c <= 0x20; ++c) {
        t[c] = odd | not_in_tags;
    }
    for (char const c : std::string_view(";#\\\x7f")) {
        t[static_cast<unsigned char>(c)] = odd | not_in_tags;
    }
    t['.'] = dot;
    t['/'] = slash;
    t['%'] = percent | not_in_tags;
    return t;
}
constexpr auto path_characters = make_path_characters();

std::uint8_t kind_of(char c) {
    return path_characters[static_cast<unsigned char>(c)];
}

/// Whether the path is odd; calls `end_segment(position)` for each segment before it shows.
/// `seen`: what all characters were.
template <class EndSegment>
bool look_at_path(std::string_view path, EndSegment end_segment, std::uint8_t& seen) {
    seen = plain;
    if (path.empty() || path[0] != '/') {
        return true;
    }
    if (path.size() == 1) {
        return false;
    }
    std::size_t at = 1;
    for (;;) {
        // Characters of the segment so far, and whether all of them were dots, encoded or not.
        std::size_t length = 0;
        bool dots = true;
        for (;;) {
            auto const run = at;
            std::uint8_t kind = plain;
            while (at != path.size() && ((kind = kind_of(path[at])) & ends_run) == 0) {
                seen |= kind;
                ++at;
            }
            dots = dots && at == run;
            length += at - run;
            if (at == path.size() || kind == slash) {
                break;
            }
            seen |= kind;
            if ((kind & odd) != 0) {
                return true;
            }
            ++length;
            if (kind == dot) {
                ++at;
                continue;
            }
            auto const byte = decode_at(path, at);
            if (byte.bad || byte.value == '/' || byte.value == '\\' || byte.value == '\0') {
                return true;
            }
            dots = dots && byte.value == '.';
            at += byte.size;
        }
        if (length == 0 || (dots && length <= 2)) {
            return true;
        }
        end_segment(at);
        if (at == path.size()) {
            return false;
        }
        ++at;
    }
}

}  // namespace

bool is_odd_path(std::string_view path) {
    std::uint8_t seen = plain;
    return look_at_path(path, [](std::size_t) {}, seen);
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
    begins_[0] = path[0] == '/' ? 1 : 0;
    for (;;) {
        auto const slash_at = path.find('/', begins_[count_]);
        end_segment(std::min(slash_at, path.size()));
        if (slash_at == std::string_view::npos || too_many_) {
            return;
        }
        if (count_ == limit) {
            too_many_ = true;
            return;
        }
    }
}

path_segments path_segments::read(std::string_view path, bool& odd) {
    path_segments out;
    out.path_ = path;
    out.begins_[0] = 1;
    std::uint8_t seen = plain;
    odd = look_at_path(path, [&](std::size_t end) { out.end_segment(end); }, seen);
    out.is_own_tag_ = !odd && (seen & not_in_tags) == 0;
    return out;
}

void path_segments::end_segment(std::size_t end) {
    if (count_ == limit) {
        too_many_ = true;
        return;
    }
    begins_[++count_] = static_cast<std::uint32_t>(end + 1);
}

std::string_view path_segments::rest_from(std::size_t i) const {
    return path_.substr(begins_[i]);
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
    auto const plain = std::find_if_not(
        path.begin(), path.end(), [](char c) { return (kind_of(c) & not_in_tags) == 0; });
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
