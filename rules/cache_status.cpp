#include "rules/cache_status.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace sidecache::rules {

namespace {

void append_number(std::string& out, std::int64_t n) {
    std::array<char, 24> digits{};
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
    out.append(digits.data(), end);
}

constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// tchar, ':' or '/'.
constexpr std::array<bool, 256> make_token_characters() {
    std::array<bool, 256> t{};
    for (std::size_t c = 0; c < t.size(); ++c) {
        t[c] = is_alpha(static_cast<char>(c)) || (c >= '0' && c <= '9');
    }
    for (char const c : std::string_view("!#$%&'*+-.^_`|~:/")) {
        t[static_cast<unsigned char>(c)] = true;
    }
    return t;
}
constexpr auto token_characters = make_token_characters();

/// RFC 8941 section 3.3.4: begins with a letter or '*', then tchar, ':' or '/'.
bool is_token(std::string_view s) {
    return !s.empty() && (is_alpha(s[0]) || s[0] == '*') &&
           std::all_of(s.begin(), s.end(), [](char c) {
               return token_characters[static_cast<unsigned char>(c)];
           });
}

/// What an sf-string holds without an escape (RFC 8941 section 3.3.3).
constexpr bool is_plain_character(char c) {
    // As signed char, bytes from 0x80 on are below 0x20, too.
    return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

/// Not empty, and nothing in it to escape.
bool is_plain(std::string_view s) {
    return !s.empty() && std::all_of(s.begin(), s.end(), is_plain_character);
}

void append_string(std::string& out, std::string_view s) {
    out += '"';
    for (auto at = s.begin(); at != s.end();) {
        // Keys are plain nearly always: one copy for as long as they are.
        auto const end = std::find_if_not(at, s.end(), is_plain_character);
        out.append(at, end);
        at = end;
        if (at != s.end()) {
            if (*at == '"' || *at == '\\') {
                out += '\\';
                out += *at;
            }
            ++at;
        }
    }
    out += '"';
}

std::string_view name(forwarded f) {
    switch (f) {
        case forwarded::no:
            return "";
        case forwarded::miss:
            return "miss";
        case forwarded::uri_miss:
            return "uri-miss";
        case forwarded::vary_miss:
            return "vary-miss";
        case forwarded::request:
            return "request";
        case forwarded::stale:
            return "stale";
        case forwarded::bypass:
            return "bypass";
        case forwarded::method:
            return "method";
    }
    return "";
}

}  // namespace

namespace {

/// Appends what nearly every hit says, with one look at the room that it takes. False: nothing was
/// appended; something about it is out of the ordinary.
bool render_plain_hit(std::string& out, cache_status const& status) {
    if (status.fwd != forwarded::no || status.fwd_status || !status.ttl || status.stored ||
        status.collapsed || !is_plain(status.key) || !is_token(status.detail)) {
        return false;
    }
    constexpr std::string_view begin = "sidecache; hit; ttl=";
    constexpr std::string_view key = "; key=\"";
    constexpr std::string_view detail = "\"; detail=";
    constexpr std::size_t digits = 20;
    auto const before = out.size();
    out.resize(before + begin.size() + digits + key.size() + status.key.size() + detail.size() +
               status.detail.size());
    auto* at = out.data() + before;
    auto const put = [&at](std::string_view text) {
        std::memcpy(at, text.data(), text.size());
        at += text.size();
    };
    put(begin);
    at = std::to_chars(at, at + digits, *status.ttl).ptr;
    put(key);
    put(status.key);
    put(detail);
    put(status.detail);
    out.resize(static_cast<std::size_t>(at - out.data()));
    return true;
}

}  // namespace

void render_to(std::string& out, cache_status const& status) {
    if (render_plain_hit(out, status)) {
        return;
    }
    out += "sidecache; ";
    if (status.fwd == forwarded::no) {
        out += "hit";
    } else {
        out += "fwd=";
        out += name(status.fwd);
    }
    if (status.fwd_status) {
        out += "; fwd-status=";
        append_number(out, *status.fwd_status);
    }
    if (status.ttl) {
        out += "; ttl=";
        append_number(out, *status.ttl);
    }
    if (status.stored) {
        out += "; stored";
    }
    if (status.collapsed) {
        out += "; collapsed";
    }
    if (!status.key.empty()) {
        out += "; key=";
        append_string(out, status.key);
    }
    if (!status.detail.empty()) {
        out += "; detail=";
        if (is_token(status.detail)) {
            out += status.detail;
        } else {
            append_string(out, status.detail);
        }
    }
}

}  // namespace sidecache::rules
