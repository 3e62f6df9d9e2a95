#pragma once

#include <cstddef>
#include <string_view>

namespace sidecache::rules {

/// Without the spaces and tabs around it (OWS of RFC 9110 section 5.6.3).
constexpr std::string_view trimmed(std::string_view text) {
    auto const first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Where the quoted string that begins at `at` ends (RFC 9110 section 5.6.4); npos: nowhere.
constexpr std::size_t end_of_quoted(std::string_view text, std::size_t at) {
    for (auto i = at + 1; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            return i;
        }
    }
    return std::string_view::npos;
}

/// Calls `f(element)` for each element of a comma-separated field value, trimmed, empty ones left
/// out (RFC 9110 section 5.6.1). A comma inside a quoted string separates nothing; a quote that
/// never ends quotes nothing, so that no `private` or `no-store` hides behind one.
template <class F>
void for_each_element(std::string_view value, F f) {
    std::size_t begin = 0;
    bool may_quote = true;  // once one has no end, no later one has: they are looked at once
    for (std::size_t i = 0; i <= value.size(); ++i) {
        if (i < value.size() && value[i] == '"' && may_quote) {
            auto const end = end_of_quoted(value, i);
            may_quote = end != std::string_view::npos;
            i = may_quote ? end : i;
        } else if (i == value.size() || value[i] == ',') {
            auto const element = trimmed(value.substr(begin, i - begin));
            if (!element.empty()) {
                f(element);
            }
            begin = i + 1;
        }
    }
}

}  // namespace sidecache::rules
