#include "rules/unify.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

using kind = segment::kind;

bool compatible_prefixes(std::string_view a, std::string_view b) {
    return a.starts_with(b) || b.starts_with(a);
}

bool compatible_suffixes(std::string_view a, std::string_view b) {
    return a.ends_with(b) || b.ends_with(a);
}

bool has_affixes(std::string_view text, std::string_view prefix, std::string_view suffix) {
    return text.size() >= prefix.size() + suffix.size() && text.starts_with(prefix) &&
           text.ends_with(suffix);
}

/// Whether two segments can be the same text for some values.
bool can_equal(segment const& a, segment const& b) {
    if (a.what == kind::any || b.what == kind::any) {
        return true;
    }
    if (a.what == kind::literal && b.what == kind::literal) {
        return a.prefix == b.prefix;
    }
    if (a.what == kind::literal) {
        return has_affixes(a.prefix, b.prefix, b.suffix);
    }
    if (b.what == kind::literal) {
        return has_affixes(b.prefix, a.prefix, a.suffix);
    }
    return compatible_prefixes(a.prefix, b.prefix) && compatible_suffixes(a.suffix, b.suffix);
}

/// What a key's segment must fulfil so that the pattern's segment can be it; nothing when it
/// always can.
void add_condition(std::vector<condition>& out,
                   segment const& p,
                   segment const& key,
                   std::size_t at) {
    if (p.what == kind::any || key.what == kind::literal) {
        return;  // decided by can_equal already
    }
    condition c;
    c.first = at;
    c.text = p.prefix;
    if (p.what == kind::literal) {
        c.what = condition::kind::equals;
    } else {
        if (key.prefix.starts_with(p.prefix) && key.suffix.ends_with(p.suffix)) {
            return;
        }
        c.what = condition::kind::affixes;
        c.suffix = p.suffix;
    }
    out.push_back(std::move(c));
}

std::string_view value_of(std::string_view text, std::string_view prefix, std::string_view suffix) {
    return text.substr(prefix.size(), text.size() - prefix.size() - suffix.size());
}

}  // namespace

unification unify(pattern const& p, key_template const& key) {
    auto const n = p.segments.size();
    auto const m = key.segments.size();
    if (p.rest ? m < n : m != n) {
        return {};
    }
    unification out{.what = reach::all, .conditions = {}};
    for (std::size_t i = 0; i < n; ++i) {
        auto const& ps = p.segments[i];
        auto const& ks = key.segments[i];
        if (!can_equal(ps, ks)) {
            return {};
        }
        if (ps.what == kind::variable || (ps.what == kind::literal && ks.what != kind::literal)) {
            out.what = reach::some;
        }
        add_condition(out.conditions, ps, ks, i);
        // A pattern variable that comes again takes the same value in both places.
        for (std::size_t j = 0; ps.what == kind::variable && j < i; ++j) {
            auto const& earlier = p.segments[j];
            if (earlier.what == kind::variable && earlier.variable == ps.variable) {
                out.conditions.push_back({.what = condition::kind::same_value,
                                          .first = j,
                                          .text = earlier.prefix,
                                          .suffix = earlier.suffix,
                                          .second = i,
                                          .second_text = ps.prefix,
                                          .second_suffix = ps.suffix});
                break;
            }
        }
    }
    return out;
}

bool fulfils(std::span<condition const> conditions, std::span<std::string_view const> segments) {
    return std::all_of(conditions.begin(), conditions.end(), [&](condition const& c) {
        auto const text = segments[c.first];
        switch (c.what) {
            case condition::kind::equals:
                return text == c.text;
            case condition::kind::affixes:
                return has_affixes(text, c.text, c.suffix);
            case condition::kind::same_value: {
                auto const other = segments[c.second];
                return has_affixes(text, c.text, c.suffix) &&
                       has_affixes(other, c.second_text, c.second_suffix) &&
                       value_of(text, c.text, c.suffix) ==
                           value_of(other, c.second_text, c.second_suffix);
            }
        }
        return false;
    });
}

bool can_collide(key_template const& a, key_template const& b) {
    return std::equal(
        a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(), can_equal);
}

}  // namespace sidecache::rules
