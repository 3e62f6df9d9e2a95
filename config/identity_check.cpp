#include "config/identity_check.hpp"

#include "config/nearest.hpp"
#include "rules/request.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace sidecache::config {
namespace {

using kind = rules::partition_definition::kind;
using std::string_view;

constexpr string_view prefix = "identity.";

bool is_of_identity(rules::variable_definition const& v) {
    return v.from.value.starts_with(prefix);
}

class checker {
public:
    checker(model const& m, report& out) : identity_(m.identity), out_(out) {
        if (identity_) {
            for (auto const& v : identity_->vars) {
                names_.push_back(v.name);
            }
        }
    }

    void check(rules::rule_definition const& rule) {
        check_sources(rule.vars);
        if (rule.partition.what == kind::identity) {
            for (auto const& name : rule.partition.variables) {
                check_name(name, name, rule.partition.at);
            }
            check_statuses(rule);
        }
        check_sharing(rule);
    }
    void check(rules::purge_definition const& purge) { check_sources(purge.vars); }

private:
    void check_sources(std::vector<rules::variable_definition> const& vars) {
        for (auto const& v : vars) {
            if (is_of_identity(v)) {
                check_name(v.from.value.substr(prefix.size()), v.from.value, v.from.at);
                if (v.fallback) {
                    out_.error(
                        v.from.at,
                        quoted(v.name.value) + " comes from an identity and cannot have a default",
                        "who is not verified shares nothing: remove it");
                }
            }
        }
    }

    void check_name(string_view name, string_view as_written, rules::position at) {
        if (!identity_) {
            out_.error(at,
                       quoted(as_written) + " is no variable: the file has no `identity`",
                       "say how callers are verified: identity: {probe: {path: /me}, vars: ...}");
        } else if (std::ranges::find(names_, name) == names_.end()) {
            auto const meant = nearest(name, names_);
            out_.error(at,
                       quoted(as_written) + " is not among `identity.vars`",
                       meant ? "did you mean " + quoted(*meant) + "?"
                             : "add it there, with where the answer holds it");
        }
    }

    /// What these say is about whoever asked, not about everybody whom he shares an identity with.
    void check_statuses(rules::rule_definition const& rule) {
        for (auto const status : std::array{401U, 403U, 407U}) {
            if (rule.statuses.contains(status)) {
                out_.error(rule.partition.at,
                           "rule " + quoted(rule.name.value) + " shares a " +
                               std::to_string(status) + " answer inside an identity",
                           "remove it from `statuses`: it is meant for one caller");
            }
        }
    }

    void check_sharing(rules::rule_definition const& rule) {
        auto const of_credential = std::ranges::find_if(rule.vars, [](auto const& v) {
            return v.from.value.starts_with("cookie.") ||
                   rules::iequals(v.from.value, "header.Authorization") ||
                   rules::iequals(v.from.value, "header.Cookie");
        });
        bool const of_identity = std::ranges::any_of(rule.vars, is_of_identity);
        auto const name = "rule " + quoted(rule.name.value);
        if (rule.partition.what == kind::none) {
            if (of_credential != rule.vars.end()) {
                out_.warning(rule.partition.at,
                             name + " says `partition: none` and takes " +
                                 quoted(of_credential->from.value) +
                                 ", which anybody may claim: nobody verifies it",
                             "leave `partition` out, or share by a verified identity");
            } else if (identity_ && !of_identity) {
                out_.warning(rule.partition.at,
                             name +
                                 " says `partition: none`: what is fetched with one caller's "
                                 "credentials is served to everybody",
                             "say " + example() + ", unless the response is the same for all");
            }
        } else if (rule.partition.what == kind::credential && identity_ && !of_identity &&
                   rule.partition.at.line == 0) {
            out_.warning(rule.match.at,
                         name +
                             " has no `partition`, and no variable of an identity in its key: "
                             "each credential has entries of its own",
                         "say " + example() +
                             " to share them inside it, or `partition: "
                             "credential` if that is meant");
        }
    }

    std::string example() const { return "`partition: [" + std::string(names_.back()) + "]`"; }

    std::optional<identity> const& identity_;
    std::vector<string_view> names_;
    report& out_;
};

}  // namespace

void check_identity(model const& m, rules::definition const& text, report& out) {
    if (m.identity && m.identity->vars.empty()) {
        return;  // said already; what follows would be consequences
    }
    checker c(m, out);
    for (auto const& rule : text.rules) {
        c.check(rule);
    }
    for (auto const& purge : text.purges) {
        c.check(purge);
    }
}

}  // namespace sidecache::config
