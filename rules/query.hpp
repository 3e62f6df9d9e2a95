#pragma once

#include <string_view>

namespace sidecache::rules {

/// One `name=value` of a query, raw. `has_value` is false for a name without '='.
struct query_parameter {
    std::string_view name;
    std::string_view value;
    bool has_value = false;
    /// "name=value" as it came.
    std::string_view text;
};

/// Calls `f(query_parameter)` for each parameter in order until it returns false; empty ones
/// (`a&&b`) are left out. Allocates nothing.
template <class F>
void for_each_parameter(std::string_view query, F f) {
    while (!query.empty()) {
        auto const end = query.find('&');
        auto const text = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
        if (text.empty()) {
            continue;
        }
        auto const equals = text.find('=');
        bool const has_value = equals != std::string_view::npos;
        if (!f(query_parameter{.name = text.substr(0, equals),
                               .value = has_value ? text.substr(equals + 1) : std::string_view(),
                               .has_value = has_value,
                               .text = text})) {
            return;
        }
    }
}

/// Whether a raw name (percent-encoded, '+' a space) decodes to `name`. Allocates nothing.
bool is_named(std::string_view raw, std::string_view name);

/// Whether a raw name, seen by its letters and digits alone, without regard to their case and up to
/// '[' or NUL, is `name` seen in the same way: what some backend may take for it.
bool resembles(std::string_view raw, std::string_view name);

/// Calls `f(value)` for each cookie of that name in one Cookie field value (RFC 6265 section 4.2).
template <class F>
void for_each_cookie(std::string_view cookies, std::string_view name, F f) {
    while (!cookies.empty()) {
        auto const end = cookies.find(';');
        auto pair = cookies.substr(0, end);
        cookies = end == std::string_view::npos ? std::string_view() : cookies.substr(end + 1);
        pair.remove_prefix(pair.find_first_not_of(" \t") == std::string_view::npos
                               ? pair.size()
                               : pair.find_first_not_of(" \t"));
        auto const equals = pair.find('=');
        if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
            f(pair.substr(equals + 1));
        }
    }
}

}  // namespace sidecache::rules
