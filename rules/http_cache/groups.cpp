#include "rules/http_cache/groups.hpp"

#include "rules/escape.hpp"
#include "rules/http_cache/structured_field.hpp"

#include <algorithm>
#include <optional>

namespace sidecache::rules::http_cache {

namespace {

/// All lines of a field as one (RFC 8941 section 4.2); nullopt: it is not there.
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

/// Adds the tag of each string of a list; false: it is no list of strings.
bool add_strings(std::vector<std::string>& to, std::string_view text) {
    std::vector<member> members;
    if (!read_list(text, members)) {
        return false;
    }
    for (auto const& m : members) {
        if (m.what != member::kind::string) {
            return false;
        }
        to.push_back(group_tag(m.text));
    }
    return true;
}

void sort_once(std::vector<std::string>& tags) {
    std::sort(tags.begin(), tags.end());
    tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
}

}  // namespace

std::string group_tag(std::string_view name) {
    std::string out(group_prefix);
    append_escaped(out, name);
    return out;
}

std::vector<std::string> group_tags_of(std::span<field const> response) {
    std::vector<std::string> out;
    if (auto const text = joined(response, "Cache-Groups"); text && !add_strings(out, *text)) {
        return {std::string(any_group)};
    }
    for (auto const& f : response) {
        if (!iequals(f.name, "Surrogate-Key")) {
            continue;
        }
        auto rest = f.value;
        for (;;) {
            auto const begin = std::min(rest.find_first_not_of(" \t"), rest.size());
            rest.remove_prefix(begin);
            if (rest.empty()) {
                break;
            }
            auto const word = rest.substr(0, rest.find_first_of(" \t"));
            out.push_back(group_tag(word));
            rest.remove_prefix(word.size());
        }
    }
    sort_once(out);
    return out.size() > max_groups ? std::vector{std::string(any_group)} : out;
}

named_groups invalidated_groups(std::span<field const> response) {
    named_groups out;
    auto const text = joined(response, "Cache-Group-Invalidation");
    if (text && !add_strings(out.tags, *text)) {
        out.tags.clear();
        out.is_unreadable = true;
    }
    sort_once(out.tags);
    return out;
}

}  // namespace sidecache::rules::http_cache
