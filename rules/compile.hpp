#pragma once

#include "rules/compiled.hpp"
#include "rules/definition.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The steps of `rule_set::compile`, one file each.
namespace sidecache::rules {

/// Collects findings.
class report {
public:
    void error(position at, std::string text, std::string hint);
    void warning(position at, std::string text, std::string hint);
    /// How many errors so far.
    std::size_t errors() const { return errors_; }
    std::vector<diagnostic> take();

private:
    std::vector<diagnostic> findings_;
    std::size_t errors_ = 0;
};

/// One rule by itself (compile_rule.cpp). With an error, the result is `broken`.
compiled_rule compile_rule(rule_definition const& text, report& out);

/// One purge by itself and the entries that it looks at (compile_purge.cpp).
compiled_purge compile_purge(purge_definition const& text,
                             std::vector<rule> const& rules,
                             std::vector<compiled_rule> const& compiled_rules,
                             report& out);

/// Unifies every pattern and each of its widenings with every rule's key (compile_tags.cpp).
void compile_tags(rule_set::compiled& c);

/// What only shows when rules and purges are seen together: unreachable rules, keys that collide,
/// patterns without keys, coverage (check.cpp).
void check(rule_set::compiled const& c, report& out);

/// Reads the `vars` of a rule or purge: names, duplicates, sources. Those that cannot be used are
/// reported and left out.
std::vector<bound_variable> compile_variables(std::vector<variable_definition> const& vars,
                                              report& out);

bound_variable const* find_variable(std::vector<bound_variable> const& in, std::string_view name);

/// Rule and purge names: letters, digits, '-' and '_'; they become tags, labels and parts of
/// `entry.RULE.PATH`.
void check_name(located<std::string> const& name, std::string_view what, report& out);

}  // namespace sidecache::rules
