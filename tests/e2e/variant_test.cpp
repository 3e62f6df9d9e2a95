// Variants of a response, and how many keys a rule may have.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace sidecache::tests;

namespace {

std::string key_of(http_response const& r) {
    auto const text = r["Cache-Status"];
    auto const at = text.find("key=\"");
    return at == std::string::npos
               ? std::string()
               : std::string(text.substr(at + 5, text.find('"', at + 5) - at - 5));
}

http_fields accepting(std::string const& codings) {
    return {{"Accept-Encoding", codings}};
}

/// Keys of entries in Redis that begin like that.
std::set<std::string> keys(stack& s, std::string const& prefix) {
    std::set<std::string> out;
    for (auto const& k : s.redis().command({"KEYS", prefix + "*"}).items) {
        out.insert(k.text);
    }
    return out;
}

}  // namespace

TEST_CASE("a response that varies has an entry a variant, on every replica, until a write") {
    stack s(patient());
    s.backend().gzip(true);
    auto const zipped = accepting("gzip");
    auto const plain = accepting("identity");
    REQUIRE(becomes_hit(s, 0, "/products/1", zipped));
    REQUIRE(becomes_hit(s, 0, "/products/1", plain));
    auto const fetched = s.backend().count("GET /products/{id}");

    auto const first = s[1].get("/products/1", zipped);
    auto const second = s[1].get("/products/1", plain);
    CHECK(is_hit(first));
    CHECK(first["Content-Encoding"] == "gzip");
    CHECK(key_of(first) == "product:1:details");
    CHECK(is_hit(second));
    CHECK_FALSE(second.field("Content-Encoding"));
    CHECK(key_of(second).starts_with("product:1:details|variant="));
    CHECK(json_of(second).at("id") == 1);
    CHECK(s.redis().exists(key_of(second)));
    // Another spelling of the same wish.
    CHECK(is_hit(s[1].get("/products/1", accepting("GZIP;q=1.0"))));
    CHECK(s.backend().count("GET /products/{id}") == fetched);

    REQUIRE(patch(s[0], 1).status == 200);
    CHECK_FALSE(is_hit(s[1].get("/products/1", plain)));
    CHECK_FALSE(is_hit(s[0].get("/products/1", zipped)));
    CHECK(version_of(s[0].get("/products/1", plain)) == version_of(s[1].get("/products/1", plain)));
}

TEST_CASE("an update removes the keys of every variant") {
    stack s(patient());
    s.backend().gzip(true);
    REQUIRE(becomes_hit(s, 0, "/products/1", accepting("gzip")));
    REQUIRE(becomes_hit(s, 0, "/products/1", accepting("identity")));
    REQUIRE(keys(s, "product:1:details").size() == 2);
    SUBCASE("by a write") {
        REQUIRE(patch(s[1], 1).status == 200);
    }
    SUBCASE("by hand") {
        REQUIRE(s[1].admin("POST", "/purge", {}, R"({"key": "product:1:details"})").status == 200);
    }
    CHECK(eventually([&] { return keys(s, "product:1:details").empty(); }));
}

TEST_CASE("made-up field values occupy eight keys") {
    auto o = patient();
    SUBCASE("of Redis") {}
    SUBCASE("of memory://") {
        o.store_url = "memory://";
        o.replicas = 1;
    }
    stack s(o);
    s.backend().gzip(true);
    std::set<std::string> seen;
    for (int i = 0; i < 60; ++i) {
        auto const r = s[0].get("/products/1", accepting("x-made-up-" + std::to_string(i)));
        REQUIRE(r.status == 200);
        seen.insert(key_of(r));
    }
    CHECK(seen.size() <= 8);
    CHECK(seen.size() > 2);
    if (o.store_url.empty()) {
        CHECK(keys(s, "product:1:details").size() <= 8);
    }
}

TEST_CASE("a rule stores as many keys as it may have, over all replicas, and serves the rest") {
    auto o = patient();
    o.rules = R"(
rules:
  - name: list
    match: GET /products
    vars: {search: query.search}
    key: products:{search}
    ttl: 10m
    partition: none
    max_keys: 5
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["products:*"]}
)";
    SUBCASE("in Redis") {}
    SUBCASE("in memory://") {
        o.store_url = "memory://";
        o.replicas = 1;
    }
    stack s(o);
    auto const ask = [&](int i) {
        return s[static_cast<std::size_t>(i) % s.size()].get(
            "/products?search=s" + std::to_string(i), org1);
    };
    for (int i = 0; i < 5; ++i) {
        REQUIRE(is_stored(ask(i)));
        REQUIRE(eventually([&] { return is_hit(ask(i)); }));
    }
    for (int i = 5; i < 20; ++i) {
        auto const r = ask(i);
        CHECK(r.status == 200);
        CHECK(says(r, "detail=max_keys"));
        CHECK_FALSE(is_stored(r));
    }
    for (int i = 0; i < 5; ++i) {
        CHECK(is_hit(ask(i)));
    }
    if (o.store_url.empty()) {
        CHECK(keys(s, "products:").size() == 5);
    }
    CHECK(s[0].metric("sidecache_not_stored_total", {"rule=\"list\"", "reason=\"max_keys\""}) > 0);

    // A purge takes them out, and others may come.
    REQUIRE(patch(s[0], 1).status == 200);
    CHECK(eventually([&] { return is_stored(ask(10)); }));
}
