// Requests, bodies, templates and patterns from outside. The first byte chooses; lines follow:
//   r TARGET \n ORGANIZATION \n BODY    a request against a fixed strategy
//   s TARGET \n TARGET                 two requests: what they may share
//   t MATCH \n KEY \n ON \n PATTERN     a definition to compile
//   p PATTERN                           a pattern as an operator types it
// Besides not crashing: what a read is stored under is reached by a mutation of the same target,
// and two targets share an entry only if they are spelled the same but for what SECURITY.md names.
#include "rules/escape.hpp"
#include "rules/explain.hpp"
#include "rules/mutation_scope.hpp"
#include "rules/query.hpp"
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

/// A target without what may differ between two requests that share an entry: the order of
/// different parameters, empty ones, and those that say what the rule's defaults say.
std::string shared_form(std::string_view target) {
    auto const mark = target.find('?');
    auto const name = [](std::string_view p) { return p.substr(0, p.find('=')); };
    std::vector<std::string_view> parameters;
    for_each_parameter(mark == std::string_view::npos ? "" : target.substr(mark + 1),
                       [&](query_parameter const& p) {
                           static constexpr std::array<std::string_view, 4> defaults{
                               "page=1", "limit=10", "search=", "order="};
                           bool const products = target.starts_with("/products?");
                           if (!products || std::ranges::find(defaults, p.text) == defaults.end()) {
                               // Behind its namesakes: their order means something.
                               parameters.insert(
                                   std::ranges::upper_bound(parameters, name(p.text), {}, name),
                                   p.text);
                           }
                           return true;
                       });
    std::string out(target.substr(0, mark));
    for (auto const p : parameters) {
        out.append("&").append(p);
    }
    return out;
}

void two_requests_of(std::string_view text) {
    std::array<std::string_view, 2> const targets{take_line(text), take_line(text)};
    std::array<field, 1> const fields{field{"X-Org-Id", "7"}};
    std::array<decision, 2> d;
    for (std::size_t i = 0; i < 2; ++i) {
        strategy().decide({.method = "GET",
                           .target = targets[i],
                           .host = "h",
                           .fields = fields,
                           .has_body = false,
                           .identity = std::nullopt},
                          d[i]);
        if (d[i].what != verdict::serve) {
            return;
        }
    }
    if (d[0].full_key == d[1].full_key) {
        require(d[0].key == d[1].key && d[0].matched == d[1].matched);
        require(shared_form(targets[0]) == shared_form(targets[1]));
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
        case 's':
            two_requests_of(text);
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
