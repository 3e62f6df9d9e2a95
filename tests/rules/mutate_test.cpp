#include "rules/mutation_scope.hpp"
#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sidecache::rules;
using namespace sidecache::rules::test;

using texts = std::vector<std::string>;

namespace {

/// "m product:42*": a marker; "i rule:x": an intent.
texts list(std::vector<planned_mark> const& marks) {
    texts out;
    for (auto const& m : marks) {
        out.push_back(std::string(1, static_cast<char>(m.kind)) + " " + m.tag);
    }
    return out;
}

texts tags(std::vector<planned_mark> const& marks) {
    texts out;
    for (auto const& m : marks) {
        out.push_back(m.tag);
    }
    return out;
}

texts names(mutation_scope const& scope) {
    texts out;
    for (auto const* p : scope.purges()) {
        out.push_back(p->definition.name.value);
    }
    return out;
}

}  // namespace

TEST_CASE("a create purges the lists of its organization and schema") {
    auto const rules = compiled(products_strategy());
    a_request post("POST", "/products", {{"X-Org-Id", "7"}});

    SUBCASE("both named by the request") {
        auto const scope = rules->mutate(post.view(), R"({"schemaId": 9, "name": "Lamp"})");
        CHECK(names(scope) == texts{"product-created"});
        CHECK(list(scope.marks()) ==
              texts{"m org:7:products", "m products:org:7:*", "m schema:9:products"});
        CHECK(tags(scope.changed()) == tags(scope.marks()));
        CHECK_FALSE(scope.needs_response());
        CHECK(scope.entry_lookups().empty());
        CHECK_FALSE(scope.fans_out());
    }
    SUBCASE("keys that a tag names exactly go at once") {
        auto const scope = rules->mutate(post.view(), R"({"schemaId": 9})");
        auto const marks = scope.marks();
        CHECK(marks[0].exact_key == "org:7:products");
        CHECK(marks[1].exact_key == "");
        CHECK(marks[2].exact_key == "schema:9:products");
    }
    SUBCASE("what the body does not tell widens") {
        std::vector<std::optional<std::string>> const bodies{
            std::nullopt,
            "",
            "schemaId=9",
            "{}",
            "[]",
            "7",
            R"({"schemaId": null})",
            R"({"schemaId": {"id": 9}})",
            R"({"schemaId": [9]})",
            R"({"schemaId": 9.5})",
            R"({"schemaId": 1e300})",
            R"({"schemaId": 9, "schemaId": 8})",
            R"({"schemaId": 9} and more)",
            R"({"schemaId": 9)",
        };
        for (auto const& body : bodies) {
            CAPTURE(body.value_or("none"));
            auto const scope = rules->mutate(
                post.view(), body ? std::optional<std::string_view>(*body) : std::nullopt);
            CHECK(tags(scope.marks()) ==
                  texts{"org:7:products", "products:org:7:*", "rule:schema-products"});
        }
    }
    SUBCASE("without the organization every organization's lists go") {
        a_request anonymous("POST", "/products");
        auto const scope = rules->mutate(anonymous.view(), R"({"schemaId": "9"})");
        CHECK(tags(scope.marks()) ==
              texts{"rule:organization-products", "rule:product-list", "schema:9:products"});
    }
    SUBCASE("an organization named twice means both") {
        a_request both("POST", "/products", {{"X-Org-Id", "7"}, {"x-org-id", "8"}});
        auto const scope = rules->mutate(both.view(), R"({"schemaId": 9})");
        CHECK(tags(scope.marks()) == texts{"org:7:products",
                                           "org:8:products",
                                           "products:org:7:*",
                                           "products:org:8:*",
                                           "schema:9:products"});
    }
}

TEST_CASE("an update looks its old schema up before and learns its new one after") {
    auto const rules = compiled(products_strategy());
    a_request put("PUT", "/products/42", {{"X-Org-Id", "7"}});
    auto scope = rules->mutate(put.view(), R"({"name": "Lamp"})");

    REQUIRE(scope.entry_lookups().size() == 1);
    auto const& lookup = scope.entry_lookups()[0];
    CHECK(lookup.key == "product:42:details");
    CHECK(lookup.full_key == "product:42:details" + at_shop);
    CHECK(rules->rules()[lookup.rule_index].definition.name.value == "product-details");
    CHECK(test::list(lookup.tags) ==
          texts{"rule:product-details", "path:/products/42", "product:42*"});
    CHECK(scope.needs_response());

    SUBCASE("until the entry is looked at, its tag is left out; the response's is an intent") {
        CHECK(list(scope.marks()) == texts{"m org:7:products",
                                           "m product:42*",
                                           "m products:org:7:*",
                                           "i rule:schema-products"});
    }
    SUBCASE("the old schema is marked, then the new one is changed as well") {
        scope.resolve_entry(0, R"({"id": 42, "schemaId": 5})");
        CHECK(list(scope.marks()) == texts{"m org:7:products",
                                           "m product:42*",
                                           "m products:org:7:*",
                                           "i rule:schema-products",
                                           "m schema:5:products"});
        scope.resolve_response(R"({"id": 42, "schemaId": 6})");
        CHECK_FALSE(scope.needs_response());
        CHECK(tags(scope.changed()) == texts{"org:7:products",
                                             "product:42*",
                                             "products:org:7:*",
                                             "schema:5:products",
                                             "schema:6:products"});
    }
    SUBCASE("an entry that is not there widens, and its marker wins over the intent") {
        scope.resolve_entry(0, std::nullopt);
        CHECK(list(scope.marks()) == texts{"m org:7:products",
                                           "m product:42*",
                                           "m products:org:7:*",
                                           "m rule:schema-products"});
    }
    SUBCASE("a look-up that was overtaken widens what it had told") {
        scope.resolve_entry(0, R"({"schemaId": 5})");
        scope.resolve_response(R"({"schemaId": 6})");
        scope.distrust_entry(0);
        CHECK(tags(scope.changed()) == texts{"org:7:products",
                                             "product:42*",
                                             "products:org:7:*",
                                             "rule:schema-products",
                                             "schema:6:products"});
    }
    SUBCASE("a response that cannot be read widens") {
        scope.resolve_entry(0, R"({"schemaId": 5})");
        scope.resolve_response(std::nullopt);
        CHECK(tags(scope.changed()) == texts{"org:7:products",
                                             "product:42*",
                                             "products:org:7:*",
                                             "rule:schema-products",
                                             "schema:5:products"});
    }
}

TEST_CASE("a bulk delete names each of its products") {
    auto const rules = compiled(products_strategy());
    a_request bulk("POST", "/products/bulk-delete", {{"X-Org-Id", "7"}});

    SUBCASE("numbers and strings alike") {
        auto const scope = rules->mutate(bulk.view(), R"({"ids": [1, "2", 3.0, 1]})");
        CHECK(names(scope) == texts{"products-bulk-deleted"});
        CHECK(tags(scope.marks()) == texts{"org:7:products",
                                           "product:1*",
                                           "product:2*",
                                           "product:3*",
                                           "products:org:7:*",
                                           "rule:schema-products"});
        CHECK(scope.fans_out());
    }
    SUBCASE("one id that is no value widens them all") {
        for (std::string const body : {R"({"ids": [1, null]})",
                                       R"({"ids": []})",
                                       R"({"ids": 1})",
                                       R"({"ids": [1, [2]]})",
                                       R"({"other": 1})"}) {
            CAPTURE(body);
            auto const scope = rules->mutate(bulk.view(), body);
            CHECK(tags(scope.marks()) == texts{"org:7:products",
                                               "products:org:7:*",
                                               "rule:product-details",
                                               "rule:product-summary",
                                               "rule:schema-products"});
        }
    }
    SUBCASE("ten thousand ids are named, one more is everything") {
        auto const body = [](int n) {
            std::string out = "{\"ids\":[0";
            for (int i = 1; i < n; ++i) {
                out += "," + std::to_string(i);
            }
            return out + "]}";
        };
        CHECK(rules->mutate(bulk.view(), body(10'000)).marks().size() == 10'003);
        CHECK(rules->mutate(bulk.view(), body(10'001)).marks().size() == 5);
    }
}

TEST_CASE("a mutation that matches no purge changes its own path") {
    auto const rules = compiled(products_strategy());
    SUBCASE("and only that") {
        a_request r("POST", "/products/42/images");
        auto const scope = rules->mutate(r.view(), std::nullopt);
        CHECK_FALSE(scope.matched());
        CHECK(list(scope.marks()) == texts{"m path:/products/42/images"});
        CHECK(tags(scope.changed()) == texts{"path:/products/42/images"});
    }
    SUBCASE("in every form that a backend may see") {
        a_request r("POST", "/Schemas/./9//products/;v=1?x=1");
        auto const scope = rules->mutate(r.view(), std::nullopt);
        CHECK(tags(scope.changed()) ==
              texts{"path:/schemas/./9//products/;v=1", "path:/schemas/9/products"});
    }
}

TEST_CASE("purges match leniently: too much goes, never too little") {
    auto const rules = compiled(products_strategy());
    for (std::string const target : {"/products/42",
                                     "/products/42/",
                                     "/Products/42",
                                     "//products//42",
                                     "/products/./42",
                                     "/x/../products/42",
                                     "/x/%2e%2E/products/42",
                                     "/products%2F42",
                                     "/products%5c42",
                                     "/products\\42",
                                     "/products/42;v=1",
                                     "/products;a=b/42",
                                     "/%70roducts/42",
                                     "/products/%34%32",
                                     "/products/42?force=true"}) {
        CAPTURE(target);
        a_request r("DELETE", target, {{"X-Org-Id", "7"}});
        auto const scope = rules->mutate(r.view(), std::nullopt);
        CHECK(names(scope) == texts{"product-deleted"});
        auto const changed = tags(scope.changed());
        CHECK(std::find(changed.begin(), changed.end(), "product:42*") != changed.end());
    }
}

TEST_CASE("a method override sets off the purges of both methods") {
    auto const rules = compiled(products_strategy());
    for (std::string const name :
         {"X-HTTP-Method-Override", "x-http-method", "X-Method-Override"}) {
        a_request r("PUT", "/products/42", {{name, "delete"}});
        CHECK(names(rules->mutate(r.view(), std::nullopt)) ==
              texts{"product-updated", "product-deleted"});
    }
}

TEST_CASE("hostile values touch nothing but the products of those literal names") {
    auto const rules = compiled(products_strategy());
    struct row {
        std::string target;
        std::string tag;
    };
    for (auto const& [target, tag] : std::vector<row>{
             {"/products/*", "product:%2A*"},
             {"/products/1%3Adetails", "product:1%3Adetails*"},
             {"/products/1:details", "product:1%3Adetails*"},
             {"/products/1%7Corg=7", "product:1%7Corg=7*"},
             {"/products/%0D%0ADEL", "product:%0D%0ADEL*"},
             {"/products/%zz", "product:%25zz*"},
         }) {
        CAPTURE(target);
        a_request r("DELETE", target, {{"X-Org-Id", "7"}});
        auto scope = rules->mutate(r.view(), std::nullopt);
        scope.resolve_entry(0, R"({"schemaId": "*"})");
        CHECK(tags(scope.changed()) ==
              texts{"org:7:products", tag, "products:org:7:*", "schema:%2A:products"});
    }
}

TEST_CASE("which answers say that nothing was changed (protocol.md section 3.6)") {
    auto d = products_strategy();
    auto const rules = compiled(d);
    a_request one("DELETE", "/products/42");
    a_request many("DELETE", "/products");
    a_request unmatched("POST", "/login");
    auto const single = rules->mutate(one.view(), std::nullopt);
    auto const fan_out = rules->mutate(many.view(), R"({"ids": [1]})");
    auto const path_only = rules->mutate(unmatched.view(), std::nullopt);

    for (unsigned const status : {400U, 401U, 403U, 405U, 413U, 429U, 501U}) {
        CHECK(single.is_unchanged(status));
        CHECK(fan_out.is_unchanged(status));
        CHECK(path_only.is_unchanged(status));
    }
    SUBCASE("with several resources these may come after a part was done") {
        for (unsigned const status : {404U, 409U, 410U, 412U, 422U, 428U}) {
            CHECK(single.is_unchanged(status));
            CHECK_FALSE(fan_out.is_unchanged(status));
        }
    }
    SUBCASE("everything else is a change") {
        for (unsigned const status : {200U, 201U, 202U, 204U, 303U, 500U, 502U, 503U, 504U}) {
            CHECK_FALSE(single.is_unchanged(status));
        }
    }
    SUBCASE("a purge may say it otherwise") {
        d.purges[2].unchanged_statuses = {{418}};
        auto const own = compiled(d);
        auto const scope = own->mutate(one.view(), std::nullopt);
        CHECK(scope.is_unchanged(418));
        CHECK_FALSE(scope.is_unchanged(404));
    }
}

TEST_CASE("the longest settle of the purges in scope counts") {
    using namespace std::chrono_literals;
    auto d = products_strategy();
    d.purges[1].settle = 200ms;
    d.purges[2].settle = 500ms;
    auto const rules = compiled(d);
    a_request put("PUT", "/products/42");
    a_request both("PUT", "/products/42", {{"X-HTTP-Method", "DELETE"}});
    CHECK(rules->mutate(put.view(), std::nullopt).settle() == 200ms);
    CHECK(rules->mutate(both.view(), std::nullopt).settle() == 500ms);
}
