// Requests, bodies, templates and patterns from outside. The first byte chooses; lines follow:
//   r TARGET \n ORGANIZATION \n BODY    a request against a fixed strategy
//   t MATCH \n KEY \n ON \n PATTERN     a definition to compile
//   p PATTERN                           a pattern as an operator types it
// Besides not crashing: what a read is stored under is reached by a mutation of the same target.
#include "rules/escape.hpp"
#include "rules/explain.hpp"
#include "rules/mutation_scope.hpp"
#include "tests/rules/definitions.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace sidecache::rules;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

std::string_view take_line(std::string_view& text) {
    auto const end = text.find('\n');
    auto const line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    return line;
}

rule_set const& strategy() {
    static auto const rules = [] {
        auto d = test::products_strategy();
        d.rules[3].unlisted = unlisted_query::include;
        d.rules[4].partition.what = partition_definition::kind::credential;
        d.rules.push_back(test::ttl_only(
            test::a_rule("file", "GET /files/{name}.json/{rest*}", "file:{name}:v{rest}")));
        return test::compiled(d);
    }();
    return *rules;
}

void check_served(decision const& d) {
    require(d.full_key.starts_with(d.key));
    require(d.tags.size() >= 2);
    auto const key = std::string_view(d.key).substr(0, d.key.find_first_of("|?"));
    for (char const c : key) {
        require(c == ':' || c == '%' || !is_syntax(c));
    }
}

void check_marks(std::vector<planned_mark> const& marks) {
    require(std::adjacent_find(marks.begin(), marks.end(), [](auto const& a, auto const& b) {
                return a.tag >= b.tag;
            }) == marks.end());
}

bool reaches(std::vector<planned_mark> const& changed, tag_list const& tags) {
    for (std::size_t i = 0; i < tags.size(); ++i) {
        for (auto const& m : changed) {
            if (m.tag == tags[i]) {
                return true;
            }
        }
    }
    return false;
}

void request_of(std::string_view text) {
    auto const target = take_line(text);
    auto const organization = take_line(text);
    auto const& rules = strategy();
    std::array<field, 2> const fields{field{"X-Org-Id", organization}, {"Cookie", organization}};
    request r{.method = "GET",
              .target = target,
              .host = "h",
              .fields = fields,
              .has_body = false,
              .identity = std::nullopt};
    decision d;
    rules.decide(r, d);
    if (d.what == verdict::serve) {
        check_served(d);
    }
    for (std::string_view const method : {"POST", "PUT", "DELETE"}) {
        r.method = method;
        auto scope = rules.mutate(r, text);
        check_marks(scope.marks());
        for (std::size_t i = 0; i < scope.entry_lookups().size(); ++i) {
            scope.resolve_entry(i, text);
        }
        check_marks(scope.marks());
        scope.resolve_response(text);
        auto const changed = scope.changed();
        check_marks(changed);
        // Without a purge the path's own tag reaches it; DELETE has one for each product.
        bool const product = d.matched != nullptr && d.matched->index == 0;
        if (d.what == verdict::serve &&
            (!scope.matched() || (product && method == std::string_view("DELETE")))) {
            require(reaches(changed, d.tags));
        }
        explain(rules, r, text);
    }
}

void definition_of(std::string_view text) {
    definition d;
    d.rules.push_back(test::a_rule(
        "a", std::string(take_line(text)), std::string(take_line(text)), {{"q", "query.q", "1"}}));
    auto const on = std::string(take_line(text));
    d.purges.push_back(test::a_purge("p", {on}, {std::string(take_line(text))}, {{"b", "body.b"}}));
    auto const c = rule_set::compile(d);
    require(c.rules || !c.findings.empty());
    if (c.rules) {
        c.rules->tag_templates(0);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view text(reinterpret_cast<char const*>(data), size);
    if (text.empty()) {
        return 0;
    }
    char const what = text[0];
    text.remove_prefix(1);
    require(unescaped(escaped(text)) == text);
    switch (what) {
        case 'r':
            request_of(text);
            break;
        case 't':
            definition_of(text);
            break;
        case 'p':
            strategy().tags_covering(text);
            break;
        default:
            break;
    }
    return 0;
}
