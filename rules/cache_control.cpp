#include "rules/cache_control.hpp"

#include "rules/list_field.hpp"

#include <algorithm>
#include <limits>

namespace sidecache::rules {

namespace {

/// delta-seconds (RFC 9111 section 1.2.2): what is too large counts as 2^31, what is no number as
/// already over.
std::uint64_t seconds(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        text = text.substr(1, text.size() - 2);
    }
    constexpr std::uint64_t largest = 1ULL << 31U;
    std::uint64_t n = 0;
    for (char const c : text) {
        if (c < '0' || c > '9') {
            return 0;
        }
        n = std::min(largest, n * 10 + static_cast<std::uint64_t>(c - '0'));
    }
    return n;
}

/// A directive that comes twice counts with its smaller value.
void take_smaller(std::optional<std::uint64_t>& into, std::uint64_t n) {
    into = std::min(into.value_or(std::numeric_limits<std::uint64_t>::max()), n);
}

}  // namespace

cache_control read_cache_control(std::span<field const> fields) {
    cache_control out;
    for (auto const& f : fields) {
        if (!iequals(f.name, "Cache-Control")) {
            continue;
        }
        for_each_element(f.value, [&](std::string_view directive) {
            auto const equals = directive.find('=');
            auto const name = trimmed(directive.substr(0, equals));
            auto const value = equals == std::string_view::npos
                                   ? std::string_view()
                                   : trimmed(directive.substr(equals + 1));
            if (iequals(name, "no-store")) {
                out.no_store = true;
            } else if (iequals(name, "no-cache")) {
                out.no_cache = true;
            } else if (iequals(name, "private")) {
                out.is_private = true;
            } else if (iequals(name, "public")) {
                out.is_public = true;
            } else if (iequals(name, "must-revalidate") || iequals(name, "proxy-revalidate")) {
                out.must_revalidate = true;
            } else if (iequals(name, "max-age")) {
                take_smaller(out.max_age, seconds(value));
            } else if (iequals(name, "s-maxage")) {
                take_smaller(out.s_maxage, seconds(value));
            }
        });
    }
    return out;
}

}  // namespace sidecache::rules
