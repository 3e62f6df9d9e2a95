// The stories in italics of protocol.md sections 1 to 3, as far as they can be told from outside:
// each is the hole that a rule of the protocol closes.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <deque>

using namespace sidecache::tests;

namespace {

std::vector<std::string> tags_in(redis_server& redis) {
    return redis.keys("sidecache:tag:*");
}

void evict_tags(redis_server& redis) {
    for (auto const& tag : tags_in(redis)) {
        redis.command({"DEL", tag});
    }
}

}  // namespace

TEST_CASE("section 1: an evicted tag made anew does not come back to an old value") {
    stack s(patient());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    auto const old_entry = s.redis().command({"GET", "product:1:details"}).text;
    REQUIRE(patch(s[1], 1).status == 200);
    evict_tags(s.redis());
    REQUIRE(version_of(s[0].get("/products/1")) == 2);  // makes the tags anew
    REQUIRE_FALSE(tags_in(s.redis()).empty());
    s.redis().command({"SET", "product:1:details", old_entry, "EX", "600"});
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(version_of(s[i].get("/products/1")) == 2);
    }
}

TEST_CASE("section 1: an entry whose tag is missing is no hit in the store") {
    auto o = patient();
    o.settings = "near_cache: {size: 0}\n";
    stack s(o);
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    auto const tags = tags_in(s.redis());
    CHECK(tags.size() >= 3);
    for (auto const& tag : tags) {
        INFO(tag);
        s.redis().command({"DEL", tag});
        CHECK_FALSE(is_hit(s[1].get("/products/1")));
        REQUIRE(becomes_hit(s, 1, "/products/1"));
    }
}

TEST_CASE(
    "section 3.5: a marker evicted in mid-mutation, a fill of old data: gone before the answer") {
    stack s(patient());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
    http_client writer(s[0].port());
    writer.send("PATCH", "/products/1", org1, "{}");
    s.backend().wait_held(1);
    evict_tags(s.redis());
    REQUIRE(becomes_hit(s, 1, "/products/1"));  // nothing stops it from storing version 1 now
    s.backend().release();
    CHECK(writer.receive().status == 200);
    CHECK(version_of(s[1].get("/products/1")) == 2);
    CHECK(version_of(s[0].get("/products/1")) == 2);
}

TEST_CASE("section 2: where a marker stands, a read is served, and not stored") {
    stack s(patient());
    s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
    http_client writer(s[0].port());
    writer.send("PATCH", "/products/1", org1, "{}");
    s.backend().wait_held(1);
    for (std::size_t i = 0; i < 2; ++i) {
        auto const r = s[i].get("/products/1");
        CHECK(version_of(r) == 1);
        CHECK_FALSE(is_hit(r));
        CHECK_FALSE(is_stored(r));
    }
    CHECK_FALSE(s.redis().exists("product:1:details"));
    CHECK(becomes_hit(s, 0, "/products/2"));  // nobody else's business
    s.backend().release();
    CHECK(writer.receive().status == 200);
    CHECK(becomes_hit(s, 1, "/products/1"));
    CHECK(version_of(s[1].get("/products/1")) == 2);
}

TEST_CASE("section 2: nobody joins a fetch that saw a marker and has been sent") {
    // The fill that saw a marker may hold what was before a commit whose 504 has been answered.
    stack s(with_short_markers());
    s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
    s.backend().fault(R"({"method": "PATCH", "when": "after", "then": "hang"})");
    s.backend().fault(R"({"method": "GET", "when": "after", "hold": true, "times": 1})");
    http_client writer(s[0].port()), early(s[0].port()), late(s[0].port());
    writer.send("PATCH", "/products/1", org1, "{}");
    s.backend().wait_held(1);
    early.send("GET",
               "/products/1");  // under the marker; it has read version 1, and is slow to say so
    s.backend().wait_held(2);
    s.backend().release("PATCH");  // commits version 2, and never answers
    CHECK(writer.receive().status == 504);
    late.send("GET", "/products/1");
    s.backend().release("GET");
    CHECK(version_of(late.receive()) == 2);
    early.receive();
}

TEST_CASE("section 2: a hot key under a marker is no herd") {
    stack s(patient());
    s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
    http_client writer(s[0].port());
    writer.send("PATCH", "/products/1", org1, "{}");
    s.backend().wait_held(1);
    s.backend().fault(R"({"method": "GET", "when": "before", "hold": true})");
    std::deque<http_client> readers;
    for (int i = 0; i < 50; ++i) {
        readers.emplace_back(s[0].port());
        readers.back().send("GET", "/products/1");
    }
    s.backend().wait_held(2);
    s.backend().release("GET");
    s.backend().heal();
    for (auto& r : readers) {
        CHECK(r.receive().status == 200);
    }
    CHECK(writer.receive().status == 200);
    // At most one fetch under way and one waiting at a time: 50 readers are a handful of fetches.
    CHECK(s.backend().count("GET /products/{id}") <= 6);
}

TEST_CASE("section 3.1: a slow sender does not hold markers") {
    stack s(patient());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    http_client slow(s[0].port());
    slow.send_raw(
        "PATCH /products/1 HTTP/1.1\r\nHost: x\r\nX-Org-Id: 1\r\nContent-Length: 17\r\n\r\n"
        "{\"priceCen");
    // Its body is not whole: nothing has begun, in any replica's eyes.
    for (int i = 0; i < 20; ++i) {
        CHECK(is_hit(s[static_cast<std::size_t>(i % 2)].get("/products/1")));
    }
    slow.send_raw("ts\": 9}");
    CHECK(slow.receive().status == 200);
    CHECK(version_of(s[1].get("/products/1")) == 2);
}

TEST_CASE("section 3.5: it moved twice") {
    // What was cached said schema 1. While the first move is under way, a second one to schema 3
    // ends; so the first leaves schema 3, of which its look-up knew nothing.
    stack s(patient());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true, "times": 1})");
    http_client first(s[0].port());
    first.send("PATCH", "/products/1", org1, R"({"schemaId": 2})");
    s.backend().wait_held(1);
    CHECK(patch(s[1], 1, R"({"schemaId": 3})").status == 200);
    CHECK(lists(s[1].get("/schemas/3/products"), 1));
    s[1].get("/schemas/3/products");
    s.backend().release();
    CHECK(first.receive().status == 200);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK_FALSE(lists(s[i].get("/schemas/3/products"), 1));
        CHECK_FALSE(lists(s[i].get("/schemas/1/products"), 1));
        CHECK(lists(s[i].get("/schemas/2/products"), 1));
    }
}

TEST_CASE("section 3.6: a refusal behind a fan-out may come after a part was done") {
    stack s(patient());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s.backend().fault(
        R"({"method": "POST", "when": "after", "then": "status", "status": 404, "times": 1})");
    CHECK(s[0].request("POST", "/products/bulk-delete", org1, R"({"ids": [1]})").status == 404);
    CHECK(s[1].get("/products/1").status == 404);
}

TEST_CASE("section 3.7: settle keeps the markers after the answer") {
    auto o = patient();
    o.rules = R"(
rules:
  - {name: details, match: "GET /products/{id}", key: "product:{id}:details", ttl: 10m}
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["product:{id}*"], settle: 400ms}
)";
    stack s(o);
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    CHECK(patch(s[0], 1).status == 200);
    CHECK_FALSE(is_stored(s[1].get("/products/1")));
    CHECK(becomes_hit(s, 1, "/products/1"));
}

TEST_CASE(
    "section 3.8: while replicas run different rules, a change reaches what only the others know") {
    auto o = patient();
    o.store += ", quarantine: 0s";  // what is waited for else: rules_change_test.cpp
    stack s(o);
    std::string const old_rules = R"(
rules:
  - {name: details, match: "GET /products/{id}", key: "product:{id}:details", ttl: 10m}
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["product:{id}*"]}
)";
    // Replica 0 has never heard of the list rule that replica 1 fills.
    s[0].rewrite(s.yaml(0, old_rules));
    s[0].server().signal(SIGHUP);
    REQUIRE(eventually(
        [&] { return s[0].metric("sidecache_config_reloads_total", {"outcome=\"ok\""}) >= 1; }));
    REQUIRE(becomes_hit(s, 1, "/schemas/1/products"));
    REQUIRE(becomes_hit(s, 1, "/products/1"));
    CHECK(patch(s[0], 1, R"({"schemaId": 2})").status == 200);
    CHECK_FALSE(lists(s[1].get("/schemas/1/products"), 1));
    CHECK(version_of(s[1].get("/products/1")) == 2);
}
