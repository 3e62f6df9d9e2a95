#include "rules/compile.hpp"

#include <algorithm>
#include <bit>

namespace sidecache::rules {

namespace {

using source_kind = variable_source::kind;

/// Whether a mutation can leave a variable without a value.
bool is_optional(compiled_purge const& purge, std::size_t variable) {
    auto const& v = purge.variables[variable];
    switch (v.source.what) {
        case source_kind::path:
            return std::any_of(purge.on.begin(), purge.on.end(), [&](auto const& on) {
                return !on.captures[variable];
            });
        case source_kind::query:
        case source_kind::header:
        case source_kind::cookie:
            return !v.fallback;
        case source_kind::identity:
        case source_kind::body:
        case source_kind::response:
        case source_kind::entry:
        case source_kind::host:
        case source_kind::target:
            return true;
    }
    return true;
}

/// Each set of pattern variables that a purge may have to widen. More than three that may be
/// missing would make too many tags an entry: they widen all together.
std::vector<std::uint64_t> masks(compiled_purge const& purge, compiled_pattern const& p) {
    constexpr int most = 3;
    std::uint64_t optional = 0;
    for (std::size_t i = 0; i < p.variables.size(); ++i) {
        if (is_optional(purge, p.variables[i])) {
            optional |= std::uint64_t{1} << i;
        }
    }
    if (std::popcount(optional) > most) {
        return {0, optional};
    }
    std::vector<std::uint64_t> out{0};
    // Every non-empty subset of the bits in `optional`, in ascending order.
    for (auto subset = (0 - optional) & optional; subset != 0;
         subset = (subset - optional) & optional) {
        out.push_back(subset);
    }
    return out;
}

}  // namespace

widening const* compiled_pattern::find(std::uint64_t mask) const {
    auto const exact = std::find_if(
        widenings.begin(), widenings.end(), [&](auto const& w) { return w.mask == mask; });
    if (exact != widenings.end()) {
        return &*exact;
    }
    // More than three optional variables: the one that widens them all.
    auto const& widest = widenings.back();
    return (mask & ~widest.mask) == 0 ? &widest : nullptr;
}

void compile_tags(rule_set::compiled& c) {
    for (auto& purge : c.compiled_purges) {
        if (purge.broken) {
            continue;
        }
        for (auto& p : purge.patterns) {
            for (auto const mask : masks(purge, p)) {
                widening w{.mask = mask, .pattern = p.pattern.widened(mask), .whole_rules = {}};
                for (std::size_t i = 0; i < c.compiled_rules.size(); ++i) {
                    auto& rule = c.compiled_rules[i];
                    if (rule.broken) {
                        continue;
                    }
                    auto const u = unify(w.pattern, rule.key);
                    if (u.what == reach::some) {
                        rule.tags.add(w.pattern, u);
                        w.carried = true;
                    } else if (u.what == reach::all) {
                        w.whole_rules.push_back(i);
                    }
                    if (u.what != reach::none &&
                        std::find(p.reached.begin(), p.reached.end(), i) == p.reached.end()) {
                        p.reached.push_back(i);
                    }
                }
                p.widenings.push_back(std::move(w));
            }
        }
    }
}

}  // namespace sidecache::rules
