#include "rules/http_cache/targeted.hpp"

#include "rules/http_cache/structured_field.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace sidecache::rules::http_cache {

namespace {

/// All lines of a field as one list (RFC 8941 section 4.2); nullopt: it is not there.
std::optional<std::string> joined(std::span<field const> fields, std::string_view name) {
    std::optional<std::string> out;
    for (auto const& f : fields) {
        if (iequals(f.name, name)) {
            if (out) {
                *out += ", ";
                *out += f.value;
            } else {
                out.emplace(f.value);
            }
        }
    }
    return out;
}

bool take_flag(member const& m, bool& into) {
    into = m.boolean;
    return m.what == member::kind::boolean;
}

bool take_seconds(member const& m, std::optional<std::uint64_t>& into) {
    if (m.what != member::kind::integer || m.integer < 0) {
        return false;
    }
    into = std::min(static_cast<std::uint64_t>(m.integer), longest_delta);
    return true;
}

bool take_qualified(member const& m, bool& whole, std::string& names) {
    if (m.what == member::kind::string) {
        names = m.text;
        whole = names.empty();
        return true;
    }
    return take_flag(m, whole);
}

/// False: a type that the directive does not have.
bool take(member const& m, governing& out) {
    auto& d = out.directives;
    if (m.key == "max-age") {
        return take_seconds(m, d.max_age);
    }
    if (m.key == "s-maxage") {
        return take_seconds(m, d.s_maxage);
    }
    if (m.key == "stale-while-revalidate") {
        return take_seconds(m, d.stale_while_revalidate);
    }
    if (m.key == "stale-if-error") {
        return take_seconds(m, d.stale_if_error);
    }
    if (m.key == "no-store") {
        return take_flag(m, d.no_store);
    }
    if (m.key == "no-cache") {
        return take_qualified(m, d.no_cache, out.no_cache_names);
    }
    if (m.key == "private") {
        return take_qualified(m, d.is_private, out.private_names);
    }
    if (m.key == "public") {
        return take_flag(m, d.is_public);
    }
    if (m.key == "must-revalidate") {
        return take_flag(m, d.must_revalidate);
    }
    if (m.key == "proxy-revalidate") {
        return take_flag(m, d.proxy_revalidate);
    }
    if (m.key == "must-understand") {
        return take_flag(m, d.must_understand);
    }
    return true;
}

}  // namespace

void read_governing(std::span<field const> response, governing& out) {
    std::vector<member> members;
    for (auto const name : target_list) {
        auto const text = joined(response, name);
        if (!text || !read_dictionary(*text, members) || members.empty()) {
            continue;
        }
        out.directives = {};
        out.no_cache_names.clear();
        out.private_names.clear();
        bool const valid = std::all_of(
            members.begin(), members.end(), [&](member const& m) { return take(m, out); });
        if (valid) {
            out.directives.no_cache_fields = out.no_cache_names;
            out.directives.private_fields = out.private_names;
            out.is_targeted = true;
            return;
        }
    }
    out.directives = read_response_directives(response);
    out.is_targeted = false;
}

}  // namespace sidecache::rules::http_cache
