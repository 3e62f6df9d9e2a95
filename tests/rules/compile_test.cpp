#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sidecache::rules;
using namespace sidecache::rules::test;

namespace {

/// "error 3:7 text" for each finding.
std::vector<std::string> findings(definition const& d) {
    std::vector<std::string> out;
    for (auto const& f : rule_set::compile(d).findings) {
        CHECK_FALSE(f.hint.empty());
        out.push_back((f.level == severity::error ? "error " : "warning ") +
                      std::to_string(f.at.line) + ":" + std::to_string(f.at.column) + " " + f.text);
    }
    return out;
}

/// Whether some finding has that text in it.
bool has(definition const& d, std::string const& text) {
    auto const all = findings(d);
    CAPTURE(text);
    return std::any_of(
        all.begin(), all.end(), [&](auto const& f) { return f.find(text) != std::string::npos; });
}

/// Whether exactly one finding is there, at that level and with that text in it.
void expect(definition const& d, std::string const& level, std::string const& text) {
    auto const all = findings(d);
    CAPTURE(text);
    CAPTURE(all);
    REQUIRE(all.size() == 1);
    CHECK(all[0].starts_with(level));
    CHECK(all[0].find(text) != std::string::npos);
    CHECK((rule_set::compile(d).rules == nullptr) == (level == "error"));
}

/// A rule and a purge that reaches it, without findings.
definition one_rule() {
    definition d;
    d.rules.push_back(a_rule("thing", "GET /things/{id}", "thing:{id}"));
    d.purges.push_back(a_purge("thing-changed", {"PUT /things/{id}"}, {"thing:{id}*"}));
    return d;
}

}  // namespace

TEST_CASE("a small definition compiles") {
    CHECK(findings(one_rule()).empty());
    CHECK(findings({}).empty());
}

TEST_CASE("a rule by itself") {
    auto d = one_rule();
    auto& rule = d.rules[0];
    SUBCASE("a template that cannot be read, at its place") {
        rule.match = {"GET things", {3, 7}};
        auto const all = findings(d);
        REQUIRE(all.size() == 1);
        CHECK(all[0] == "error 3:7 the path 'things' does not begin with '/'");
    }
    SUBCASE("no method") {
        rule.match.value = "/things/{id}";
        expect(d, "error", "is not a method and a path");
    }
    SUBCASE("only GET, which implies HEAD") {
        rule.match.value = "HEAD /things/{id}";
        expect(d, "error", "matches HEAD");
    }
    SUBCASE("a key that cannot be read") {
        rule.key.value = "thing:{id}:*";
        expect(d, "error", "'*' in a key");
    }
    SUBCASE("no key") {
        rule.key.value = "";
        expect(d, "error", "it is empty");
    }
    SUBCASE("two variables in one segment could render one text from different values") {
        rule.key.value = "thing:{id}{id}";
        expect(d, "error", "two variables in the segment");
    }
    SUBCASE("the proxy's own names") {
        rule.key.value = "sidecache:thing:{id}";
        CHECK(has(d, "can begin with `sidecache:`"));
    }
    SUBCASE("a value cannot lead a key to the proxy's own names either") {
        d.rules[0] = ttl_only(a_rule("thing", "GET /{kind}/{id}", "{kind}:{id}"));
        d.purges.clear();
        expect(d, "error", "can begin with `sidecache:`");
    }
    SUBCASE("nor a lock key") {
        rule.lock = lock_definition{.key = {"sidecache:{id}", {}}};
        expect(d, "error", "can begin with `sidecache:`");
    }
    SUBCASE("a key variable without a source") {
        rule.key = {"thing:{id}:{page}", {4, 9}};
        auto const all = findings(d);
        REQUIRE(all.size() == 1);
        CHECK(all[0] == "error 4:9 variable `{page}` has no source");
    }
    SUBCASE("a lock variable that the key does not have") {
        rule.lock = lock_definition{.key = {"thing:{x}:lock", {}}};
        expect(d, "error", "uses `{x}`, which its key does not");
    }
    SUBCASE("a variable that is declared and not used") {
        rule.vars = variables({{"page", "query.page"}});
        expect(d, "error", "variable `page` is declared and not used");
    }
    SUBCASE("a path variable that the key leaves out would let paths share an entry") {
        rule.match.value = "GET /shops/{shop}/things/{id}";
        expect(d, "error", "does not use `{shop}` of its path");
    }
    SUBCASE("a variable that is declared twice") {
        rule.key.value = "thing:{id}:{page}";
        rule.vars = variables({{"page", "query.page", "1"}, {"page", "query.p", "1"}});
        expect(d, "error", "variable `page` is declared twice");
    }
    SUBCASE("a variable that the path has as well") {
        rule.vars = variables({{"id", "query.id"}});
        CHECK(has(d, "declared and stands in the path"));
    }
    SUBCASE("a path variable under another name") {
        rule.key.value = "thing:{thingId}";
        rule.vars = variables({{"thingId", "path.id"}});
        CHECK(findings(d).empty());
        rule.vars = variables({{"thingId", "path.nr"}});
        CHECK(has(d, "`path.nr` is not in the path"));
    }
    SUBCASE("sources that are none, or not for rules") {
        rule.key.value = "thing:{id}:{x}";
        for (auto const& [from, text] : std::vector<std::pair<std::string, std::string>>{
                 {"page", "is no source of a variable"},
                 {"quarry.page", "is no source of a variable"},
                 {"query", "names nothing"},
                 {"query.", "names nothing"},
                 {"body.x", "comes from a request body"},
                 {"response.x", "comes from a response"},
                 {"entry.thing.x", "comes from a cached entry"},
             }) {
            CAPTURE(from);
            rule.vars = variables({{"x", from}});
            CHECK(has(d, text));
        }
        rule.vars = variables({{"x", "identity.x"}});
        CHECK(findings(d).empty());
    }
    SUBCASE("a name that could not be a label") {
        rule.name.value = "a thing";
        CHECK(has(d, "is no name for a rule"));
    }
}

TEST_CASE("a purge by itself") {
    auto d = one_rule();
    auto& purge = d.purges[0];
    SUBCASE("a safe method changes nothing") {
        for (std::string const method : {"GET", "HEAD", "OPTIONS", "TRACE"}) {
            purge.on[0].value = method + " /things/{id}";
            expect(d, "error", method + " does not change anything");
        }
    }
    SUBCASE("nothing sets it off") {
        purge.on.clear();
        CHECK(has(d, "is set off by nothing"));
    }
    SUBCASE("no patterns") {
        purge.patterns.clear();
        CHECK(has(d, "has no patterns"));
    }
    SUBCASE("a pattern that cannot be read") {
        purge.patterns[0] = {"thing:{id}**", {8, 5}};
        auto const all = findings(d);
        REQUIRE(all.size() == 1);
        CHECK(all[0].starts_with("error 8:5 the pattern 'thing:{id}**' cannot be used"));
    }
    SUBCASE("a pattern variable without a source") {
        purge.patterns[0].value = "thing:{nr}*";
        expect(d, "error", "variable `{nr}` has no source");
    }
    SUBCASE("a variable that is declared and not used") {
        purge.vars = variables({{"x", "body.x"}});
        expect(d, "warning", "variable `x` is declared and not used");
    }
    SUBCASE("an entry of no rule") {
        purge.patterns.push_back({"thing:{old}", {}});
        purge.vars = variables({{"old", "entry.nothing.id"}});
        expect(d, "error", "`entry.nothing` names no rule");
    }
    SUBCASE("an entry whose key the purge cannot render") {
        purge.on[0].value = "POST /things";
        purge.patterns[0].value = "thing:{old}*";
        purge.vars = variables({{"old", "entry.thing.id"}});
        expect(d, "error", "needs `{id}`, which this purge does not have");
    }
    SUBCASE("an entry whose key only the response would tell") {
        purge.on[0].value = "POST /things";
        purge.patterns[0].value = "thing:{old}*";
        purge.vars = variables({{"old", "entry.thing.id"}, {"id", "response.id"}});
        expect(d, "error", "known too late");
    }
    SUBCASE("a path variable that one of its requests lacks widens there") {
        purge.on.push_back({"POST /things/import", {}});
        expect(d, "warning", "is not in every path");
    }
}

TEST_CASE("rules and purges together") {
    auto d = one_rule();
    SUBCASE("names come once") {
        d.rules.push_back(ttl_only(a_rule("thing", "GET /other", "other")));
        expect(d, "error", "two rules with the name `thing`");
    }
    SUBCASE("so do those of purges") {
        d.purges.push_back(d.purges[0]);
        expect(d, "error", "two purges with the name `thing-changed`");
    }
    SUBCASE("a rule that an earlier one always takes the requests of") {
        d.rules.push_back(ttl_only(a_rule("list", "GET /things/list", "list")));
        d.rules[1].match.at = {9, 12};
        auto const all = findings(d);
        REQUIRE(all.size() == 1);
        CHECK(all[0].starts_with("error 9:12 rule `list` is never reached"));
    }
    SUBCASE("in the other order both are reached") {
        d.rules.insert(d.rules.begin(), ttl_only(a_rule("list", "GET /things/list", "list")));
        CHECK(findings(d).empty());
    }
    SUBCASE("two rules that can render the same key") {
        d.rules.push_back(a_rule("other", "GET /others/{nr}", "thing:{nr}"));
        expect(d, "error", "can render the same key");
    }
    SUBCASE("a lock key that can be an entry's") {
        d.rules[0].lock = lock_definition{.key = {"thing:{id}", {}}};
        expect(d, "error", "the lock key of rule `thing` can be the key of");
    }
    SUBCASE("two rules may share a lock") {
        auto const lock = lock_definition{.key = {"thing:{id}:lock", {}}};
        d.rules[0].lock = lock;
        auto other = ttl_only(a_rule("other", "GET /others/{id}", "other:{id}"));
        other.lock = lock;
        d.rules.push_back(other);
        CHECK(findings(d).empty());
    }
    SUBCASE("a pattern that no key can match") {
        d.purges[0].patterns.push_back({"thin:{id}*", {12, 3}});
        auto const all = findings(d);
        REQUIRE(all.size() == 1);
        CHECK(all[0] == "error 12:3 no rule's key can match the pattern 'thin:{id}*'");
    }
    SUBCASE("a rule that no purge reaches") {
        d.rules.push_back(a_rule("other", "GET /others/{id}", "other:{id}"));
        expect(d, "error", "no purge reaches the entries of rule `other`");
        d.rules[1].ttl_only = true;
        CHECK(findings(d).empty());
    }
    SUBCASE("a rule that says ttl_only and is reached") {
        d.rules[0].ttl_only = true;
        expect(d, "warning", "says `ttl_only: true`, but a purge reaches");
    }
}

TEST_CASE("everything is reported at once, in the order of the file") {
    auto d = one_rule();
    d.rules[0].key = {"thing:{nr}", {4, 10}};
    d.purges[0].on[0] = {"GET /things/{id}", {8, 9}};
    d.purges[0].patterns.push_back({"thing:{", {9, 9}});
    auto const all = findings(d);
    REQUIRE(all.size() >= 3);
    CHECK(std::is_sorted(all.begin(), all.end()));
    CHECK(rule_set::compile(d).rules == nullptr);
}

TEST_CASE("check shows per rule its tags and the purges that reach it") {
    using texts = std::vector<std::string>;
    auto const rules = compiled(products_strategy());
    CHECK(rules->tag_templates(0) ==
          texts{"rule:product-details", "path:/products/{id}", "product:{id}*"});
    CHECK(rules->tag_templates(2) ==
          texts{"rule:product-list", "path:/products", "products:org:{orgId}:*"});
    CHECK(rules->purges_reaching(0) ==
          texts{"product-updated", "product-deleted", "products-bulk-deleted"});
    CHECK(rules->purges_reaching(4) ==
          texts{"product-created", "product-updated", "product-deleted", "products-bulk-deleted"});
    CHECK(rules->find_rule("product-list") == &rules->rules()[2]);
    CHECK(rules->find_rule("nothing") == nullptr);
}

TEST_CASE("the fingerprint changes with what decides tags, and with nothing else") {
    auto const of = [](definition const& d) { return compiled(d)->fingerprint(); };
    auto const d = products_strategy();
    CHECK(of(d).size() == 16);
    CHECK(of(d) == of(products_strategy()));
    auto other = d;
    other.rules[0].ttl = std::chrono::seconds(1);
    other.rules[0].max_object = 7;
    other.purges[0].settle = std::chrono::seconds(1);
    CHECK(of(other) == of(d));
    other = d;
    std::swap(other.rules[3], other.rules[4]);
    CHECK(of(other) != of(d));
    other = d;
    other.purges[0].patterns.pop_back();
    CHECK(of(other) != of(d));
    other = d;
    other.purges[0].vars[0].fallback = "7";
    CHECK(of(other) != of(d));
}
