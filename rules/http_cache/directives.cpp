#include "rules/http_cache/directives.hpp"

#include "rules/list_field.hpp"

#include <algorithm>

namespace sidecache::rules::http_cache {

namespace {

struct directive {
    std::string_view name;
    std::string_view value;
    bool has_value = false;
};

/// `name`, `name=token` or `name="quoted"`. No space may stand beside '=': what has one keeps it,
/// and so has a name, or a value, that nobody knows. But what forbids something is known with it.
directive parted(std::string_view text) {
    auto const equals = text.find('=');
    if (equals == std::string_view::npos) {
        return {text, {}, false};
    }
    return {text.substr(0, equals), text.substr(equals + 1), true};
}

std::string_view unquoted(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        return text.substr(1, text.size() - 2);
    }
    return text;
}

/// Said twice: the smaller one counts.
void take_smaller(std::optional<std::uint64_t>& into, std::uint64_t n) {
    into = into ? std::min(*into, n) : n;
}

void take_larger(std::optional<std::uint64_t>& into, std::uint64_t n) {
    into = into ? std::max(*into, n) : n;
}

/// `no-cache` or `private`: without names it is about the whole response, and so it is when it is
/// said twice.
void take_qualified(bool& whole, std::string_view& names, directive const& d) {
    auto const list = trimmed(unquoted(d.value));
    if (list.empty() || !names.empty()) {
        whole = true;
        return;
    }
    names = list;
}

}  // namespace

std::optional<std::uint64_t> read_delta(std::string_view text) {
    text = unquoted(text);
    if (text.empty()) {
        return std::nullopt;
    }
    std::uint64_t n = 0;
    for (char const c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        n = std::min(longest_delta, n * 10 + static_cast<std::uint64_t>(c - '0'));
    }
    return n;
}

response_directives read_response_directives(std::span<field const> fields) {
    response_directives out;
    auto const take = [&out](std::string_view text) {
        auto const d = parted(text);
        auto const name = trimmed(d.name);
        if (iequals(name, "no-store")) {
            out.no_store = true;
        } else if (iequals(name, "no-cache")) {
            take_qualified(out.no_cache, out.no_cache_fields, d);
        } else if (iequals(name, "private")) {
            take_qualified(out.is_private, out.private_fields, d);
        } else if (iequals(d.name, "public")) {
            out.is_public = true;
        } else if (iequals(name, "must-revalidate")) {
            out.must_revalidate = true;
        } else if (iequals(name, "proxy-revalidate")) {
            out.proxy_revalidate = true;
        } else if (iequals(d.name, "must-understand")) {
            out.must_understand = true;
        } else if (iequals(d.name, "max-age")) {
            take_smaller(out.max_age, read_delta(d.value).value_or(0));
        } else if (iequals(d.name, "s-maxage")) {
            take_smaller(out.s_maxage, read_delta(d.value).value_or(0));
        } else if (iequals(d.name, "stale-while-revalidate")) {
            if (auto const n = read_delta(d.value)) {
                take_smaller(out.stale_while_revalidate, *n);
            }
        } else if (iequals(d.name, "stale-if-error")) {
            if (auto const n = read_delta(d.value)) {
                take_smaller(out.stale_if_error, *n);
            }
        }
    };
    for (auto const& f : fields) {
        if (iequals(f.name, "Cache-Control")) {
            for_each_element(f.value, take);
        }
    }
    return out;
}

request_directives read_request_directives(std::span<field const> fields) {
    request_directives out;
    bool pragma = false;
    bool has_cache_control = false;
    auto const take = [&out](std::string_view text) {
        auto const d = parted(text);
        if (iequals(d.name, "no-cache")) {
            out.no_cache = true;
        } else if (iequals(d.name, "no-store")) {
            out.no_store = true;
        } else if (iequals(d.name, "only-if-cached")) {
            out.only_if_cached = true;
        } else if (iequals(d.name, "max-age")) {
            take_smaller(out.max_age, read_delta(d.value).value_or(0));
        } else if (iequals(d.name, "min-fresh")) {
            take_larger(out.min_fresh, read_delta(d.value).value_or(longest_delta));
        } else if (iequals(d.name, "max-stale")) {
            auto const n = d.has_value ? read_delta(d.value).value_or(0) : longest_delta;
            take_smaller(out.max_stale, n);
        } else if (iequals(d.name, "stale-if-error")) {
            take_smaller(out.stale_if_error, read_delta(d.value).value_or(0));
        }
    };
    for (auto const& f : fields) {
        if (iequals(f.name, "Cache-Control")) {
            has_cache_control = true;
            for_each_element(f.value, take);
        } else if (iequals(f.name, "Pragma")) {
            for_each_element(f.value, [&](std::string_view text) {
                pragma = pragma || iequals(text, "no-cache");
            });
        }
    }
    out.no_cache = out.no_cache || (pragma && !has_cache_control);
    return out;
}

}  // namespace sidecache::rules::http_cache
