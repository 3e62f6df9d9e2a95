#include "rules/vary.hpp"

#include "rules/list_field.hpp"
#include "rules/storable.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return out;
}

std::string value_of(request const& r, std::string_view name) {
    std::string out(absent_field);
    bool first = true;
    for (auto const& f : r.fields) {
        if (iequals(f.name, name)) {
            if (first) {
                out.clear();
            } else {
                out += ", ";
            }
            first = false;
            out += trimmed(f.value);
        }
    }
    return out;
}

/// Takes `prefix` from the front of `text`; false when it is not there.
bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

/// `value_of(r, name) == stored`, without building it.
bool has_value(request const& r, std::string_view name, std::string_view stored) {
    bool first = true;
    auto rest = stored;
    for (auto const& f : r.fields) {
        if (!iequals(f.name, name)) {
            continue;
        }
        if ((!first && !take(rest, ", ")) || !take(rest, trimmed(f.value))) {
            return false;
        }
        first = false;
    }
    return first ? stored == absent_field : rest.empty();
}

}  // namespace

std::optional<std::vector<std::pair<std::string, std::string>>> varied_fields(
    std::span<field const> response, request const& asked) {
    std::vector<std::pair<std::string, std::string>> out;
    bool star = false;
    for (auto const& f : response) {
        if (!iequals(f.name, "Vary")) {
            continue;
        }
        for_each_element(f.value, [&](std::string_view name) {
            star = star || name == "*";
            out.emplace_back(lower(name), value_of(asked, name));
        });
    }
    if (star) {
        return std::nullopt;
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

bool vary_matches(std::span<std::pair<std::string_view, std::string_view> const> stored,
                  request const& asked) {
    return std::all_of(stored.begin(), stored.end(), [&](auto const& each) {
        return has_value(asked, each.first, each.second);
    });
}

}  // namespace sidecache::rules
