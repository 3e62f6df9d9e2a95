#pragma once

#include "rules/decision.hpp"
#include "rules/definition.hpp"
#include "rules/request.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::rules {

class mutation_scope;

/// What a request may know of the rule that it matched. Immutable; any thread.
struct rule {
    rule_definition definition;
    /// Its place in the configuration: dense, so that per-rule state is an array.
    std::size_t index = 0;
};

struct purge {
    purge_definition definition;
    std::size_t index = 0;
};

struct compilation;

/// Compiled rules and purges: an immutable snapshot, shared by all workers. Any thread.
class rule_set {
public:
    /// Compiles and checks (design.md section 2, last bullets). Every finding is reported, not
    /// only the first; with an error among them `compilation::rules` is null.
    static compilation compile(definition const& text);

    rule_set(rule_set const&) = delete;
    rule_set& operator=(rule_set const&) = delete;
    ~rule_set();

    /// Decides what to do with a request and writes it into `out`, whose buffers are reused: no
    /// allocation once they have grown. First match wins. `out` holds views of nothing.
    void decide(request const& r, decision& out) const;

    /// The purges that an unsafe request sets off, with what its path, query, fields, identity and
    /// body tell. `body`: the request's content, decoded from its content coding; nullopt when it
    /// was too large to keep, or could not be decoded. All matching purges apply, and matching is
    /// lenient (letter case, trailing slash, dot segments): too much goes, never too little.
    /// Without a match the scope is the request's own path (RFC 9111 section 4.4).
    mutation_scope mutate(request const& r, std::optional<std::string_view> body) const;

    /// The narrowest tags that together cover a pattern as a purge would write it, values already
    /// escaped (`product:42*`, or one exact key). An error text when no rule's key can match.
    std::variant<std::vector<std::string>, std::string> tags_covering(
        std::string_view pattern) const;

    /// `rule:NAME` of each rule with a bound (`max_keys`) whose entries may carry that tag: a purge
    /// of it lowers their number.
    std::vector<std::string> bounded_rules_under(std::string_view tag) const;

    /// `rule:NAME`, the tag of every entry of a rule.
    static std::string rule_tag(std::string_view name);
    /// `path:...`, the tag of every entry of that path, whatever its query: percent-encoding
    /// normalised (RFC 3986 section 6.2.2), lower case and without a trailing slash, since many
    /// backends take those for the same resource.
    static std::string path_tag(std::string_view path);

    std::vector<rule> const& rules() const;
    std::vector<purge> const& purges() const;
    rule const* find_rule(std::string_view name) const;

    /// 16 hex digits over all that decides which tags a request has (protocol.md section 3.8).
    std::string const& fingerprint() const;

    /// Whether any rule or purge depends on who is asking (`request::identity`).
    bool asks_for_identity() const;

    /// For `check` and `explain`: per rule the tag templates its entries carry, in readable form.
    std::vector<std::string> tag_templates(std::size_t rule_index) const;
    /// The names of the purges that can reach entries of that rule.
    std::vector<std::string> purges_reaching(std::size_t rule_index) const;

    struct compiled;  // in rule_set.cpp
    compiled const& internals() const { return *compiled_; }

private:
    explicit rule_set(std::unique_ptr<compiled const> c);
    std::unique_ptr<compiled const> compiled_;
};

struct compilation {
    std::shared_ptr<rule_set const> rules;
    std::vector<diagnostic> findings;
};

}  // namespace sidecache::rules
