// Several replicas that serve from their own memory (protocol.md sections 3.3 and 4): who has his
// answer to a write has told every near cache, or has waited until it may serve no more.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <string>
#include <vector>

using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

using steady = std::chrono::steady_clock;

/// Long leases: a busy machine does not lose one by itself.
stack_options with_lease(std::string const& lease, bool store_relays = false) {
    auto o = patient();
    o.settings = "workers: 1\nnear_cache: {lease: " + lease + "}\n";
    o.store_relays = store_relays;
    return o;
}

bool is_near_hit(http_response const& r) {
    return is_hit(r) && says(r, "detail=near");
}
bool becomes_near_hit(stack& s, std::size_t i, std::string_view target) {
    return eventually([&] { return is_near_hit(s[i].get(target)); });
}
/// Nobody has just started any more: mutations wait for those who are listed, and only for them.
void settle(stack& s) {
    for (std::size_t i = 0; i < s.size(); ++i) {
        REQUIRE(eventually([&] {
            auto const state = json_of(s[i].admin("GET", "/stats")).at("replica");
            return state.at("near_lease_valid").as_bool() &&
                   !state.at("mutations_wait_a_lease").as_bool();
        }));
    }
}
steady::duration time_of_patch(sidecache_process& p, std::int64_t id) {
    auto const began = steady::now();
    REQUIRE(patch(p, id).status == 200);
    return steady::now() - began;
}

}  // namespace

TEST_CASE("a near hit on one replica, a write through the other: never stale afterwards") {
    stack s(with_lease("2s"));
    settle(s);
    for (std::int64_t version = 2; version < 12; ++version) {
        REQUIRE(becomes_near_hit(s, 0, "/products/1"));
        REQUIRE(becomes_near_hit(s, 1, "/products/1"));
        REQUIRE(patch(s[1], 1).status == 200);
        for (std::size_t i = 0; i < 2; ++i) {
            CHECK(version_of(s[i].get("/products/1")) == version);
        }
    }
    CHECK(s[0].metric("sidecache_hits_total", {"tier=\"near\""}) >= 10);
    CHECK(s[1].metric("sidecache_members") == 2);
}

TEST_CASE("a near hit needs no store: it goes on while Redis stands still, for a lease at most") {
    stack s(with_lease("2s"));
    settle(s);
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    s.redis().pause();
    CHECK(is_near_hit(s[0].get("/products/1")));
    CHECK(eventually([&] { return !is_hit(s[0].get("/products/1")); }));
    CHECK(s[0].metric("sidecache_near_lease_valid") == 0);
    s.redis().resume();
    CHECK(becomes_near_hit(s, 0, "/products/1"));
}

TEST_CASE(
    "a write waits for a stopped replica's lease, once, and that replica serves nothing old") {
    stack s(with_lease("2s"));
    settle(s);
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    s[0].server().pause();
    auto const took = time_of_patch(s[1], 1);
    CHECK(took >= 2s);
    CHECK(took < 6s);
    // Nobody waits for it again.
    REQUIRE(eventually([&] { return time_of_patch(s[1], 1) < 1s; }));
    s[0].server().resume();
    auto const present = version_of(s[1].get("/products/1"));
    CHECK(present >= 3);
    CHECK(version_of(s[0].get("/products/1")) == present);
    CHECK(becomes_near_hit(s, 0, "/products/1"));
    CHECK(version_of(s[0].get("/products/1")) == present);
}

TEST_CASE("a replica that was killed is waited for once") {
    stack s(with_lease("2s"));
    settle(s);
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    s[0].kill();
    CHECK(time_of_patch(s[1], 1) < 6s);
    REQUIRE(eventually([&] { return time_of_patch(s[1], 1) < 1s; }));
    CHECK(version_of(s[1].get("/products/1")) >= 3);
}

TEST_CASE("a replica that has left cleanly is not waited for at all") {
    stack s(with_lease("3s"));
    settle(s);
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    s[0].server().terminate();
    REQUIRE(eventually([&] { return !s[0].server().running(); }));
    CHECK(time_of_patch(s[1], 1) < 3s);
    CHECK(version_of(s[1].get("/products/1")) == 2);
}

TEST_CASE("while it drains, a replica answers and is not waited for") {
    stack s(with_lease("3s"));
    settle(s);
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    s.backend().fault(R"({"method": "GET", "when": "before", "hold": true})");
    http_client reader(s[0].port());
    reader.send("GET", "/products/9", org1);
    s.backend().wait_held(1);
    s[0].server().terminate();
    REQUIRE(eventually([&] { return s[0].admin("GET", "/readyz").status == 503; }));
    CHECK(eventually([&] { return time_of_patch(s[1], 1) < 3s; }));
    s.backend().release();
    CHECK(reader.receive().status == 200);
}

TEST_CASE("a link that is cut one way: the write waits a lease, then nothing old is served") {
    stack s(with_lease("1s", true));
    settle(s);
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    SUBCASE("messages do not come in") {
        s.store_relay(0).hold_replies(true);
    }
    SUBCASE("acknowledgements do not go out") {
        s.store_relay(0).hold_requests(true);
    }
    SUBCASE("both, by reset") {
        s.store_relay(0).refuse(true);
    }
    REQUIRE(patch(s[1], 1).status == 200);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    s.store_relay(0).hold_replies(false);
    s.store_relay(0).hold_requests(false);
    s.store_relay(0).refuse(false);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    CHECK(becomes_near_hit(s, 0, "/products/1"));
    CHECK(version_of(s[0].get("/products/1")) == 2);
}

TEST_CASE("what the store has lost is never served old: members, subscriptions, everything") {
    stack s(with_lease("1s"));
    settle(s);
    std::int64_t version = 1;
    for (auto const& loss : std::vector<std::vector<std::string>>{
             {"DEL", "sidecache:members"}, {"CLIENT", "KILL", "TYPE", "pubsub"}, {"FLUSHALL"}}) {
        CAPTURE(loss[0]);
        REQUIRE(becomes_near_hit(s, 0, "/products/1"));
        s.redis().command(loss);
        REQUIRE(patch(s[1], 1).status == 200);
        ++version;
        CHECK(version_of(s[0].get("/products/1")) == version);
        CHECK(version_of(s[1].get("/products/1")) == version);
    }
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    s.redis().restart();
    REQUIRE(eventually([&] { return patch(s[1], 1).status == 200; }));
    CHECK(version_of(s[0].get("/products/1")) > version);
}

TEST_CASE("POST /purge reaches every near cache before it is answered") {
    stack s(with_lease("2s"));
    settle(s);
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    CHECK(s[1].admin("POST", "/purge", {}, R"({"pattern": "product:1*"})").status == 200);
    CHECK_FALSE(is_hit(s[0].get("/products/1")));
}

TEST_CASE("near_cache.size: 0 holds nothing near, is not waited for, and waits for others") {
    auto o = with_lease("2s");
    o.replicas = 1;
    stack s(o);
    auto text = s.yaml(0);
    text.replace(
        text.find("near_cache: {"), std::string("near_cache: {").size(), "near_cache: {size: 0, ");
    sidecache_process plain(text);
    settle(s);
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    CHECK(eventually([&] { return is_hit(plain.get("/products/1")); }));
    REQUIRE(patch(plain, 1).status == 200);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    CHECK(says(plain.get("/products/1"), "detail=near") == false);
    REQUIRE(becomes_near_hit(s, 0, "/products/1"));
    plain.server().pause();
    CHECK(eventually([&] { return time_of_patch(s[0], 1) < 1s; }));
    plain.server().resume();
}
