// What of a request no key holds and a backend may act on all the same.
#include "rules/field_policy.hpp"

#include "rules/mutation_scope.hpp"
#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace sidecache::rules;
using namespace sidecache::rules::test;

namespace {

using lines = std::vector<std::pair<std::string, std::string>>;

decision of(rule_set const& rules, lines const& fields) {
    return decided(rules, {"GET", "/products/1", fields});
}

}  // namespace

TEST_CASE("a field that may change the answer and is in no key makes a bypass") {
    auto const rules = compiled(products_strategy());
    for (std::string const name : {"X-Forwarded-Host",
                                   "X-Host",
                                   "X-Original-Host",
                                   "X-HTTP-Host-Override",
                                   "X-Forwarded-Server",
                                   "X-Forwarded-Scheme",
                                   "X-Forwarded-Protocol",
                                   "X-Forwarded-Ssl",
                                   "Front-End-Https",
                                   "X-Forwarded-Port",
                                   "X-Forwarded-Prefix",
                                   "X-Original-URL",
                                   "X-Rewrite-URL",
                                   "X-Original-Method"}) {
        CAPTURE(name);
        CHECK(field_policy::is_watched(name));
        CHECK(of(*rules, {{name, "evil"}}).reason == bypass_reason::unkeyed_field);
        CHECK(of(*rules, {{name, ""}}).reason == bypass_reason::unkeyed_field);
    }
    for (std::string const name : {"X-Forwarded-For", "X-Real-IP", "X-Request-Id", "Accept"}) {
        CAPTURE(name);
        CHECK_FALSE(field_policy::is_watched(name));
        CHECK(of(*rules, {{name, "evil"}}).what == verdict::serve);
    }
}

TEST_CASE("X-Forwarded-Host that says what Host says is no news") {
    auto const rules = compiled(products_strategy());
    CHECK(of(*rules, {{"X-Forwarded-Host", "Shop.Example"}}).full_key ==
          "product:1:details" + at_shop);
    CHECK(of(*rules, {{"X-Forwarded-Host", "shop.example"}, {"X-Forwarded-Host", "shop.example"}})
              .reason == bypass_reason::unkeyed_field);
    SUBCASE("but with a fixed host it is: the backend never hears Host") {
        auto d = products_strategy();
        d.around.fixed_host = true;
        CHECK(of(*compiled(d), {{"X-Forwarded-Host", "shop.example"}}).reason ==
              bypass_reason::unkeyed_field);
    }
}

TEST_CASE("Forwarded counts where it says a host or a scheme (RFC 7239)") {
    auto const rules = compiled(products_strategy());
    CHECK(of(*rules, {{"Forwarded", "for=192.0.2.1;by=10.0.0.1"}}).what == verdict::serve);
    for (std::string const value :
         {"host=evil", "for=1;Host=evil", "for=1, for=2; proto=https", "for=1;\tPROTO=x"}) {
        CAPTURE(value);
        CHECK(of(*rules, {{"Forwarded", value}}).reason == bypass_reason::unkeyed_field);
    }
}

TEST_CASE("X-Forwarded-Proto parts entries; `http` is what is said of who says nothing") {
    auto const rules = compiled(products_strategy());
    auto const plain = of(*rules, {});
    auto const https = of(*rules, {{"X-Forwarded-Proto", "https"}});
    CHECK(of(*rules, {{"x-forwarded-proto", "http"}}).full_key == plain.full_key);
    CHECK(https.key == plain.key);
    CHECK(https.full_key == plain.full_key + "\nx-forwarded-proto=https");
    CHECK(of(*rules, {{"X-Forwarded-Proto", "http"}, {"X-Forwarded-Proto", "https"}}).full_key ==
          plain.full_key + "\nx-forwarded-proto=http\nx-forwarded-proto=https");
}

TEST_CASE("two hosts never share an entry") {
    auto d = products_strategy();
    auto const full_key = [&](std::string const& host) {
        a_request r("GET", "/products/1");
        auto view = r.view();
        view.host = host;
        decision out;
        compiled(d)->decide(view, out);
        return out.full_key;
    };
    CHECK(full_key("a.example") != full_key("b.example"));
    CHECK(full_key("a.example") != full_key("a.example:8080"));
    CHECK(full_key("A.example") == full_key("a.EXAMPLE"));
    SUBCASE("unless the backend is asked for the same one always") {
        d.around.fixed_host = true;
        CHECK(full_key("a.example") == full_key("b.example"));
    }
}

TEST_CASE("a field that is stripped makes no difference; a trusted one parts entries") {
    auto d = products_strategy();
    d.around.stripped = {"x-host", "X-Forwarded-Proto", "X-HTTP-Method-Override", "Range"};
    d.around.trusted = {"x-forwarded-host", "Forwarded"};
    auto const rules = compiled(d);
    auto const plain = of(*rules, {}).full_key;
    CHECK(of(*rules, {{"X-Host", "evil"}}).full_key == plain);
    CHECK(of(*rules, {{"X-Forwarded-Proto", "https"}}).full_key == plain);
    CHECK(of(*rules, {{"X-HTTP-Method-Override", "PUT"}, {"Range", "bytes=0-"}}).full_key == plain);
    CHECK(of(*rules, {{"X-Forwarded-Host", "a"}}).full_key == plain + "\nx-forwarded-host=a");
    CHECK(of(*rules, {{"Forwarded", "for=1;host=a;proto=b"}}).full_key ==
          plain + "\nforwarded=host=a=proto=b");
    CHECK(of(*rules, {{"Forwarded", "for=2;host=a;proto=b"}}).full_key ==
          plain + "\nforwarded=host=a=proto=b");
    CHECK(of(*rules, {{"X-Rewrite-URL", "/"}}).reason == bypass_reason::unkeyed_field);
}

TEST_CASE("a rule may key such a field itself") {
    definition d;
    d.rules.push_back(
        ttl_only(a_rule("by-host", "GET /x", "x:{host}", {{"host", "header.X-Host", ""}})));
    auto const rules = compiled(d);
    CHECK(decided(*rules, {"GET", "/x", {{"X-Host", "a"}}}).key == "x:a");
    CHECK(decided(*rules, {"GET", "/x", {{"X-Forwarded-Server", "a"}}}).reason ==
          bypass_reason::unkeyed_field);
}

TEST_CASE("an entry that a mutation looks at is that of its own host") {
    auto const rules = compiled(products_strategy());
    a_request put("PUT", "/products/1", {{"X-Org-Id", "7"}, {"X-Forwarded-Proto", "https"}});
    auto scope = rules->mutate(put.view(), std::nullopt);
    REQUIRE(scope.entry_lookups().size() == 1);
    CHECK(scope.entry_lookups()[0].full_key ==
          of(*rules, {{"X-Forwarded-Proto", "https"}}).full_key);
}

TEST_CASE("unlisted_query: ignore does not let in what some backend takes for a listed parameter") {
    definition d;
    d.rules.push_back(ttl_only(a_rule("list",
                                      "GET /list",
                                      "list:{page}:{f}",
                                      {{"page", "query.page", "1"}, {"f", "query.my.f", ""}})));
    d.rules[0].unlisted = unlisted_query::ignore;
    auto const rules = compiled(d);
    CHECK(decided(*rules, {"GET", "/list?utm=1&pages=2&pag=3"}).full_key == "list:1:" + at_shop);
    for (std::string const query : {"PAGE=2",
                                    "page[]=2",
                                    "page[x]=2",
                                    "+page=2",
                                    "pa.ge=2",
                                    "page%00x=2",
                                    "%50age=2",
                                    "my_f=1",
                                    "utm=1;page=2"}) {
        CAPTURE(query);
        CHECK(decided(*rules, {"GET", "/list?" + query}).reason == bypass_reason::unlisted_query);
    }
    CHECK(decided(*rules, {"GET", "/list?_method=DELETE"}).reason ==
          bypass_reason::method_override);
    CHECK(decided(*rules, {"GET", "/list?%5fmethod=DELETE"}).reason ==
          bypass_reason::method_override);
    d.rules[0].unlisted = unlisted_query::include;
    CHECK(decided(*compiled(d), {"GET", "/list?_method=DELETE"}).reason ==
          bypass_reason::method_override);
}

TEST_CASE("a POST that asks to be taken for another method is purged for as both") {
    auto const rules = compiled(products_strategy());
    auto const purges = [&](a_request r, std::string_view body = "") {
        std::vector<std::string> names;
        auto const scope = rules->mutate(r.view(), body);
        for (auto const* p : scope.purges()) {
            names.push_back(p->definition.name.value);
        }
        return names;
    };
    using names = std::vector<std::string>;
    names const deleted{"product-deleted"};
    CHECK(purges({"POST", "/products/1", {{"X-HTTP-Method-Override", "delete"}}}) == deleted);
    CHECK(purges({"POST", "/products/1?a=1&_method=DELETE"}) == deleted);
    lines const form{{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
    CHECK(purges({"POST", "/products/1", form}, "a=1&_method=delete") == deleted);
    CHECK(purges({"POST", "/products/1"}, "_method=delete") == names{});
}

TEST_CASE("two targets share an entry only if they name the same in the same spelling") {
    // Every target over a small alphabet of what is easily confused, against every other.
    auto const rules = compiled(products_strategy());
    std::vector<std::string> const pieces{
        "1",   "%31", ".",      "%2e",    "%2E", ":",        "%3A",   "%3a", "*",
        "%2A", "A",   "a",      "%41",    ",",   "%2C",      "%25",   "%7C", "|",
        "%20", "+",   "%0d%0a", "%0D%0A", ";",   "\xc3\xa9", "%C3%A9"};
    std::vector<std::string> values = pieces;
    for (auto const& a : pieces) {
        for (auto const& b : pieces) {
            values.push_back(a + b);
        }
    }
    for (std::string const prefix : {"/products/", "/products?search=", "/products?page="}) {
        std::map<std::string, std::string> seen;  // full key -> target
        for (auto const& value : values) {
            auto const target = prefix + value;
            auto const d = decided(*rules, {"GET", target, {{"X-Org-Id", "7"}}});
            if (d.what != verdict::serve) {
                continue;
            }
            auto const [at, is_new] = seen.emplace(d.full_key, target);
            if (!is_new) {
                FAIL_CHECK(target << " shares an entry with " << at->second);
            }
            // Nothing in it is syntax to Redis, to a pattern or to a tag.
            for (char const c : d.key) {
                CHECK(std::string_view("*?[]{}| \r\n").find(c) == std::string_view::npos);
            }
            for (std::size_t i = 0; i < d.tags.size(); ++i) {
                CHECK(d.tags[i].find_first_of("\r\n ") == std::string_view::npos);
            }
        }
        CHECK(seen.size() > 100);
    }
}
