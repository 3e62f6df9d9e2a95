// What a mutation asks of Redis before its client is answered: at most two round trips where
// nothing goes wrong (begin with its message, end), counted in batches, not in time.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace sidecache::tests;

namespace {

constexpr std::string_view product = R"(
rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m, partition: none}
)";
constexpr std::string_view and_list =
    R"(  - {name: list, match: "GET /schemas/{schemaId}/products", key: "schema:{schemaId}:products", ttl: 10m}
)";

/// One replica by those rules and this purge; nobody waits for leases any more.
stack with_purge(std::string const& purge, std::string_view more_rules = and_list) {
    auto o = patient();
    o.replicas = 1;
    o.settings = "workers: 1\nnear_cache: {lease: 2s}\n";
    o.rules = std::string(product).append(more_rules) + "purges:\n  - " + purge + "\n";
    return stack(o);
}

struct batches {
    double begin = 0;
    double end = 0;
    double other = 0;
};

batches counted(sidecache_process& p) {
    auto const of = [&](std::string_view command) {
        return p.metric("sidecache_store_commands_total",
                        {"command=\"" + std::string(command) + "\""});
    };
    return {of("begin"), of("end"), of("read") + of("publish")};
}

/// Of one mutation that is answered with 200.
batches of_patch(stack& s, std::int64_t id) {
    auto const before = counted(s[0]);
    REQUIRE(patch(s[0], id).status == 200);
    auto const after = counted(s[0]);
    return {after.begin - before.begin, after.end - before.end, after.other - before.other};
}

void settle(stack& s) {
    REQUIRE(eventually([&] {
        auto const state = json_of(s[0].admin("GET", "/stats")).at("replica");
        return state.at("near_lease_valid").as_bool() &&
               !state.at("mutations_wait_a_lease").as_bool();
    }));
}

void remember(stack& s) {
    REQUIRE(eventually([&] { return says(s[0].get("/products/1"), "detail=near"); }));
}

}  // namespace

TEST_CASE("a mutation whose request tells everything: two") {
    auto s = with_purge(
        R"({name: changed, on: "PATCH /products/{id}", patterns: ["product:{id}*"]})", {});
    settle(s);
    auto const seen = of_patch(s, 1);
    CHECK(seen.begin == 1);
    CHECK(seen.end == 1);
    CHECK(seen.other == 0);
}

TEST_CASE("one that asks an entry: two where this process holds it, three where only Redis does") {
    auto s = with_purge(R"({name: moved, on: "PATCH /products/{id}",
     vars: {old: entry.product.schemaId}, patterns: ["product:{id}*", "schema:{old}:products"]})");
    settle(s);
    batches seen;
    SUBCASE("in memory") {
        remember(s);
        seen = of_patch(s, 1);
        CHECK(seen.begin == 1);
    }
    SUBCASE("nowhere: what it would tell is marked as wide as need be") {
        seen = of_patch(s, 1);
        CHECK(seen.begin == 2);
    }
    // The last one takes the intent off when the client has been answered (mutate_test.cpp).
    CHECK(seen.end <= 2);
    CHECK(seen.other == 0);
}

TEST_CASE("one whose answer tells: two, with a message in either") {
    auto s = with_purge(R"({name: moved, on: "PATCH /products/{id}",
     vars: {new: response.schemaId}, patterns: ["product:{id}*", "schema:{new}:products"]})");
    settle(s);
    auto const seen = of_patch(s, 1);
    CHECK(seen.begin == 1);
    CHECK(seen.end <= 2);
    CHECK(seen.other == 0);
}

TEST_CASE("one that asks both: two") {
    auto s = with_purge(R"({name: moved, on: "PATCH /products/{id}",
     vars: {old: entry.product.schemaId, new: response.schemaId},
     patterns: ["product:{id}*", "schema:{old}:products", "schema:{new}:products"]})");
    settle(s);
    remember(s);
    auto const seen = of_patch(s, 1);
    CHECK(seen.begin == 1);
    CHECK(seen.end <= 2);
    CHECK(seen.other == 0);
}
