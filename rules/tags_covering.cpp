// The narrowest tags that cover a pattern typed by an operator: found per rule, among the tags that
// the rule's entries carry anyway.
#include "rules/compiled.hpp"
#include "rules/unify.hpp"

#include <algorithm>
#include <bit>
#include <set>

namespace sidecache::rules {

namespace {

using kind = segment::kind;

/// What a pattern tells of a rule's key: the text of each segment, where that is certain.
std::vector<std::optional<std::string_view>> told_segments(pattern const& p,
                                                           key_template const& key) {
    std::vector<std::optional<std::string_view>> out(key.segments.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (key.segments[i].what == kind::literal) {
            out[i] = key.segments[i].prefix;
        } else if (i < p.segments.size() && p.segments[i].what == kind::literal) {
            out[i] = p.segments[i].prefix;
        }
    }
    return out;
}

/// Whether every entry that the pattern covers carries that tag, and which text it then has.
std::optional<std::string> certain_tag(tag_plan::tag_template const& t,
                                       std::vector<std::optional<std::string_view>> const& told) {
    std::vector<std::string_view> segments;
    for (std::size_t i = 0; i < told.size(); ++i) {
        bool const copied = i < t.segments && ((t.copied >> i) & 1U) != 0;
        if (copied && !told[i]) {
            return std::nullopt;
        }
        segments.push_back(told[i].value_or(std::string_view()));
    }
    auto const is_certain = [&](condition const& c) {
        return told[c.first] && (c.what != condition::kind::same_value || told[c.second]);
    };
    bool const carried =
        std::any_of(t.alternatives.begin(), t.alternatives.end(), [&](auto const& conditions) {
            return std::all_of(conditions.begin(), conditions.end(), is_certain) &&
                   fulfils(conditions, segments);
        });
    if (!carried) {
        return std::nullopt;
    }
    std::string out;
    t.render_to(out, segments);
    return out;
}

std::string narrowest_tag(compiled_rule const& rule, pattern const& p) {
    auto const told = told_segments(p, rule.key);
    std::string best = rule.tag;
    int best_copied = 0;
    for (auto const& t : rule.tags.templates()) {
        // The more segments of its own a tag has, the fewer entries share it.
        int const copied = std::popcount(t.copied) + (t.rest ? 0 : 1);
        if (copied <= best_copied) {
            continue;
        }
        if (auto tag = certain_tag(t, told)) {
            best = std::move(*tag);
            best_copied = copied;
        }
    }
    return best;
}

}  // namespace

std::variant<std::vector<std::string>, std::string> rule_set::tags_covering(
    std::string_view pattern_text) const {
    // What stands behind the key, its partition and unlisted parameters, is in no tag.
    auto const text = pattern_text.substr(0, pattern_text.find_first_of("|?"));
    auto const parsed = pattern::parse_rendered(text);
    if (auto const* error = std::get_if<template_error>(&parsed)) {
        return "the pattern '" + std::string(pattern_text) + "' cannot be used: " + error->text +
               "; " + error->hint;
    }
    auto const& p = std::get<pattern>(parsed);
    std::set<std::string> tags;
    for (auto const& rule : compiled_->compiled_rules) {
        auto const u = unify(p, rule.key);
        if (u.what == reach::all) {
            tags.insert(rule.tag);
        } else if (u.what == reach::some) {
            tags.insert(narrowest_tag(rule, p));
        }
    }
    if (tags.empty()) {
        return "no rule's key can match '" + std::string(pattern_text) + "'";
    }
    return std::vector<std::string>(tags.begin(), tags.end());
}

}  // namespace sidecache::rules
