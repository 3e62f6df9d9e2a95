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

/// Calls `f(element)` for each element of a comma-separated field value, trimmed, empty ones left
/// out (RFC 9110 section 5.6.1). A comma inside a quoted string separates nothing.
template <class F>
void for_each_element(std::string_view value, F f) {
    std::size_t begin = 0;
    bool quoted = false;
    for (std::size_t i = 0; i <= value.size(); ++i) {
        if (i < value.size() && quoted && value[i] == '\\') {
            ++i;
        } else if (i < value.size() && value[i] == '"') {
            quoted = !quoted;
        }
        if (i >= value.size() || (value[i] == ',' && !quoted)) {
            auto const element = trimmed(value.substr(begin, i - begin));
            if (!element.empty()) {
                f(element);
            }
            begin = i + 1;
            if (i >= value.size()) {
                return;
            }
        }
    }
}

}  // namespace sidecache::rules
