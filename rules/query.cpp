#include "rules/query.hpp"

#include "rules/escape.hpp"

namespace sidecache::rules {

namespace {

/// The next letter or digit of a name, in lower case; 0 at its end.
char next_letter(std::string_view raw, std::size_t& at) {
    while (at < raw.size()) {
        auto const byte = decode_at(raw, at);
        at += byte.size;
        char const c = byte.value;
        if (c == '\0' || c == '[') {
            at = raw.size();
        } else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                   static_cast<unsigned char>(c) >= 0x80) {
            return c;
        } else if (c >= 'A' && c <= 'Z') {
            return static_cast<char>(c - 'A' + 'a');
        }
    }
    return '\0';
}

}  // namespace

bool resembles(std::string_view raw, std::string_view name) {
    std::size_t i = 0;
    std::size_t j = 0;
    for (;;) {
        char const a = next_letter(raw, i);
        if (a != next_letter(name, j)) {
            return false;
        }
        if (a == '\0') {
            return true;
        }
    }
}

bool is_named(std::string_view raw, std::string_view name) {
    if (raw == name) {
        return true;
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < raw.size(); ++at) {
        auto const byte = decode_at(raw, i);
        i += byte.size;
        bool const plus = byte.size == 1 && byte.value == '+';
        if (at >= name.size() || name[at] != (plus ? ' ' : byte.value)) {
            return false;
        }
    }
    return at == name.size();
}

}  // namespace sidecache::rules
