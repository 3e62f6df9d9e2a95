#pragma once

#include "rules/decision.hpp"
#include "rules/mutation_scope.hpp"
#include "rules/rule_set.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::rules {

/// One tag that a mutation marks or changes, and whom it reaches.
struct explained_tag {
    std::string tag;
    mark_kind kind = mark_kind::marker;
    /// A key that is removed from the store at once; may be empty.
    std::string exact_key;
    /// Names of the rules of which it reaches at least one possible entry.
    std::vector<std::string> rules;
};

/// What the rules would do with a request, for `sidecache explain` and `GET /explain`. Plain
/// values, in the order in which a person asks.
struct explanation {
    verdict what = verdict::pass;
    /// serve, bypass: the name of the rule that matched; empty otherwise.
    std::string rule;
    /// bypass: why.
    bypass_reason reason = bypass_reason::none;

    // serve
    std::string key;
    std::string full_key;  ///< `key` and what parts entries besides: `decision::full_key`
    std::vector<std::string> tags;
    std::string lock_key;  ///< empty without a lock
    /// Who may share the entry, as a sentence without a full stop: "requests with the same
    /// Authorization and Cookie".
    std::string sharing;
    std::chrono::milliseconds ttl{0};  ///< zero: each response says it (`ttl: origin`)

    // mutate
    /// Names of the purges that match; empty: only the path's own tag is changed.
    std::vector<std::string> purges;
    /// Variables that a look-up or the response would narrow further, in words:
    /// "schemaId: response.schemaId".
    std::vector<std::string> later;
    /// Set before the request is forwarded.
    std::vector<explained_tag> marks;
    /// Given new generations afterwards, when nothing more becomes known than what is known now.
    std::vector<explained_tag> changed;
};

/// Explains what `decide` or `mutate` would do with a request. `body`: the content of a mutation;
/// nullopt when unknown, which widens what depends on it. Pure, no store is asked.
explanation explain(rule_set const& rules, request const& r, std::optional<std::string_view> body);

}  // namespace sidecache::rules
