// Redis stopped, slow, restarted with an old snapshot, flushed, evicting, full: no error reaches a
// client, no stale read, hits resume (design.md section 7, protocol.md sections 1 and 5).
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

/// Short markers, a breaker that tries again soon.
stack_options lively(std::string_view more = "on_down_hold: 1s") {
    auto o = with_short_markers();
    o.store =
        "timeout: 100ms, retry: {attempts: 1, backoff: 5ms}, margin: 800ms, "
        "breaker: {failures: 3, open_for: 200ms}, " +
        std::string(more);
    o.store_relays = true;
    return o;
}

/// Every replica answers, with that version.
void everybody_reads(stack& s, std::int64_t version) {
    for (std::size_t i = 0; i < s.size(); ++i) {
        for (int n = 0; n < 3; ++n) {
            auto const r = s[i].get("/products/1");
            REQUIRE(r.status == 200);
            CHECK(version_of(r) == version);
        }
    }
}

void hits_resume(stack& s, std::int64_t version) {
    for (std::size_t i = 0; i < s.size(); ++i) {
        CHECK(becomes_hit(s, i, "/products/1"));
        CHECK(version_of(s[i].get("/products/1")) == version);
    }
}

}  // namespace

TEST_CASE("Redis hangs (SIGSTOP) and comes back") {
    stack s(lively());
    hits_resume(s, 1);
    s.redis().pause();
    everybody_reads(s, 1);
    CHECK(s[0].get("/products?limit=3", org1).status == 200);
    CHECK(eventually([&] { return s[0].metric("sidecache_store_up") == 0; }));
    CHECK(patch(s[0], 1).status == 200);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    s.redis().resume();
    CHECK(eventually([&] { return s[0].metric("sidecache_purges_pending") == 0; }));
    hits_resume(s, 2);
    CHECK(s[0].metric("sidecache_store_up") == 1);
}

TEST_CASE("Redis is slow, slower than store.timeout, and recovers") {
    stack s(lively());
    hits_resume(s, 1);
    for (std::size_t i = 0; i < 2; ++i) {
        s.store_relay(i).delay(150ms);
    }
    everybody_reads(s, 1);
    CHECK(patch(s[0], 1).status == 200);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        s.store_relay(i).delay(0ms);
    }
    CHECK(eventually([&] { return s[0].metric("sidecache_purges_pending") == 0; }));
    hits_resume(s, 2);
}

TEST_CASE("Redis is slow, but within store.timeout: hits go on") {
    stack s(lively());
    hits_resume(s, 1);
    for (std::size_t i = 0; i < 2; ++i) {
        s.store_relay(i).delay(10ms);
    }
    CHECK(is_hit(s[0].get("/products/1")));
    CHECK(patch(s[0], 1).status == 200);
    everybody_reads(s, 2);
    hits_resume(s, 2);
}

TEST_CASE("Redis restarts with an old snapshot: what it still holds is cold, never stale") {
    stack s(lively());
    hits_resume(s, 1);
    s.redis().snapshot();
    CHECK(patch(s[1], 1).status == 200);
    hits_resume(s, 2);
    s.redis().restart();
    CHECK(s.redis().exists("product:1:details"));  // version 1, as the snapshot has it
    everybody_reads(s, 2);
    hits_resume(s, 2);
}

TEST_CASE(
    "Redis restarts in mid-mutation: its markers are lost, and nothing is stored before they would "
    "be over") {
    stack s(lively());
    hits_resume(s, 1);
    s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
    http_client writer(s[0].port());
    writer.send("PATCH", "/products/1", org1, "{}");
    s.backend().wait_held(1);
    s.redis().restart();
    for (int i = 0; i < 20; ++i) {
        auto const r = s[1].get("/products/1");
        CHECK(r.status == 200);
        CHECK_FALSE(is_stored(r));
    }
    s.backend().release();
    CHECK(writer.receive().status == 200);
    everybody_reads(s, 2);
    hits_resume(s, 2);
}

TEST_CASE("Redis restarts empty; Redis is flushed") {
    stack s(lively());
    hits_resume(s, 1);
    SUBCASE("restart") {
        s.redis().restart();
    }
    SUBCASE("FLUSHALL") {
        s.redis().command({"FLUSHALL"});
    }
    SUBCASE("connections are cut") {
        s.store_relay(0).cut();
        s.store_relay(1).cut();
    }
    everybody_reads(s, 1);
    CHECK(patch(s[0], 1).status == 200);
    everybody_reads(s, 2);
    hits_resume(s, 2);
}

TEST_CASE("Redis evicts: no error, no stale read") {
    auto o = lively();
    o.products = 1500;
    SUBCASE("volatile-lru") {
        o.redis_arguments = {"--maxmemory", "3mb", "--maxmemory-policy", "volatile-lru"};
    }
    SUBCASE("noeviction: full, every write is refused") {
        o.redis_arguments = {"--maxmemory", "3mb", "--maxmemory-policy", "noeviction"};
    }
    stack s(o);
    hits_resume(s, 1);
    http_client reader(s[0].port());
    for (int id = 2; id <= 1500; ++id) {
        REQUIRE(reader.get("/products/" + std::to_string(id)).status == 200);
    }
    std::int64_t version = 1;
    for (int i = 0; i < 3; ++i) {
        CHECK(patch(s[static_cast<std::size_t>(i % 2)], 1).status == 200);
        ++version;
        CHECK(version_of(s[static_cast<std::size_t>(i % 2)].get("/products/1")) == version);
    }
    s.redis().command({"CONFIG", "SET", "maxmemory", "0"});
    CHECK(eventually([&] {
        return s[0].metric("sidecache_purges_pending") + s[1].metric("sidecache_purges_pending") ==
               0;
    }));
    everybody_reads(s, version);
    hits_resume(s, version);
}

TEST_CASE("a policy that may evict tags is warned of at the start") {
    auto o = patient();
    o.replicas = 1;
    o.redis_arguments = {"--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"};
    stack s(o);
    CHECK(becomes_hit(s, 0, "/products/1"));
    CHECK(eventually(
        [&] { return s[0].server().output().find("allkeys-lru") != std::string::npos; }));
}

TEST_CASE("on_down: refuse. A change that could not be made known is not made") {
    stack s(lively("on_down: refuse"));
    hits_resume(s, 1);
    s.redis().pause();
    auto const r = patch(s[0], 1);
    CHECK(r.status == 503);
    CHECK(r.field("Retry-After"));
    CHECK(s.backend().count("PATCH /products/{id}") == 0);
    everybody_reads(s, 1);
    s.redis().resume();
    CHECK(eventually([&] { return patch(s[0], 1).status == 200; }));
    everybody_reads(s, 2);
    hits_resume(s, 2);
}

TEST_CASE(
    "on_down: forward. The answer waits until the change is known, when the store is back by "
    "then") {
    stack s(lively("on_down: forward, on_down_hold: 20s"));
    hits_resume(s, 1);
    s.store_relay(0).refuse(true);  // replica 1 still reaches Redis
    http_client writer(s[0].port());
    writer.send("PATCH", "/products/1", org1, "{}");
    CHECK(eventually([&] { return s.backend().count("PATCH /products/{id}") == 1; }));
    CHECK_FALSE(writer.readable(50ms));
    s.store_relay(0).refuse(false);
    CHECK(writer.receive().status == 200);
    everybody_reads(s, 2);
    hits_resume(s, 2);
}

TEST_CASE(
    "on_down: forward. Answered before the store is back: kept, replayed, and not served from here "
    "before") {
    stack s(lively("on_down: forward, on_down_hold: 100ms"));
    hits_resume(s, 1);
    REQUIRE(becomes_hit(s, 0, "/products/2"));
    s.store_relay(0).refuse(true);
    CHECK(patch(s[0], 1).status == 200);
    CHECK(s[0].metric("sidecache_purges_pending") >= 1);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    s.store_relay(0).refuse(false);
    // From the first read on that reaches Redis again, nothing from before the change.
    CHECK(eventually([&] {
        CHECK(version_of(s[0].get("/products/1")) == 2);
        return s[0].metric("sidecache_purges_pending") == 0;
    }));
    // The status page shows the write as pending, and then its replay.
    auto const seen = s[0].admin("GET", "/stats/mutations").body;
    CHECK(seen.find(R"("outcome":"pending")") != std::string::npos);
    CHECK(seen.find(R"("purge":"replayed","outcome":"changed")") != std::string::npos);
    everybody_reads(s, 2);
    hits_resume(s, 2);
}

TEST_CASE("the store is lost between begin and end: the marker stands for what could not be said") {
    stack s(lively("on_down: forward, on_down_hold: 100ms"));
    hits_resume(s, 1);
    s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
    http_client writer(s[0].port());
    writer.send("PATCH", "/products/1", org1, "{}");
    s.backend().wait_held(1);
    s.store_relay(0).refuse(true);
    s.backend().release();
    CHECK(writer.receive().status == 200);
    everybody_reads(s, 2);
    s.store_relay(0).refuse(false);
    CHECK(eventually([&] { return s[0].metric("sidecache_purges_pending") == 0; }));
    everybody_reads(s, 2);
    hits_resume(s, 2);
}

TEST_CASE("no Redis at the start: it serves, and hits begin when it comes") {
    auto o = lively();
    o.replicas = 1;
    stack s(o);
    s.redis().kill();
    auto const late = s.add_replica();
    CHECK(s[late].get("/products/1").status == 200);
    CHECK(patch(s[late], 1).status == 200);
    s.redis().start();
    hits_resume(s, 2);
}
