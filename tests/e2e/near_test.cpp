// Hits from the process's own memory: where they come from shows, and nothing else differs.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace sidecache::tests;

namespace {

stack_options in_one_process(std::string_view size = "64MiB") {
    auto o = patient();
    o.replicas = 1;
    o.store_url = "memory://";
    o.settings = "workers: 2\nnear_cache: {size: " + std::string(size) + "}\n";
    return o;
}

bool is_near(http_response const& r) {
    return is_hit(r) && says(r, "detail=near");
}

/// Until it is, in whichever worker takes the connection.
bool becomes_near(stack& s, std::string_view target, http_fields const& fields = {}) {
    return eventually([&] { return is_near(s[0].get(target, fields)); });
}

}  // namespace

TEST_CASE("a hit from memory says so, is counted, and has the same head and content") {
    stack s(in_one_process());
    auto const first = s[0].get("/products/1");
    REQUIRE(becomes_near(s, "/products/1"));
    auto const near = s[0].get("/products/1");
    CHECK(near.status == 200);
    CHECK(near.body == first.body);
    CHECK(near["Content-Type"] == first["Content-Type"]);
    CHECK(near["ETag"] == first["ETag"]);
    CHECK(near.field("Age"));
    CHECK(says(near, "key=\"product:1:details\""));
    CHECK(s.backend().count("GET /products/{id}") == 1);

    CHECK(s[0].metric("sidecache_hits_total", {"rule=\"product-details\"", "tier=\"near\""}) >= 1);
    CHECK(s[0].metric("sidecache_near_entries") >= 1);
    CHECK(s[0].metric("sidecache_near_bytes") > static_cast<double>(near.body.size()));
    CHECK(s[0].metric("sidecache_near_lease_valid") == 1);
}

TEST_CASE("near_cache.size 0 turns it off") {
    stack s(in_one_process("0"));
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    for (int i = 0; i < 10; ++i) {
        CHECK(says(s[0].get("/products/1"), "detail=store"));
    }
    CHECK(s[0].metric("sidecache_near_lease_valid") == 0);
    CHECK(s[0].metric("sidecache_near_entries") == 0);
}

TEST_CASE("after a write's answer no worker serves from memory what was before it") {
    stack s(in_one_process());
    std::int64_t version = 1;
    for (int round = 0; round < 30; ++round) {
        REQUIRE(becomes_near(s, "/products/1"));
        REQUIRE(becomes_near(s, "/products?limit=5", org1));
        REQUIRE(patch(s[0], 1).status == 200);
        ++version;
        for (int i = 0; i < 6; ++i) {  // connections of their own: both workers
            CHECK(version_of(s[0].get("/products/1")) == version);
        }
        CHECK_FALSE(is_near(s[0].get("/products?limit=5", org1)));
    }
}

TEST_CASE("a purge by hand empties memory, too") {
    stack s(in_one_process());
    REQUIRE(becomes_near(s, "/products/1"));
    auto const before = s.backend().count("GET /products/{id}");
    CHECK(s[0].admin("POST", "/purge", {}, R"({"pattern": "product:1*"})").status == 200);
    CHECK_FALSE(is_hit(s[0].get("/products/1")));
    CHECK(s.backend().count("GET /products/{id}") == before + 1);
}

TEST_CASE("readers in two workers beside a writer: no read is older than the last answered write") {
    stack s(in_one_process());
    std::atomic<std::int64_t> answered{1};
    std::atomic<bool> over{false};
    std::atomic<int> stale{0};
    std::atomic<int> near_hits{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i) {
        readers.emplace_back([&] {
            http_client client(s[0].port());
            while (!over) {
                auto const at_least = answered.load();
                auto const r = client.get("/products/1");
                stale += version_of(r) < at_least ? 1 : 0;
                near_hits += is_near(r) ? 1 : 0;
            }
        });
    }
    for (int i = 0; i < 100; ++i) {
        auto const r = patch(s[0], 1);
        REQUIRE(r.status == 200);
        answered = version_of(r);
    }
    over = true;
    for (auto& r : readers) {
        r.join();
    }
    CHECK(stale == 0);
    CHECK(near_hits > 0);
}
