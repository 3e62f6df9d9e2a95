#include "rules/rule_set.hpp"

#include "rules/caller_field.hpp"
#include "rules/compile.hpp"
#include "rules/compiled.hpp"
#include "rules/fingerprint.hpp"
#include "rules/path_form.hpp"

#include <algorithm>
#include <set>

namespace sidecache::rules {

namespace {

/// The same name twice would make one tag, one label, one counter of two things.
template <class Definitions>
void check_unique(Definitions const& all, std::string_view what, report& out) {
    std::set<std::string_view> seen;
    for (auto const& d : all) {
        if (!seen.insert(d.name.value).second) {
            out.error(
                d.name.at,
                "there are two " + std::string(what) + "s with the name `" + d.name.value + "`",
                "give each a name of its own");
        }
    }
}

/// Whoever verifies callers by another field shares nothing across it by default, either.
void add_credential_fields(partition& p, std::vector<std::string> const& more) {
    for (auto const& name : more) {
        auto const is_it = [&](auto const& known) { return iequals(known, name); };
        if (std::ranges::none_of(p.credential_fields, is_it)) {
            p.credential_fields.push_back(name);
        }
    }
}

/// ... nor across what tells callers apart although nobody has configured it.
void add_caller_fields(compiled_rule& r, surroundings const& around) {
    auto& p = r.partition;
    auto const among = [](std::vector<std::string> const& names, std::string_view name) {
        return std::ranges::any_of(names, [&](auto const& n) { return iequals(n, name); });
    };
    p.all_fields = p.credential_fields;
    for (auto const name : known_caller_fields()) {
        if (among(p.credential_fields, name) || among(around.stripped, name) ||
            keys_field(r, name)) {
            continue;
        }
        p.all_fields.emplace_back(name);
        if (caller_field_of(name) == caller_field::clients && !among(around.trusted, name)) {
            p.unverified_fields.emplace_back(name);
        }
    }
}

bool takes_identity(std::vector<bound_variable> const& variables) {
    return std::ranges::any_of(variables, [](bound_variable const& v) {
        return v.source.what == variable_source::kind::identity;
    });
}

bool any_asks(rule_set::compiled const& c) {
    return std::ranges::any_of(c.compiled_rules,
                               [](compiled_rule const& r) { return r.of_identity; }) ||
           std::ranges::any_of(c.compiled_purges,
                               [](compiled_purge const& p) { return takes_identity(p.variables); });
}

}  // namespace

rule_set::rule_set(std::unique_ptr<compiled const> c) : compiled_(std::move(c)) {}
rule_set::~rule_set() = default;

compilation rule_set::compile(definition const& text) {
    report out;
    auto c = std::make_unique<compiled>();
    check_unique(text.rules, "rule", out);
    check_unique(text.purges, "purge", out);
    for (auto const& r : text.rules) {
        c->rules.push_back({r, c->rules.size()});
        c->compiled_rules.push_back(compile_rule(r, out));
        auto& made = c->compiled_rules.back();
        made.of_identity = made.partition.what == partition_definition::kind::identity ||
                           takes_identity(made.variables);
        add_credential_fields(made.partition, text.credential_fields);
        add_caller_fields(made, text.around);
    }
    for (auto const& p : text.purges) {
        c->purges.push_back({p, c->purges.size()});
        c->compiled_purges.push_back(compile_purge(p, c->rules, c->compiled_rules, out));
    }
    compile_tags(*c);
    check(*c, out);
    compilation result;
    if (out.errors() == 0) {
        for (std::size_t i = 0; i < c->rules.size(); ++i) {
            c->index.add(c->compiled_rules[i].path, i);
        }
        c->index.finish();
        c->fields = field_policy(text.around);
        c->fingerprint = fingerprint_of(text);
        c->asks_for_identity = any_asks(*c);
        c->has_origin =
            std::ranges::any_of(text.rules, [](rule_definition const& r) { return r.origin; });
        result.rules.reset(new rule_set(std::move(c)));
    }
    result.findings = out.take();
    return result;
}

std::string rule_set::rule_tag(std::string_view name) {
    return "rule:" + std::string(name);
}

std::string rule_set::path_tag(std::string_view path) {
    std::string out = "path:";
    append_path_tag(out, path);
    return out;
}

std::vector<rule> const& rule_set::rules() const {
    return compiled_->rules;
}

std::vector<purge> const& rule_set::purges() const {
    return compiled_->purges;
}

rule const* rule_set::find_rule(std::string_view name) const {
    auto const& all = compiled_->rules;
    auto const found = std::find_if(
        all.begin(), all.end(), [&](rule const& r) { return r.definition.name.value == name; });
    return found == all.end() ? nullptr : &*found;
}

std::string const& rule_set::fingerprint() const {
    return compiled_->fingerprint;
}

bool rule_set::asks_for_identity() const {
    return compiled_->asks_for_identity;
}

std::vector<std::string> rule_set::tag_templates(std::size_t rule_index) const {
    auto const& r = compiled_->compiled_rules[rule_index];
    // The key's own text, segment by segment, with variables as `{name}`.
    std::vector<std::string> segments;
    segments.reserve(r.key.segments.size());
    for (auto const& s : r.key.segments) {
        segments.push_back(s.what == segment::kind::variable
                               ? s.prefix + "{" + r.key.variables[s.variable] + "}" + s.suffix
                               : s.prefix);
    }
    std::vector<std::string_view> const views(segments.begin(), segments.end());
    std::vector<std::string> out{r.tag, "path:" + r.path.text()};
    for (auto const& t : r.tags.templates()) {
        t.render_to(out.emplace_back(), views);
    }
    return out;
}

std::vector<std::string> rule_set::purges_reaching(std::size_t rule_index) const {
    std::vector<std::string> out;
    for (auto const& p : compiled_->purges) {
        auto const& patterns = compiled_->compiled_purges[p.index].patterns;
        bool const reaches = std::any_of(patterns.begin(), patterns.end(), [&](auto const& each) {
            return std::find(each.reached.begin(), each.reached.end(), rule_index) !=
                   each.reached.end();
        });
        if (reaches) {
            out.push_back(p.definition.name.value);
        }
    }
    return out;
}

}  // namespace sidecache::rules
