#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

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
