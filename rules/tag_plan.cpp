#include "rules/tag_plan.hpp"

#include <algorithm>

namespace sidecache::rules {

bool tag_plan::tag_template::is_carried(std::span<std::string_view const> key) const {
    return std::any_of(alternatives.begin(), alternatives.end(), [&](auto const& conditions) {
        return fulfils(conditions, key);
    });
}

void tag_plan::tag_template::render_to(std::string& out,
                                       std::span<std::string_view const> key) const {
    bool copies = true;
    for (std::size_t i = 0; i < segments; ++i) {
        if (i != 0) {
            out += ':';
        }
        copies = ((copied >> i) & 1U) != 0;
        if (copies) {
            out += key[i];
        } else {
            out += '*';
        }
    }
    if (rest && copies) {
        out += '*';
    }
}

void tag_plan::add(pattern const& p, unification const& u) {
    tag_template t;
    t.segments = p.segments.size();
    t.rest = p.rest;
    for (std::size_t i = 0; i < p.segments.size(); ++i) {
        if (p.segments[i].what != segment::kind::any) {
            t.copied |= std::uint64_t{1} << i;
        }
    }
    // Two patterns of one shape render to the same tag for the same entry: it is carried once.
    auto const same = std::find_if(templates_.begin(), templates_.end(), [&](auto const& other) {
        return other.copied == t.copied && other.segments == t.segments && other.rest == t.rest;
    });
    auto& into = same == templates_.end() ? templates_.emplace_back(std::move(t)) : *same;
    if (u.conditions.empty()) {
        into.alternatives.assign(1, {});
    } else if (std::none_of(
                   into.alternatives.begin(), into.alternatives.end(), [&](auto const& known) {
                       return known.empty() || known == u.conditions;
                   })) {
        into.alternatives.push_back(u.conditions);
    }
}

void tag_plan::append(tag_list& out, std::span<std::string_view const> key) const {
    for (auto const& t : templates_) {
        if (t.is_carried(key)) {
            t.render_to(out.buffer(), key);
            out.close();
        }
    }
}

}  // namespace sidecache::rules
