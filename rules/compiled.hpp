#pragma once

#include "rules/field_policy.hpp"
#include "rules/partition.hpp"
#include "rules/path_template.hpp"
#include "rules/pattern.hpp"
#include "rules/rule_set.hpp"
#include "rules/tag_plan.hpp"
#include "rules/variable.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// What `rule_set::compile` makes of a definition: the inside of a rule set, for the files that
/// implement it.
namespace sidecache::rules {

/// A variable with its source resolved.
struct bound_variable {
    std::string name;
    variable_source source;
    std::optional<std::string> fallback;
    position at;
};

struct compiled_rule {
    path_template path;
    key_template key;
    std::optional<key_template> lock_key;
    /// What the key uses, in its order: `key.variables[i]` is `variables[i]`.
    std::vector<bound_variable> variables;
    /// For each variable with a path source: which capture; otherwise unused.
    std::vector<std::size_t> capture_of;
    /// For each variable of the lock key: its place in `variables`.
    std::vector<std::size_t> lock_variables;
    /// For each variable of the path: its place in `variables`.
    std::vector<std::size_t> variable_of_capture;
    rules::partition partition;
    std::string tag;  // rule:NAME
    tag_plan tags;
    /// Its keys hold what was verified of the caller.
    bool of_identity = false;
    /// Its key holds the whole target: no query parameter is unlisted.
    bool holds_target = false;
    /// It has a finding of its own: checks across rules leave it out.
    bool broken = false;
};

/// Whether the rule's key holds that field.
bool keys_field(compiled_rule const& r, std::string_view field_name);

/// A pattern with some of its variables widened, and what that means for tags.
struct widening {
    std::uint64_t mask = 0;  ///< bit i: `pattern.variables[i]` is '*'
    rules::pattern pattern;
    /// Some rule's entries carry its rendered text as a tag.
    bool carried = false;
    /// Rules all of whose entries it covers: their `rule:NAME` takes its place.
    std::vector<std::size_t> whole_rules;
};

struct compiled_pattern {
    rules::pattern pattern;
    position at;
    /// For each of the pattern's variables: its place in the purge's `variables`.
    std::vector<std::size_t> variables;
    /// The pattern itself first (mask 0), then each widening that the purge can produce.
    std::vector<widening> widenings;
    /// Rules that it, or a widening of it, can reach.
    std::vector<std::size_t> reached;

    widening const* find(std::uint64_t mask) const;
};

struct compiled_route {
    rules::route route;
    /// For each of the purge's variables with a path source: which capture; nullopt when this
    /// route has no such variable.
    std::vector<std::optional<std::size_t>> captures;
};

/// Another rule's entry that some variables of a purge come from.
struct entry_need {
    std::size_t rule_index = 0;
    /// For each variable of that rule: its place in the purge's `variables`; nullopt: the rule's
    /// default stands in.
    std::vector<std::optional<std::size_t>> variables;
    /// The purge's variables that it tells.
    std::vector<std::size_t> tells;
};

struct compiled_purge {
    std::vector<compiled_route> on;
    std::vector<bound_variable> variables;
    std::vector<compiled_pattern> patterns;
    std::vector<entry_need> entries;
    bool broken = false;
};

/// Finds the rules that a path may match, without trying each: by its number of segments and its
/// first one.
class rule_index {
public:
    void add(path_template const& path, std::size_t index);
    /// Fills in the rules that begin with a variable; call once, after the last `add`.
    void finish();
    /// Rules in file order. `first`: the first segment in normal form.
    std::vector<std::size_t> const& candidates(std::size_t segments, std::string_view first) const;

private:
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const {
            return std::hash<std::string_view>()(s);
        }
    };
    struct bucket {
        std::vector<std::size_t> any_first;
        std::unordered_map<std::string, std::vector<std::size_t>, hash, std::equal_to<>> by_first;
    };
    std::array<bucket, path_segments::limit + 1> by_size_;
};

struct rule_set::compiled {
    std::vector<rule> rules;
    std::vector<purge> purges;
    std::vector<compiled_rule> compiled_rules;    // one for each of `rules`
    std::vector<compiled_purge> compiled_purges;  // one for each of `purges`
    rule_index index;
    field_policy fields;
    std::string fingerprint;
    bool asks_for_identity = false;
    /// Some rule has `ttl: origin`: every unsafe request makes its own path stale, whatever purges
    /// match (RFC 9111 section 4.4).
    bool has_origin = false;
};

/// Whether entries of a rule may carry that tag, as far as its text tells (reach.cpp).
bool reaches(rule const& r, compiled_rule const& c, std::string_view tag);

/// Longer keys are a bypass: they would cost more than they save.
inline constexpr std::size_t max_key_size = 2048;

}  // namespace sidecache::rules
