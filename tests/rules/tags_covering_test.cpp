#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

using namespace sidecache::rules;
using namespace sidecache::rules::test;

using texts = std::vector<std::string>;

TEST_CASE("a pattern typed by hand is covered by the narrowest tags that entries carry") {
    auto const rules = compiled(products_strategy());
    struct row {
        std::string pattern;
        texts tags;
    };
    for (auto const& [pattern, tags] : std::vector<row>{
             {"product:42*", {"product:42*"}},
             {"product:42:details", {"product:42*"}},
             {"product:42", {"product:42*"}},
             {"product:1%3Adetails", {"product:1%3Adetails*"}},
             {"product:*", {"rule:product-details", "rule:product-summary"}},
             {"product:*:details", {"rule:product-details"}},
             {"products:org:7:*", {"products:org:7:*"}},
             {"products:org:7:page:1:*", {"products:org:7:*"}},
             {"products:org:*:page:1:*", {"rule:product-list"}},
             {"org:7:products", {"org:7:products"}},
             {"schema:*", {"rule:schema-products"}},
             {"product:42:details|credential=0123", {"product:42*"}},
             {"*",
              {"rule:organization-products",
               "rule:product-details",
               "rule:product-list",
               "rule:product-summary",
               "rule:schema-products"}},
         }) {
        CAPTURE(pattern);
        auto const found = rules->tags_covering(pattern);
        REQUIRE(std::holds_alternative<texts>(found));
        CHECK(std::get<texts>(found) == tags);
    }
}

TEST_CASE("a pattern that covers nothing says so") {
    auto const rules = compiled(products_strategy());
    for (std::string const pattern : {"produkt:42*",
                                      "product:42:lock",
                                      "product:4*2",
                                      "product:{id}*",
                                      "product:42:details:more",
                                      ""}) {
        CAPTURE(pattern);
        CHECK(std::holds_alternative<std::string>(rules->tags_covering(pattern)));
    }
}
