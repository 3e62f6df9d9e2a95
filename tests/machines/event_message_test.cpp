// What a message of the stream of events invalidates.
#include "proxy/cache/event_message.hpp"

#include "config/load.hpp"
#include "rules/rule_set.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace sidecache;

namespace {

using fields = std::vector<std::pair<std::string, std::string>>;
using tags = std::vector<std::string>;

rules::rule_set const& rules_of_products() {
    static auto const loaded =
        config::load_text(R"(
store: {url: "memory://"}
identity:
  probe: {path: /me}
  vars: {orgId: response.org}
rules:
  - name: details
    match: GET /products/{id}
    key: product:{id}:details
    ttl: 10m
  - name: list
    match: GET /products
    vars: {orgId: identity.orgId}
    key: products:org:{orgId}
    ttl: 10m
    partition: [orgId]
purges:
  - name: changed
    on: PATCH /products/{id}
    vars: {orgId: identity.orgId}
    patterns: ["product:{id}*", "products:org:{orgId}"]
  - name: bulk
    on: POST /products/bulk-delete
    vars: {id: "body.ids[*]"}
    patterns: ["product:{id}*"]
  - name: created
    on: POST /products
    vars: {orgId: response.org}
    patterns: ["products:org:{orgId}"]
)",
                          "test.yaml",
                          [](std::string_view) { return std::optional<std::string>(); });
    REQUIRE(loaded.config);
    return *loaded.config->rules;
}

std::variant<cache::event_scope, std::string> read(fields const& f, std::size_t most = 1'000) {
    return cache::read_event(rules_of_products(), {"1-1", f, false}, most);
}

tags tags_of(fields const& f) {
    auto got = read(f);
    auto* const scope = std::get_if<cache::event_scope>(&got);
    if (scope == nullptr) {
        FAIL(std::get<std::string>(got));
    }
    return scope->tags;
}

bool holds(tags const& all, std::string_view tag) {
    return std::find(all.begin(), all.end(), tag) != all.end();
}

}  // namespace

TEST_CASE("names: a pattern, a key, a rule, and all that one message names") {
    CHECK(tags_of({{"pattern", "product:42*"}}) == tags{"product:42*"});
    CHECK(tags_of({{"group", "a b"}}) == tags{"cache-group:*", "cache-group:a%20b"});
    CHECK(tags_of({{"key", "product:42:details|orgId=7"}}) ==
          tags_of({{"key", "product:42:details"}}));
    CHECK(tags_of({{"rule", "details"}}) == tags{"rule:details"});
    CHECK(tags_of({{"pattern", "product:42*"}, {"rule", "list"}, {"trace", "x"}}) ==
          tags{"product:42*", "rule:list"});
}

TEST_CASE("a write as it was made elsewhere goes by the purges that match it") {
    auto const known =
        tags_of({{"method", "PATCH"}, {"uri", "/products/42"}, {"identity.orgId", "7"}});
    CHECK(holds(known, "product:42*"));
    CHECK(holds(known, "products:org:7"));

    // What the message does not tell widens.
    auto const unknown = tags_of({{"method", "PATCH"}, {"uri", "/products/42"}});
    CHECK(holds(unknown, "product:42*"));
    CHECK(holds(unknown, "rule:list"));

    auto const bulk = tags_of({{"method", "POST"},
                               {"uri", "https://shop.example.com/products/bulk-delete"},
                               {"body", R"({"ids": [1, 2]})"}});
    CHECK(holds(bulk, "product:1*"));
    CHECK(holds(bulk, "product:2*"));

    CHECK(holds(tags_of({{"method", "POST"}, {"uri", "/products"}, {"response", R"({"org": 9})"}}),
                "products:org:9"));
    CHECK(holds(tags_of({{"method", "POST"}, {"uri", "/products"}}), "rule:list"));
}

TEST_CASE("a write that no purge matches invalidates its path, and says so") {
    auto const got = read({{"method", "DELETE"}, {"uri", "/Products/42/"}});
    auto const* const scope = std::get_if<cache::event_scope>(&got);
    REQUIRE(scope != nullptr);
    CHECK(scope->is_unmatched);
    CHECK(scope->tags == tags{rules::rule_set::path_tag("/products/42")});
}

TEST_CASE("values are data: what they hold names nothing else") {
    CHECK(holds(tags_of({{"method", "PATCH"}, {"uri", "/products/*"}}), "product:%2A*"));
}

TEST_CASE("what cannot be understood says why, and none of its values") {
    std::string const secret = "s3cr3t";
    for (auto const& wrong : std::vector<fields>{
             {},
             {{"id", secret}},
             {{"pattern", secret}},
             {{"pattern", ""}},
             {{"group", ""}},
             {{"key", "product:" + secret + "*"}},
             {{"rule", secret}},
             {{"method", "PATCH"}},
             {{"uri", "/products/" + secret}},
             {{"method", "GET"}, {"uri", "/products/" + secret}},
             {{"method", ""}, {"uri", "/products/1"}},
             {{"method", "PATCH"}, {"uri", secret}},
             {{"method", "PATCH"}, {"uri", "/a\r\n" + secret}},
             {{"rule", "details"}, {"pattern", secret}},
             {{"pattern", std::string(2'000, 'x')}},
         }) {
        auto const got = read(wrong);
        auto const* const why = std::get_if<std::string>(&got);
        REQUIRE(why != nullptr);
        CHECK_FALSE(why->empty());
        CHECK(why->find(secret) == std::string::npos);
    }
}

TEST_CASE("bytes of any kind are read without harm") {
    std::uint64_t state = 7;
    for (int i = 0; i < 2'000; ++i) {
        fields f;
        for (auto const* name : {"pattern", "key", "rule", "method", "uri", "body"}) {
            std::string value;
            for (int n = 0; n < 12; ++n) {
                state = state * 6364136223846793005U + 1442695040888963407U;
                value.push_back(static_cast<char>(state >> 56U));
            }
            if ((state & 1U) != 0) {
                f.emplace_back(name, value);
            }
        }
        auto const got = read(f);
        CHECK(got.index() < 2);
    }
}
