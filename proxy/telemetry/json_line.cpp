#include "proxy/telemetry/json_line.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace sidecache::telemetry {

namespace {

constexpr char digits[] = "0123456789abcdef";

/// The length of the well-formed UTF-8 sequence that `text` begins with (RFC 3629 section 4);
/// 0 when there is none.
std::size_t utf8_sequence(std::string_view text) {
    auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto const lead = byte(0);
    std::size_t length = 0;
    unsigned char low = 0x80;   // bounds of the second byte: they exclude overlong forms,
    unsigned char high = 0xBF;  // surrogates and what lies behind U+10FFFF
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        low = lead == 0xE0 ? 0xA0 : 0x80;
        high = lead == 0xED ? 0x9F : 0xBF;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        low = lead == 0xF0 ? 0x90 : 0x80;
        high = lead == 0xF4 ? 0x8F : 0xBF;
    }
    if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) {
        return 0;
    }
    for (std::size_t i = 2; i < length; ++i) {
        if (byte(i) < 0x80 || byte(i) > 0xBF) {
            return 0;
        }
    }
    return length;
}

bool is_plain(char c) {
    auto const u = static_cast<unsigned char>(c);
    return u >= 0x20 && u < 0x7F && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default: {
            auto const u = static_cast<unsigned char>(c);
            out += "\\u00";
            out += digits[u >> 4];
            out += digits[u & 0xF];
        }
    }
}

template <class Number>
void append_number(std::string& out, Number value) {
    std::array<char, 24> text;
    auto const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && is_plain(text[plain])) {
            ++plain;
        }
        out.append(text.substr(0, plain));
        text.remove_prefix(plain);
        if (text.empty()) {
            break;
        }
        auto const length = utf8_sequence(text);
        if (length == 0) {
            out += "\xEF\xBF\xBD";
        } else if (length == 1) {
            append_escaped(out, text.front());
        } else {
            out.append(text.substr(0, length));
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    out += '"';
}

void append_time(std::string& out, std::chrono::system_clock::time_point t) {
    auto const us = std::chrono::floor<std::chrono::microseconds>(t).time_since_epoch().count();
    auto const seconds = static_cast<std::time_t>(us / 1'000'000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 40> text;
    auto const date = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    auto const rest = std::snprintf(
        text.data() + date, text.size() - date, ".%06dZ", static_cast<int>(us % 1'000'000));
    out.append(text.data(), date + static_cast<std::size_t>(rest));
}

json_line::json_line(std::string& out,
                     std::chrono::system_clock::time_point time,
                     std::string_view level,
                     std::string_view msg)
    : out_(out) {
    out_.assign("{\"time\":\"");
    append_time(out_, time);
    out_ += '"';
    text("level", level);
    text("msg", msg);
}

void json_line::member(std::string_view name) {
    out_ += ',';
    append_json_string(out_, name);
    out_ += ':';
}

void json_line::text(std::string_view name, std::string_view value) {
    member(name);
    append_json_string(out_, value);
}

void json_line::number(std::string_view name, std::uint64_t value) {
    member(name);
    append_number(out_, value);
}

void json_line::integer(std::string_view name, std::int64_t value) {
    member(name);
    append_number(out_, value);
}

void json_line::boolean(std::string_view name, bool value) {
    member(name);
    out_ += value ? "true" : "false";
}

void json_line::seconds(std::string_view name, std::chrono::nanoseconds value) {
    member(name);
    std::array<char, 40> text;
    auto const us = value.count() / 1000;
    auto const n = std::snprintf(text.data(),
                                 text.size(),
                                 "%lld.%06lld",
                                 static_cast<long long>(us / 1'000'000),
                                 static_cast<long long>(us % 1'000'000));
    out_.append(text.data(), static_cast<std::size_t>(n));
}

void json_line::hex(std::string_view name, std::uint64_t value) {
    member(name);
    out_ += '"';
    for (int shift = 60; shift >= 0; shift -= 4) {
        out_ += digits[(value >> shift) & 0xF];
    }
    out_ += '"';
}

std::string_view json_line::close() {
    out_ += '}';
    return out_;
}

}  // namespace sidecache::telemetry
