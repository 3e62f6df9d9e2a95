#pragma once

#include "rules/rule_set.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::rules::http_cache {
struct also_stale;
}
namespace sidecache::rules {

enum class mark_kind : char {
    marker = 'm',  ///< stops hits and storing
    intent = 'i',  ///< stops nothing until its deadline
};

struct planned_mark {
    std::string tag;
    mark_kind kind = mark_kind::marker;
    /// A key that this tag names exactly (no '*'), removed from the store at once; may be empty.
    std::string exact_key;
};

/// An entry to look at for `entry.RULE.PATH` (protocol.md section 3.2).
struct entry_lookup {
    std::string key;
    std::string full_key;
    tag_list tags;
    std::size_t rule_index = 0;
};

/// What one mutation changes, as its variables become known: from the request, then from cached
/// entries, then from the response. A variable still unknown is a '*'. A value; one thread.
/// Holds pointers into its rule set, which outlives it.
class mutation_scope {
public:
    mutation_scope();
    mutation_scope(mutation_scope const&);
    mutation_scope(mutation_scope&&) noexcept;
    mutation_scope& operator=(mutation_scope const&);
    mutation_scope& operator=(mutation_scope&&) noexcept;
    ~mutation_scope();

    /// False: no purge matched and only the path's own tag is in scope (counted, logged once).
    bool matched() const { return !purges_.empty(); }
    std::vector<purge const*> const& purges() const { return purges_; }
    /// A purge here names several resources: 404, 409, 410, 412, 422 and 428 may come after a part
    /// of them was changed (protocol.md section 3.6).
    bool fans_out() const;
    /// The longest `settle` of its purges.
    std::chrono::milliseconds settle() const;
    /// Whether that final status says that nothing was changed, for every purge in scope.
    bool is_unchanged(unsigned status) const;

    /// Marks to set before anything else: markers for what the request tells, intents on the
    /// widened tags of what only the response will tell, or an entry tells: it may have moved on
    /// before the commit. The narrow tags that need an entry are left out until `resolve_entry` was
    /// called for each look-up. Sorted, without duplicates; where a marker and an intent meet in
    /// one tag, the marker wins.
    std::vector<planned_mark> marks() const;

    /// Entries that some variable needs; empty for most mutations. The same order every time.
    std::vector<entry_lookup> const& entry_lookups() const { return lookups_; }
    /// Tells what look-up `i` found: the entry's body (JSON), nullopt for no usable entry.
    void resolve_entry(std::size_t i, std::optional<std::string_view> body);
    /// Look-up `i` was overtaken: its variables widen, also those already resolved from it.
    void distrust_entry(std::size_t i);

    bool needs_response() const;
    /// Tells the response's content, decoded; nullopt when it is too large or not to be had.
    void resolve_response(std::optional<std::string_view> body);

    /// Whether the answer's head may name more that is stale (`http_cache::made_stale`): some rule
    /// has `ttl: origin`.
    bool reads_answer() const;
    /// Tells what the answer named: paths of the same origin (RFC 9111 section 4.4), and groups
    /// (RFC 9875); where nobody can tell which, everything under `ttl: origin` goes. Nothing of it
    /// was marked at begin, so that a read during the write, or after a proxy that died in it, may
    /// see what was before. True: it names groups, whose tags have to be marked before they are
    /// bumped (proxy/cache/entry_groups.hpp).
    bool resolve_answer(http_cache::also_stale const& named);

    /// The tags to give new generations now: everything known is narrowed, everything unknown
    /// widened. Sorted, without duplicates.
    std::vector<planned_mark> changed() const;

private:
    friend class rule_set;
    struct binding;       // one matched purge with its variables' values (mutation_binding.hpp)
    struct entry_target;  // what one look-up is for, and what it told

    void refresh_variables(entry_target const& changed);
    std::vector<planned_mark> collect(bool is_begin) const;

    rule_set::compiled const* compiled_ = nullptr;  // the rule set outlives its scopes
    std::vector<purge const*> purges_;
    std::vector<binding> bindings_;
    std::vector<entry_lookup> lookups_;
    std::vector<entry_target> targets_;     // one for each of lookups_
    std::vector<std::string> path_tags_;    // without a match, or beside `ttl: origin`
    std::vector<std::string> answer_tags_;  // that only the answer named
};

}  // namespace sidecache::rules
