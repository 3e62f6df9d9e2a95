#include "rules/explain.hpp"

#include "rules/compiled.hpp"

#include <cassert>
#include <utility>

namespace sidecache::rules {

namespace {

std::vector<explained_tag> explained(rule_set::compiled const& c, std::vector<planned_mark> marks) {
    std::vector<explained_tag> out;
    for (auto& m : marks) {
        explained_tag t{std::move(m.tag), m.kind, std::move(m.exact_key), {}};
        for (auto const& r : c.rules) {
            if (reaches(r, c.compiled_rules[r.index], t.tag)) {
                t.rules.push_back(r.definition.name.value);
            }
        }
        out.push_back(std::move(t));
    }
    return out;
}

void explain_mutation(explanation& out,
                      rule_set const& rules,
                      request const& r,
                      std::optional<std::string_view> body) {
    auto const& c = rules.internals();
    auto const scope = rules.mutate(r, body);
    for (auto const* p : scope.purges()) {
        out.purges.push_back(p->definition.name.value);
        for (auto const& v : c.compiled_purges[p->index].variables) {
            if (v.source.what != variable_source::kind::entry &&
                v.source.what != variable_source::kind::response) {
                continue;
            }
            for (auto const& text : p->definition.vars) {
                if (text.name.value == v.name) {
                    out.later.push_back(v.name + ": " + text.from.value);
                }
            }
        }
    }
    out.marks = explained(c, scope.marks());
    out.changed = explained(c, scope.changed());
}

}  // namespace

explanation explain(rule_set const& rules, request const& r, std::optional<std::string_view> body) {
    decision d;
    rules.decide(r, d);
    explanation out;
    out.what = d.what;
    out.reason = d.reason;
    if (d.matched != nullptr) {
        out.rule = d.matched->definition.name.value;
    }
    switch (d.what) {
        case verdict::serve:
            assert(d.matched != nullptr && "what is served has a rule");
            out.key = d.key;
            out.full_key = d.full_key;
            out.lock_key = d.lock_key;
            out.ttl = d.matched->definition.ttl;
            out.sharing = sharing(rules.internals().compiled_rules[d.matched->index].partition, r);
            for (std::size_t i = 0; i < d.tags.size(); ++i) {
                out.tags.emplace_back(d.tags[i]);
            }
            break;
        case verdict::mutate:
            explain_mutation(out, rules, r, body);
            break;
        case verdict::bypass:
        case verdict::pass:
            break;
    }
    return out;
}

}  // namespace sidecache::rules
