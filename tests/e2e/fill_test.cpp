// Who fetches what is missing, and who waits (design.md section 6, protocol.md section 2).
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace sidecache::tests;

namespace {

/// Sends `target` over `count` connections to each replica in turn; none is answered yet.
std::deque<http_client> crowd(stack& s, int count, std::string_view target) {
    std::deque<http_client> clients;
    for (int i = 0; i < count; ++i) {
        clients.emplace_back(s[static_cast<std::size_t>(i) % s.size()].port());
        clients.back().send("GET", target);
    }
    return clients;
}

}  // namespace

TEST_CASE("200 concurrent GETs of a cold key through 2 replicas: exactly 1 backend request") {
    stack s(patient());
    s.backend().fault(R"({"path": "/products/1", "hold": true})");
    auto clients = crowd(s, 200, "/products/1");
    s.backend().wait_held(1);
    s.backend().heal();
    std::string body;
    for (auto& c : clients) {
        auto const r = c.receive();
        CHECK(r.status == 200);
        body = body.empty() ? r.body : body;
        CHECK(r.body == body);
    }
    CHECK(s.backend().count("GET /products/{id}") == 1);
}

TEST_CASE("a list without a lock is fetched once a replica") {
    stack s(patient());
    s.backend().fault(R"({"path": "/schemas/1/products", "hold": true})");
    auto clients = crowd(s, 60, "/schemas/1/products");
    s.backend().wait_held(2);
    s.backend().heal();
    for (auto& c : clients) {
        CHECK(c.receive().status == 200);
    }
    CHECK(s.backend().count("GET /schemas/{schemaId}/products") == 2);
}

TEST_CASE("a fetch that fails wakes everybody at once, and they are served") {
    stack s(patient());
    s.backend().fault(R"({"path": "/products/1", "hold": true, "then": "reset", "times": 1})");
    auto clients = crowd(s, 40, "/products/1");
    s.backend().wait_held(1);
    auto const start = std::chrono::steady_clock::now();
    s.backend().release();
    int good = 0;
    for (auto& c : clients) {
        auto const r = c.receive();
        CHECK((r.status == 200 || r.status == 502));
        good += r.status == 200 ? 1 : 0;
    }
    // Only who had started the broken fetch may hear of it; and nobody waits the lock's `wait` out.
    CHECK(good >= 38);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("the holder of the lock dies: the others do not wait for its lock to expire") {
    auto o = patient();
    o.rules = R"(
rules:
  - name: details
    match: GET /products/{id}
    key: product:{id}:details
    ttl: 10m
    lock: {key: "product:{id}:lock", ttl: 2s, wait: 1500ms}
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["product:{id}*"]}
)";
    stack s(o);
    s.backend().fault(R"({"path": "/products/1", "hold": true, "times": 1})");
    http_client doomed(s[0].port());
    doomed.send("GET", "/products/1");
    s.backend().wait_held(1);
    CHECK(s.redis().exists("product:1:lock"));
    http_client waiting(s[1].port());
    waiting.send("GET", "/products/1");
    s[0].kill();
    CHECK(waiting.receive().status == 200);
    s.backend().heal();
    CHECK(becomes_hit(s, 1, "/products/1"));
}

TEST_CASE("the lock is let go with the fill, and its TTL is the rule's") {
    stack s(patient());
    s.backend().fault(R"({"path": "/products/1", "hold": true})");
    http_client c(s[0].port());
    c.send("GET", "/products/1");
    s.backend().wait_held(1);
    auto const ttl = s.redis().command({"PTTL", "product:1:lock"}).number();
    CHECK(ttl > 0);
    CHECK(ttl <= 30'000);
    s.backend().heal();
    CHECK(c.receive().status == 200);
    CHECK(eventually([&] { return !s.redis().exists("product:1:lock"); }));
}

TEST_CASE("fetches beyond a rule's max_upstream queue, and the backend is not flooded") {
    auto o = patient();
    o.replicas = 1;
    o.rules = R"(
rules:
  - name: details
    match: GET /products/{id}
    key: product:{id}:details
    ttl: 10m
    max_upstream: 4
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["product:{id}*"]}
)";
    stack s(o);
    s.backend().fault(R"({"path": "/products/*", "delayMs": 5})");
    std::deque<http_client> clients;
    for (int id = 1; id <= 60; ++id) {
        clients.emplace_back(s[0].port());
        clients.back().send("GET", "/products/" + std::to_string(id));
    }
    for (auto& c : clients) {
        CHECK(c.receive().status == 200);
    }
    CHECK(s.backend().max_in_flight() <= 4);
}

TEST_CASE("a fill that began before a purge is not a hit after it") {
    // protocol.md section 2: a slow fill's store is harmless, its generations are dead.
    stack s(patient());
    s.backend().fault(R"({"method": "GET", "when": "after", "hold": true, "times": 1})");
    http_client slow(s[0].port());
    slow.send("GET", "/products/1");
    s.backend().wait_held(1);  // has read version 1, and is slow to say so
    CHECK(patch(s[1], 1).status == 200);
    http_client between(s[0].port());
    between.send("GET", "/products/1");
    s.backend().release();
    CHECK(version_of(slow.receive()) == 1);     // it asked before the change
    CHECK(version_of(between.receive()) == 2);  // does not join the old fill
    for (int i = 0; i < 4; ++i) {
        CHECK(version_of(s[static_cast<std::size_t>(i % 2)].get("/products/1")) == 2);
    }
    CHECK(becomes_hit(s, 0, "/products/1"));
    CHECK(version_of(s[0].get("/products/1")) == 2);
}

TEST_CASE("a body over max_object streams through and is not stored") {
    auto o = patient();
    o.rules = R"(
rules:
  - name: details
    match: GET /products/{id}
    key: product:{id}:details
    ttl: 10m
    max_object: 512B
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["product:{id}*"]}
)";
    stack s(o);
    for (int i = 0; i < 2; ++i) {
        auto const r = s[0].get("/products/1");
        CHECK(r.body.size() > 512);
        CHECK(version_of(r) == 1);
        CHECK_FALSE(is_hit(r));
    }
    CHECK_FALSE(s.redis().exists("product:1:details"));
}
