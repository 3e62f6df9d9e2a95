#pragma once

#include "proxy/async/clock.hpp"
#include "rules/mutation_scope.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

/// Sets of planned marks: sorted by tag, without duplicates.
namespace sidecache::cache::mutation {

/// The union. Where a marker and an intent meet in one tag, the marker wins; an exact key stays.
inline std::vector<rules::planned_mark> merged(std::vector<rules::planned_mark> a,
                                               std::vector<rules::planned_mark> b) {
    a.insert(a.end(), std::make_move_iterator(b.begin()), std::make_move_iterator(b.end()));
    std::sort(a.begin(), a.end(), [](auto const& x, auto const& y) { return x.tag < y.tag; });
    std::vector<rules::planned_mark> out;
    out.reserve(a.size());
    for (auto& m : a) {
        if (out.empty() || out.back().tag != m.tag) {
            out.push_back(std::move(m));
            continue;
        }
        if (m.kind == rules::mark_kind::marker) {
            out.back().kind = rules::mark_kind::marker;
        }
        if (out.back().exact_key.empty()) {
            out.back().exact_key = std::move(m.exact_key);
        }
    }
    return out;
}

inline rules::planned_mark const* find(std::vector<rules::planned_mark> const& set,
                                       std::string_view tag) {
    auto const at = std::lower_bound(
        set.begin(), set.end(), tag, [](auto const& m, std::string_view t) { return m.tag < t; });
    return at != set.end() && at->tag == tag ? &*at : nullptr;
}

inline bool same_marks(std::vector<rules::planned_mark> const& a,
                       std::vector<rules::planned_mark> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto const& x, auto const& y) {
        return x.tag == y.tag && x.kind == y.kind;
    });
}

inline std::vector<std::string> names(std::vector<rules::planned_mark> const& set) {
    std::vector<std::string> out;
    out.reserve(set.size());
    for (auto const& m : set) {
        out.push_back(m.tag);
    }
    return out;
}

}  // namespace sidecache::cache::mutation
