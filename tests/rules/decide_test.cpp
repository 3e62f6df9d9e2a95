#include "rules/http_cache/invalidation.hpp"
#include "rules/mutation_scope.hpp"
#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sidecache::rules;
using namespace sidecache::rules::test;

using texts = std::vector<std::string>;

TEST_CASE("the products strategy compiles without findings") {
    auto const c = rule_set::compile(products_strategy());
    for (auto const& f : c.findings) {
        MESSAGE(f.text << " -> " << f.hint);
    }
    CHECK(c.findings.empty());
    CHECK(c.rules != nullptr);
}

TEST_CASE("each route of the products strategy has its key, tags and lock") {
    auto const rules = compiled(products_strategy());
    struct row {
        std::string target;
        std::string rule;
        std::string key;
        texts tags;
        std::string lock_key;
    };
    std::vector<row> const table{
        {"/products/42",
         "product-details",
         "product:42:details",
         {"rule:product-details", "path:/products/42", "product:42*"},
         "product:42:lock"},
        {"/products/42/summary",
         "product-summary",
         "product:42",
         {"rule:product-summary", "path:/products/42/summary", "product:42*"},
         ""},
        {"/products?page=2&search=red+shoes",
         "product-list",
         "products:org:7:page:2:limit:10:search:red%20shoes:order:",
         {"rule:product-list", "path:/products", "products:org:7:*"},
         ""},
        {"/organizations/7/products",
         "organization-products",
         "org:7:products",
         {"rule:organization-products", "path:/organizations/7/products", "org:7:products"},
         ""},
        {"/schemas/9/products",
         "schema-products",
         "schema:9:products",
         {"rule:schema-products", "path:/schemas/9/products", "schema:9:products"},
         ""},
    };
    for (auto const& [target, rule, key, tags, lock_key] : table) {
        CAPTURE(target);
        for (std::string const method : {"GET", "HEAD"}) {
            auto const d = decided(*rules, {method, target, {{"X-Org-Id", "7"}}});
            REQUIRE(d.what == verdict::serve);
            CHECK(d.matched->definition.name.value == rule);
            CHECK(d.key == key);
            CHECK(list(d.tags) == tags);
            CHECK(d.lock_key == lock_key);
        }
    }
}

TEST_CASE("the first rule that matches counts") {
    definition d;
    d.rules.push_back(ttl_only(a_rule("latest", "GET /things/latest", "latest")));
    d.rules.push_back(ttl_only(a_rule("thing", "GET /things/{id}", "thing:{id}")));
    d.rules.push_back(ttl_only(a_rule("part", "GET /{kind}/{id}/part", "part:{kind}:{id}")));
    d.rules.push_back(ttl_only(a_rule("file", "GET /{kind}/{rest*}", "file:{kind}:{rest}")));
    d.rules.push_back(ttl_only(a_rule("root", "GET /", "root")));
    auto const rules = compiled(d);
    struct row {
        std::string target;
        std::string key;
    };
    for (auto const& [target, key] : std::vector<row>{
             {"/things/latest", "latest"},
             {"/things/7", "thing:7"},
             {"/things/7/part", "part:things:7"},
             {"/others/7", "file:others:7"},
             {"/others/7/8/9", "file:others:7/8/9"},
             {"/Things/7", "file:Things:7"},
             {"/", "root"},
             {"/?", "root"},
         }) {
        CAPTURE(target);
        auto const d_ = decided(*rules, {"GET", target});
        CHECK(d_.what == verdict::serve);
        CHECK(d_.key == key);
    }
    CHECK(decided(*rules, {"GET", "/alone"}).what == verdict::pass);
    // Of which rule they are, backends will not agree.
    for (std::string const target : {"/things/l%61test", "/%74hings/7"}) {
        CHECK(decided(*rules, {"GET", target}).reason == bypass_reason::odd_path);
    }
}

TEST_CASE("methods: safe ones are looked up or passed on, all others may change something") {
    auto const rules = compiled(products_strategy());
    for (std::string const method : {"OPTIONS", "TRACE"}) {
        CHECK(decided(*rules, {method, "/products/42"}).what == verdict::pass);
    }
    for (std::string const method :
         {"POST", "PUT", "PATCH", "DELETE", "PROPFIND", "get", "QUERY", "PURGE"}) {
        CAPTURE(method);
        CHECK(decided(*rules, {method, "/products/42"}).what == verdict::mutate);
    }
    auto const unknown = decided(*rules, {"GET", "/unknown"});
    CHECK(unknown.what == verdict::pass);
    CHECK(unknown.matched == nullptr);
}

TEST_CASE("what a request asks of its answer besides") {
    auto d = products_strategy();
    auto const asks = [&](std::vector<std::pair<std::string, std::string>> lines) {
        return decided(*compiled(d), {"GET", "/products/42", std::move(lines)}).asks;
    };
    CHECK_FALSE(asks({}).range);
    CHECK(asks({{"range", "bytes=0-1"}}).range);
    CHECK(asks({{"If-None-Match", "*"}}).conditional);
    CHECK(asks({{"if-modified-since", "x"}}).conditional);
    CHECK_FALSE(asks({{"If-Range", "x"}}).conditional);
    SUBCASE("its Cache-Control only where the rule obeys it") {
        CHECK_FALSE(asks({{"Cache-Control", "no-cache"}}).directives);
        d.rules[0].obeys_requests = true;
        CHECK(asks({{"Cache-Control", "no-cache"}}).directives);
        CHECK(asks({{"Pragma", "no-cache"}}).directives);
    }
}

TEST_CASE("a rule with `ttl: origin` has a key by itself") {
    definition d;
    auto rest = a_rule("rest", "GET /{path*}", "");
    rest.origin = true;
    rest.ttl = {};
    d.rules.push_back(rest);
    auto const rules = compiled(d);
    auto const key = [&](std::string target) {
        return decided(*rules, {"GET", std::move(target)}).key;
    };
    CHECK(key("/a/b") == "http:GET:shop.example:/a/b");
    CHECK(key("/a?x=1&x=2&y") == "http:GET:shop.example:/a%3Fx=1&x=2&y");
    CHECK(key("/a?y&x=1") == "http:GET:shop.example:/a%3Fy&x=1");
    CHECK(key("/a:b%20c") == "http:GET:shop.example:/a%3Ab%2520c");
    CHECK(decided(*rules, {"HEAD", "/a/b"}).key == key("/a/b"));
    CHECK(decided(*rules, {"GET", "/a/b"}).asks.directives == false);
    CHECK(decided(*rules, {"GET", "/a/b", {{"Cache-Control", "no-cache"}}}).asks.directives);
    CHECK(list(decided(*rules, {"GET", "/A/b?x"}).tags) ==
          std::vector<std::string>{"rule:rest", "path:/a/b"});

    SUBCASE("every unsafe request makes its own path stale, and what its answer names") {
        auto scope = rules->mutate(a_request("POST", "/a/b?x").view(), std::nullopt);
        CHECK_FALSE(scope.matched());
        CHECK(scope.reads_answer());
        REQUIRE(scope.marks().size() == 1);
        CHECK(scope.marks()[0].tag == "path:/a/b");
        CHECK_FALSE(scope.resolve_answer({.paths = {"/c"}, .groups = {}}));
        CHECK(scope.marks().size() == 1);
        REQUIRE(scope.changed().size() == 2);
        CHECK(scope.changed()[1].tag == "path:/c");
        CHECK(scope.resolve_answer({.paths = {}, .groups = {.tags = {"cache-group:g"}}}));
        REQUIRE(scope.changed().size() == 4);
        CHECK(scope.changed()[0].tag == "cache-group:*");
        CHECK(scope.changed()[1].tag == "cache-group:g");
        CHECK_FALSE(scope.resolve_answer({.paths = {}, .groups = {.is_unreadable = true}}));
        REQUIRE(scope.changed().size() == 5);
        CHECK(scope.changed()[4].tag == "rule:rest");
    }
    SUBCASE("beside purges that match, too") {
        d.rules.push_back(ttl_only(a_rule("x", "GET /x", "x:all")));
        std::swap(d.rules[0], d.rules[1]);
        d.rules[0].ttl_only = false;
        d.purges.push_back(a_purge("p", {"POST /x"}, {"x:all"}));
        auto const both = compiled(d);
        auto const scope = both->mutate(a_request("POST", "/x").view(), std::nullopt);
        CHECK(scope.matched());
        REQUIRE(scope.marks().size() == 2);
        CHECK(scope.marks()[0].tag == "path:/x");
    }
}

TEST_CASE("why a matched request is not looked up") {
    auto const rules = compiled(products_strategy());
    std::string const long_id(3000, 'x');
    struct row {
        std::string reason;
        a_request request;
    };
    using lines = std::vector<std::pair<std::string, std::string>>;
    lines const org{{"X-Org-Id", "7"}};
    std::vector<row> const table{
        {"unlisted_query", {"GET", "/products/42?debug=1"}},
        {"unlisted_query", {"GET", "/products?Page=2", org}},
        {"unlisted_query", {"GET", "/products?page[]=2", org}},
        {"unlisted_query", {"GET", "/products?=2", org}},
        {"duplicate_query", {"GET", "/products?page=1&page=2", org}},
        {"duplicate_query", {"GET", "/products?page=1&p%61ge=2", org}},
        {"missing_variable", {"GET", "/products"}},
        {"duplicate_field", {"GET", "/products", {{"X-Org-Id", "7"}, {"x-org-id", "8"}}}},
        {"odd_path", {"GET", "/products/42/"}},
        {"odd_path", {"GET", "/products//42"}},
        {"odd_path", {"GET", "/products/x/../42"}},
        {"odd_path", {"GET", "/products%2F42"}},
        {"odd_path", {"GET", "/products/42;v=1"}},
        {"odd_path", {"GET", "/products/4%"}},
        {"odd_path", {"GET", "/%70roducts/42"}},
        {"odd_path", {"GET", "/products/42/summar%79"}},
        {"odd_path", {"GET", "/products?search=a b", org}},
        {"odd_path", {"GET", "/products?search=a\nb", org}},
        {"precondition", {"GET", "/products/42", {{"If-Match", "\"a\""}}}},
        {"precondition", {"GET", "/products/42", {{"If-Unmodified-Since", "x"}}}},
        {"method_override", {"GET", "/products/42", {{"x-http-method-override", "DELETE"}}}},
        {"key_too_long", {"GET", "/products/" + long_id}},
        {"unlisted_query", {"GET", "/products/42?_method=DELETE"}},
        {"unkeyed_field", {"GET", "/products/42", {{"X-Forwarded-Host", "evil"}}}},
        {"unkeyed_field", {"GET", "/products/42", {{"x-original-url", "/admin"}}}},
    };
    for (auto const& [reason, request] : table) {
        CAPTURE(reason);
        auto const d = decided(*rules, request);
        CHECK(d.what == verdict::bypass);
        CHECK(name(d.reason) == reason);
        CHECK(d.matched != nullptr);
        CHECK(d.key.empty());
        CHECK(d.tags.empty());
    }
    SUBCASE("a GET with content") {
        a_request r("GET", "/products/42");
        r.has_body = true;
        CHECK(name(decided(*rules, r).reason) == "request_body");
    }
    SUBCASE("what no rule would match is passed on, however odd") {
        CHECK(decided(*rules, {"GET", "/unknown/../x"}).what == verdict::pass);
        CHECK(decided(*rules, {"GET", "*"}).what == verdict::pass);
    }
}

TEST_CASE("a query's values make the key; its order, empty parts and spelling of names do not") {
    auto const rules = compiled(products_strategy());
    std::string const key = "products:org:7:page:2:limit:10:search:a%20b:order:";
    for (std::string const target : {"/products?page=2&search=a%20b",
                                     "/products?search=a%20b&page=2",
                                     "/products?&page=2&&search=a%20b&",
                                     "/products?page=2&search=a%20b&limit=10&order="}) {
        CAPTURE(target);
        auto const d = decided(*rules, {"GET", target, {{"X-Org-Id", "7"}}});
        CHECK(d.key == key);
        CHECK(d.full_key == key + at_shop);
    }
    // Equal by RFC 3986 section 6.2.2, and to a backend that does not decode it is another.
    auto const odd =
        decided(*rules, {"GET", "/products?p%61ge=%32&search=a%20b", {{"X-Org-Id", "7"}}});
    CHECK(odd.key == key);
    CHECK(odd.full_key == key + "\npage:p%61ge=%32" + at_shop);
}

TEST_CASE("values are data: what is written differently shares tags, never an entry") {
    auto const rules = compiled(products_strategy());
    struct row {
        std::string target;
        std::string key;
        std::string behind;  // what full_key has behind the key
    };
    for (auto const& [target, key, behind] : std::vector<row>{
             {"/products/1%3Adetails", "product:1%3Adetails:details", ""},
             {"/products/1:details", "product:1%3Adetails:details", "\nid=1:details"},
             {"/products/a,b", "product:a,b:details", ""},
             {"/products/a%2cb", "product:a,b:details", "\nid=a%2cb"},
             {"/products/a%2Cb", "product:a,b:details", "\nid=a%2Cb"},
             {"/products/%3a", "product:%3A:details", "\nid=%3a"},
             {"/products/*", "product:%2A:details", "\nid=*"},
             {"/products/42%7Corg=7", "product:42%7Corg=7:details", ""},
             {"/products/%0D%0AX", "product:%0D%0AX:details", ""},
             {"/products/%34%32", "product:42:details", "\nid=%34%32"},
             {"/products/42.", "product:42.:details", ""},
             {"/products/A", "product:A:details", ""},
         }) {
        CAPTURE(target);
        auto const d = decided(*rules, {"GET", target});
        REQUIRE(d.what == verdict::serve);
        CHECK(d.key == key);
        CHECK(d.full_key == key + behind + at_shop);
        CHECK(d.tags[2] == key.substr(0, key.size() - std::string(":details").size()) + "*");
    }
    SUBCASE("a name without '=' is not an empty value to every backend") {
        auto const bare = decided(*rules, {"GET", "/products?search", {{"X-Org-Id", "7"}}});
        auto const empty = decided(*rules, {"GET", "/products?search=", {{"X-Org-Id", "7"}}});
        CHECK(bare.key == empty.key);
        CHECK(bare.full_key == bare.key + "\nsearch" + at_shop);
        CHECK(empty.full_key == empty.key + at_shop);
    }
}

TEST_CASE("unlisted_query: what a rule does with parameters that its key does not use") {
    definition d;
    d.rules.push_back(
        ttl_only(a_rule("list", "GET /list", "list:{page}", {{"page", "query.page", "1"}})));
    SUBCASE("include: they stand behind the key, by name, and in no tag") {
        d.rules[0].unlisted = unlisted_query::include;
        auto const rules = compiled(d);
        auto const key = [&](std::string const& target) {
            return decided(*rules, {"GET", target}).key;
        };
        CHECK(key("/list?page=2") == "list:2");
        CHECK(key("/list?b=2&page=2&a=1") == "list:2?a=1&b=2");
        CHECK(key("/list?a=2&a=1") == "list:1?a=2&a=1");
        CHECK(key("/list?x=%7e%2f") == "list:1?x=~%2F");
        CHECK(key("/list?x=a|b*") == "list:1?x=a%7Cb%2A");
        CHECK(decided(*rules, {"GET", "/list?x=a|b"}).full_key !=
              decided(*rules, {"GET", "/list?x=a%7Cb"}).full_key);
        CHECK(decided(*rules, {"GET", "/list?a=1"}).tags.size() == 2);
    }
    SUBCASE("ignore: they make no difference") {
        d.rules[0].unlisted = unlisted_query::ignore;
        auto const rules = compiled(d);
        CHECK(decided(*rules, {"GET", "/list?utm=1&page=2"}).full_key == "list:2" + at_shop);
    }
}

TEST_CASE("partition: who may share an entry") {
    using lines = std::vector<std::pair<std::string, std::string>>;
    definition d;
    d.rules.push_back(ttl_only(a_rule("thing", "GET /things/{id}", "thing:{id}")));
    d.rules[0].lock = lock_definition{.key = {"thing:{id}:lock", {}}};
    auto& partition = d.rules[0].partition;

    SUBCASE("credential: nobody but who sends the same Authorization and Cookie") {
        partition.what = partition_definition::kind::credential;
        auto const rules = compiled(d);
        auto const key = [&](lines const& fields) {
            return decided(*rules, {"GET", "/things/1", fields}).key;
        };
        CHECK(key({}) == "thing:1");
        // printf '\0\0\0\0\0\0\0\0\010Bearer x' | sha256sum | cut -c1-32
        CHECK(key({{"authorization", "Bearer x"}}) ==
              "thing:1|credential=9f646f58e88ce96531a6028bb3ae949c");
        std::vector<std::string> const different{
            key({{"Authorization", "Bearer x"}}),
            key({{"Authorization", "Bearer y"}}),
            key({{"Cookie", "Bearer x"}}),
            key({{"Authorization", "Bearer x"}, {"Cookie", ""}}),
            key({{"Authorization", "Bearer x"}, {"Cookie", "a=1"}}),
            key({{"Authorization", "Bearer x"}, {"Cookie", "a=1; b=2"}}),
            key({{"Authorization", "Bearer x"}, {"Cookie", "a=1"}, {"Cookie", "b=2"}}),
            key({{"Authorization", "Bearer "}, {"Authorization", "x"}}),
        };
        for (auto const& one : different) {
            CHECK(std::count(different.begin(), different.end(), one) == 1);
        }
        CHECK(key({{"Cookie", "a=1"}, {"Authorization", "Bearer x"}}) ==
              key({{"AUTHORIZATION", "Bearer x"}, {"cookie", "a=1"}}));

        auto const d1 = decided(*rules, {"GET", "/things/1", {{"Cookie", "a=1"}}});
        auto const suffix = d1.key.substr(std::string("thing:1").size());
        CHECK(d1.lock_key == "thing:1:lock" + suffix);
        CHECK(list(d1.tags) == texts{"rule:thing", "path:/things/1"});
    }
    SUBCASE("none: everybody") {
        partition.what = partition_definition::kind::none;
        auto const rules = compiled(d);
        CHECK(decided(*rules, {"GET", "/things/1", {{"Cookie", "a=1"}}}).key == "thing:1");
    }
    SUBCASE("identity: who is verified to be the same") {
        partition = {
            .what = partition_definition::kind::identity, .variables = {"orgId"}, .at = {}};
        auto const rules = compiled(d);
        a_request r("GET", "/things/1");
        CHECK(name(decided(*rules, r).reason) == "unverified_identity");
        r.verified = lines{{"userId", "5"}};
        CHECK(name(decided(*rules, r).reason) == "unverified_identity");
        r.verified = lines{{"orgId", "7|x"}, {"userId", "5"}};
        CHECK(decided(*rules, r).key == "thing:1|orgId=7%7Cx");
        CHECK(decided(*rules, r).lock_key == "thing:1:lock|orgId=7%7Cx");
    }
    SUBCASE("an identity that the key holds already is not said twice") {
        d.rules[0] =
            ttl_only(a_rule("mine", "GET /mine", "mine:{orgId}", {{"orgId", "identity.orgId"}}));
        d.rules[0].partition = {
            .what = partition_definition::kind::identity, .variables = {"orgId"}, .at = {}};
        auto const rules = compiled(d);
        a_request r("GET", "/mine");
        CHECK(name(decided(*rules, r).reason) == "unverified_identity");
        r.verified = lines{{"orgId", "7"}};
        CHECK(decided(*rules, r).key == "mine:7");
    }
    SUBCASE("what a path claims is no identity") {
        d.rules[0] = ttl_only(a_rule("theirs", "GET /orgs/{orgId}", "org:{orgId}"));
        d.rules[0].partition = {
            .what = partition_definition::kind::identity, .variables = {"orgId"}, .at = {}};
        auto const rules = compiled(d);
        a_request r("GET", "/orgs/8");
        r.verified = lines{{"orgId", "7"}};
        CHECK(decided(*rules, r).key == "org:8|orgId=7");
        CHECK(decided(*rules, r).of_identity);
    }
    SUBCASE("no value, and no parameter that the key does not list, writes a partition") {
        d.rules[0].unlisted = unlisted_query::include;
        d.rules[0].partition = {
            .what = partition_definition::kind::identity, .variables = {"orgId"}, .at = {}};
        auto const rules = compiled(d);
        for (std::string const target : {"/things/1|orgId=8",
                                         "/things/1%7CorgId=8",
                                         "/things/1?x=1|orgId=8",
                                         "/things/1?x=1%7CorgId=8",
                                         "/things/1?|orgId=8"}) {
            CAPTURE(target);
            a_request r("GET", target);
            r.verified = lines{{"orgId", "7"}};
            auto const key = decided(*rules, r).key;
            CHECK(key.ends_with("|orgId=7"));
            CHECK(std::ranges::count(key, '|') == 1);
        }
    }
}

TEST_CASE("cookies are variables like others") {
    definition d;
    d.rules.push_back(
        ttl_only(a_rule("home", "GET /home", "home:{lang}", {{"lang", "cookie.lang"}})));
    auto const rules = compiled(d);
    CHECK(decided(*rules, {"GET", "/home", {{"Cookie", "a=1; lang=de;b=2"}}}).key == "home:de");
    CHECK(name(decided(*rules, {"GET", "/home", {{"Cookie", "xlang=de"}}}).reason) ==
          "missing_variable");
    CHECK(name(decided(*rules, {"GET", "/home", {{"Cookie", "lang=de; lang=en"}}}).reason) ==
          "duplicate_field");
}

TEST_CASE("entries carry the tags of patterns whose fixed parts they have") {
    definition d;
    d.rules.push_back(a_rule("thing", "GET /things/{kind}/{id}", "thing:{kind}:{id}"));
    d.purges.push_back(a_purge("tools", {"POST /tools"}, {"thing:tool:*"}));
    d.purges.push_back(a_purge("kind", {"POST /kinds/{kind}"}, {"thing:{kind}:*"}));
    d.purges.push_back(a_purge("same", {"POST /same/{x}"}, {"thing:{x}:{x}"}));
    auto const rules = compiled(d);
    auto const tags = [&](std::string const& target) {
        return list(decided(*rules, {"GET", target}).tags);
    };
    CHECK(tags("/things/tool/1") == texts{"rule:thing", "path:/things/tool/1", "thing:tool:*"});
    CHECK(tags("/things/toy/1") == texts{"rule:thing", "path:/things/toy/1", "thing:toy:*"});
    CHECK(tags("/things/toy/toy") ==
          texts{"rule:thing", "path:/things/toy/toy", "thing:toy:*", "thing:toy:toy"});
}

TEST_CASE("partial widenings are tags too; more than three variables widen together") {
    definition d;
    d.rules.push_back(a_rule("r", "GET /{a}/{b}/{c}/{d}", "k:{a}:{b}:{c}:{d}"));
    d.purges.push_back(
        a_purge("two", {"POST /two"}, {"k:{a}:{b}:x:y"}, {{"a", "body.a"}, {"b", "body.b"}}));
    auto rules = compiled(d);
    auto const tags = [&](std::string const& target) {
        return list(decided(*rules, {"GET", target}).tags);
    };
    CHECK(tags("/1/2/x/y") ==
          texts{"rule:r", "path:/1/2/x/y", "k:1:2:x:y", "k:*:2:x:y", "k:1:*:x:y", "k:*:*:x:y"});
    CHECK(tags("/1/2/3/4").size() == 2);

    d.purges[0] = a_purge("four",
                          {"POST /four"},
                          {"k:{a}:{b}:{c}:{d}"},
                          {{"a", "body.a"}, {"b", "body.b"}, {"c", "body.c"}, {"d", "body.d"}});
    rules = compiled(d);
    CHECK(tags("/1/2/3/4") == texts{"rule:r", "path:/1/2/3/4", "k:1:2:3:4"});
}
