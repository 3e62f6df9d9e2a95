#include "rules/explain.hpp"

#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

using namespace sidecache::rules;
using namespace sidecache::rules::test;

using texts = std::vector<std::string>;

TEST_CASE("explain tells under which key a request is looked up, and who shares it") {
    auto const rules = compiled(products_strategy());
    a_request get("GET", "/products/42");
    auto const e = explain(*rules, get.view(), std::nullopt);
    CHECK(e.what == verdict::serve);
    CHECK(e.rule == "product-details");
    CHECK(e.key == "product:42:details");
    CHECK(e.full_key == e.key + at_shop);
    CHECK(e.lock_key == "product:42:lock");
    CHECK(e.tags == texts{"rule:product-details", "path:/products/42", "product:42*"});
    CHECK(e.sharing == "everybody (`partition: none`)");
    CHECK(e.ttl == std::chrono::minutes(10));
}

TEST_CASE("explain tells why a request is not looked up") {
    auto const rules = compiled(products_strategy());
    a_request get("GET", "/products/42?debug=1");
    auto const e = explain(*rules, get.view(), std::nullopt);
    CHECK(e.what == verdict::bypass);
    CHECK(e.rule == "product-details");
    CHECK(name(e.reason) == "unlisted_query");
    CHECK(e.key.empty());
}

TEST_CASE("explain tells what a mutation would reach") {
    auto const rules = compiled(products_strategy());
    a_request put("PUT", "/products/42", {{"X-Org-Id", "7"}});
    auto const e = explain(*rules, put.view(), std::nullopt);
    CHECK(e.what == verdict::mutate);
    CHECK(e.purges == texts{"product-updated"});
    CHECK(e.later ==
          texts{"schemaId: response.schemaId", "oldSchemaId: entry.product-details.schemaId"});
    REQUIRE(e.changed.size() == 4);
    CHECK(e.changed[0].tag == "org:7:products");
    CHECK(e.changed[0].exact_key == "org:7:products");
    CHECK(e.changed[0].rules == texts{"organization-products"});
    CHECK(e.changed[1].tag == "product:42*");
    CHECK(e.changed[1].rules == texts{"product-details", "product-summary"});
    CHECK(e.changed[2].tag == "products:org:7:*");
    CHECK(e.changed[2].rules == texts{"product-list"});
    CHECK(e.changed[3].tag == "rule:schema-products");
    CHECK(e.changed[3].rules == texts{"schema-products"});
    REQUIRE(e.marks.size() == 4);
    CHECK(e.marks[3].tag == "rule:schema-products");
    CHECK(e.marks[3].kind == mark_kind::intent);
}

TEST_CASE("explain names the path of a mutation that matches no purge") {
    auto const rules = compiled(products_strategy());
    a_request post("POST", "/products/42");
    auto const e = explain(*rules, post.view(), std::nullopt);
    CHECK(e.purges.empty());
    REQUIRE(e.changed.size() == 1);
    CHECK(e.changed[0].tag == "path:/products/42");
    CHECK(e.changed[0].rules == texts{"product-details"});
}
