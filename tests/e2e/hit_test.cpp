// What is served from Redis, under which key, for how long, and who may share it.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace sidecache::tests;

namespace {

long long ttl_of(stack& s, std::string const& key) {
    return s.redis().command({"TTL", key}).number();
}

bool about(long long seconds, long long expected) {
    return seconds <= expected && seconds >= expected - 30;
}

}  // namespace

TEST_CASE("a miss is fetched and stored, the next read is a hit on every replica") {
    stack s(patient());
    auto const first = s[0].get("/products/1");
    CHECK(first.status == 200);
    CHECK_FALSE(is_hit(first));
    CHECK(is_stored(first));
    CHECK(becomes_hit(s, 0, "/products/1"));

    auto const hit = s[1].get("/products/1");
    CHECK(is_hit(hit));
    CHECK(says(hit, "key=\"product:1:details\""));
    CHECK(hit.body == first.body);
    CHECK(hit["Content-Type"] == "application/json");
    CHECK(hit["ETag"] == first["ETag"]);
    CHECK(hit.field("Age"));
    CHECK(s.backend().count("GET /products/{id}") == 1);
}

TEST_CASE("every key of the products strategy, with its TTL, and after a PUT they are gone") {
    stack s(patient());
    struct row {
        std::string target, key;
        long long ttl;
    };
    row const strategy[] = {
        {"/products/1", "product:1:details", 600},
        {"/products/1/summary", "product:1", 600},
        {"/products?page=2&limit=3&search=lamp&order=-name",
         "products:org:1:page:2:limit:3:search:lamp:order:-name",
         300},
        {"/products", "products:org:1:page:1:limit:10:search::order:", 300},
        {"/organizations/1/products", "org:1:products", 900},
        {"/schemas/1/products", "schema:1:products", 1200},
    };
    for (auto const& r : strategy) {
        INFO(r.target);
        CHECK(s[0].get(r.target, org1).status == 200);
        CHECK(eventually([&] { return s.redis().exists(r.key); }));
        CHECK(about(ttl_of(s, r.key), r.ttl));
        CHECK(becomes_hit(s, 1, r.target, org1));
    }
    auto const put = s[1].request(
        "PUT", "/products/1", org1, R"({"name": "new", "schemaId": 1, "priceCents": 1})");
    CHECK(put.status == 200);
    for (auto const& r : strategy) {
        INFO(r.key);
        CHECK_FALSE(is_hit(s[0].get(r.target, org1)));
    }
}

TEST_CASE("an exact key is gone from Redis when the client has its answer") {
    stack s(patient());
    for (auto const* const target : {"/products/1", "/products/1/summary", "/schemas/1/products"}) {
        CHECK(becomes_hit(s, 0, target, org1));
    }
    CHECK(patch(s[1], 1).status == 200);
    for (auto const* const key : {"product:1:details", "product:1", "schema:1:products"}) {
        INFO(key);
        CHECK_FALSE(s.redis().exists(key));
    }
}

TEST_CASE("lists without an organization are for the backend alone") {
    stack s(patient());
    auto const r = s[0].get("/products");
    CHECK(r.status == 400);
    CHECK(says(r, "fwd=bypass"));
    CHECK(says(r, "missing_variable"));
}

TEST_CASE(
    "a query parameter that the key does not use makes a bypass, a known one in another order does "
    "not") {
    stack s(patient());
    CHECK(becomes_hit(s, 0, "/products?page=1&limit=5", org1));
    CHECK(is_hit(s[0].get("/products?limit=5&page=1", org1)));
    auto const other = s[0].get("/products?page=1&limit=5&fields=name", org1);
    CHECK(says(other, "fwd=bypass"));
    CHECK(says(other, "unlisted_query"));
    CHECK(s.backend().count_target("GET /products?page=1&limit=5&fields=name") == 1);
}

TEST_CASE("values are data: a key cannot be forged from a path") {
    stack s(patient());
    CHECK(becomes_hit(s, 0, "/products/1"));
    // Would render to product:1:details:details if ':' were syntax.
    auto const r = s[0].get("/products/1%3Adetails");
    CHECK(r.status == 404);
    CHECK_FALSE(is_hit(r));
    // '*' is the literal name of a product that does not exist; it purges nothing else.
    CHECK(s[0].request("DELETE", "/products/*", org1).status == 404);
    CHECK(s[0].request("DELETE", "/products/%2A", org1).status == 404);
    CHECK(is_hit(s[0].get("/products/1")));
}

TEST_CASE("a credential shares with nobody but itself") {
    auto options = patient();
    options.rules = open_rules();
    for (std::string const none = "    partition: none\n";
         options.rules.find(none) != std::string::npos;) {
        options.rules.erase(options.rules.find(none), none.size());
    }
    stack s(options);
    http_fields const ann{{"Authorization", "Bearer token-1-1"}};
    http_fields const bob{{"Authorization", "Bearer token-2-1"}};
    CHECK(becomes_hit(s, 0, "/products/1"));
    CHECK_FALSE(is_hit(s[0].get("/products/1", ann)));
    CHECK(becomes_hit(s, 1, "/products/1", ann));
    // The product is Ann's organization's: to Bob it does not exist, cached or not.
    for (int i = 0; i < 3; ++i) {
        CHECK(s[0].get("/products/1", bob).status == 404);
    }
    CHECK(s[0].get("/products/1", {{"Authorization", "Bearer wrong"}}).status == 401);

    // A change that anybody makes reaches every partition.
    CHECK(patch(s[1], 1).status == 200);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    CHECK(version_of(s[0].get("/products/1", ann)) == 2);
    auto const keys = s.redis().keys("product:1:details*");
    CHECK(eventually([&] { return s.redis().keys("product:1:details*").size() == 2; }));
    for (auto const& key : keys) {
        CHECK(key.find("token") == std::string::npos);
    }
}

TEST_CASE("errors, and what the backend wants kept private, are not stored") {
    stack s(patient());
    for (int i = 0; i < 3; ++i) {
        auto const r = s[0].get("/products/999");
        CHECK(r.status == 404);
        CHECK_FALSE(is_hit(r));
    }
    CHECK(s.backend().count_target("GET /products/999") == 3);
    s.backend().fault(R"({"then": "status", "status": 500, "times": 1})");
    CHECK(s[0].get("/products/2").status == 500);
    CHECK(s[0].get("/products/2").status == 200);
}

TEST_CASE("a response that was cut short is not stored, and not passed off as whole") {
    stack s(patient());
    s.backend().fault(
        R"({"path": "/products/1", "when": "after", "then": "truncate", "times": 1})");
    try {
        auto const r = s[0].get("/products/1");
        CHECK(r.status == 502);
    } catch (http_error const&) {
        CHECK_MESSAGE(true, "the connection broke off visibly");
    }
    auto const whole = s[0].get("/products/1");
    CHECK_FALSE(is_hit(whole));
    CHECK(version_of(whole) == 1);
}

TEST_CASE("HEAD is answered from a GET's entry and never makes one") {
    stack s(patient());
    auto const cold = s[0].request("HEAD", "/products/1");
    CHECK(cold.status == 200);
    CHECK(cold.body.empty());
    CHECK_FALSE(s.redis().exists("product:1:details"));
    CHECK(becomes_hit(s, 0, "/products/1"));
    auto const get = s[0].get("/products/1");
    auto const head = s[0].request("HEAD", "/products/1");
    CHECK(is_hit(head));
    CHECK(head.body.empty());
    CHECK(head["Content-Length"] == std::to_string(get.body.size()));
}

TEST_CASE("content codings: a client that takes none never gets one") {
    stack s(patient());
    s.backend().gzip(true);
    auto const packed = s[0].get("/products/1", {{"Accept-Encoding", "gzip"}});
    CHECK(packed["Content-Encoding"] == "gzip");
    for (std::size_t const i : {0U, 1U, 0U}) {
        auto const plain = s[i].get("/products/1");
        CHECK_FALSE(plain.field("Content-Encoding"));
        CHECK(version_of(plain) == 1);
    }
}

TEST_CASE("what is no rule's passes through, both ways, byte for byte") {
    stack s(patient());
    CHECK(s[0].get("/health").body == R"({"status":"ok"})");
    CHECK(s[0].get("/nothing/here?x=%20").status == 404);
    CHECK(s.backend().count_target("GET /nothing/here?x=%20") == 1);
    std::string const body =
        "{\"name\":  \"spaces \\u00e9 and order are kept\",\n \"schemaId\": 1}";
    CHECK(s[0].request("POST", "/products", org1, body).status == 201);
    CHECK(s.backend().requests().back().body == body);
}

TEST_CASE("memory:// needs no Redis and keeps the same promise") {
    auto o = patient();
    o.store_url = "memory://";
    o.replicas = 1;
    stack s(o);
    CHECK(becomes_hit(s, 0, "/products/1"));
    CHECK(becomes_hit(s, 0, "/products?limit=5", org1));
    CHECK(patch(s[0], 1).status == 200);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    CHECK_FALSE(is_hit(s[0].get("/products?limit=5", org1)));
    CHECK(becomes_hit(s, 0, "/products/1"));
}
