// Rules that change while writes are under way (protocol.md section 3.8): reloads that wait,
// replicas that join others with other rules.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <string>

using namespace sidecache::tests;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

// `with_short_markers`: upstream.timeout + store.margin, and what a busy machine may add.
constexpr auto marker_life = 1500ms;
constexpr auto slack = 300ms;

constexpr std::string_view old_rules = R"(
rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m, partition: none}
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["product:{id}*"]}
)";
/// The same responses under keys that the old rules' purges do not name.
constexpr std::string_view new_rules = R"(
rules:
  - {name: renamed, match: "GET /products/{id}", key: "item:{id}", ttl: 10m, partition: none}
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["item:{id}*"]}
)";

/// ... and time enough for a replica to join while a write is held.
constexpr auto long_life = 5s;

stack_options with_long_writes(std::string const& quarantine) {
    auto o = with_short_markers();
    o.replicas = 1;
    o.upstream = "timeout: 4200ms, connect_timeout: 300ms";
    o.store += ", quarantine: " + quarantine;
    o.rules = std::string(old_rules);
    return o;
}

/// Both are listed: only then a reload of one has somebody to wait for.
void know_each_other(stack& s) {
    REQUIRE(eventually([&] {
        return s.redis().command({"HLEN", "sidecache:members"}).number() ==
               static_cast<long long>(s.size());
    }));
}

stack_options by_old_rules(int replicas) {
    auto o = with_short_markers();
    o.replicas = replicas;
    o.rules = std::string(old_rules);
    return o;
}

std::int64_t version_at_backend(stack& s) {
    return version_of(fetch(s.backend().port(), "GET", "/products/1"));
}
double reloads(sidecache_process& p, std::string const& outcome) {
    return p.metric("sidecache_config_reloads_total", {"outcome=\"" + outcome + "\""});
}
bool waits(sidecache_process& p) {
    auto const state = json_of(p.admin("GET", "/stats"));
    return !state.at("config").at("reload_waits_until_ms").is_null();
}
bool is_quiet(sidecache_process& p) {
    return json_of(p.admin("GET", "/stats")).at("store").at("quarantined").as_bool();
}

}  // namespace

TEST_CASE(
    "who joins with other rules in mid-write stores nothing that the write is about to change") {
    SUBCASE(
        "the writer's proxy dies, the backend commits: from the deadline on nothing older is "
        "read") {
        stack s(with_long_writes("auto"));
        REQUIRE(becomes_hit(s, 0, "/products/1"));
        http_client writer(s[0].port());
        s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
        writer.send("PATCH", "/products/1", org1, "{}");
        s.backend().wait_held(1);
        auto const deadline = steady::now() + long_life + slack;

        sidecache_process joiner(s.yaml(0, new_rules));
        REQUIRE(eventually([&] { return is_quiet(joiner); }));
        CHECK(joiner.admin("GET", "/readyz").status == 200);
        auto const first = joiner.get("/products/1");
        CHECK(version_of(first) == 1);
        CHECK_FALSE(is_stored(first));
        CHECK(says(first, "quarantine"));
        s[0].kill();
        s.backend().release();
        REQUIRE(eventually([&] { return version_at_backend(s) == 2; }));

        std::int64_t newest = 0;
        for (int late_reads = 0; late_reads < 20;) {
            auto const is_late = steady::now() > deadline;
            auto const seen = version_of(joiner.get("/products/1"));
            CHECK(seen >= newest);
            newest = std::max(newest, seen);
            if (is_late) {
                REQUIRE(seen == 2);
                ++late_reads;
            }
        }
        CHECK(eventually([&] { return is_hit(joiner.get("/products/1")); }));
        CHECK_FALSE(is_quiet(joiner));
    }
    SUBCASE("quarantine: 0s takes the loss: the entry from before the commit lives on") {
        stack s(with_long_writes("0s"));
        REQUIRE(becomes_hit(s, 0, "/products/1"));
        http_client writer(s[0].port());
        s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
        writer.send("PATCH", "/products/1", org1, "{}");
        s.backend().wait_held(1);
        auto const deadline = steady::now() + long_life + slack;
        sidecache_process joiner(s.yaml(0, new_rules));
        REQUIRE(eventually([&] { return is_hit(joiner.get("/products/1")); }));
        s[0].kill();
        s.backend().release();
        REQUIRE(eventually([&] { return version_at_backend(s) == 2; }));
        REQUIRE(eventually([&] { return steady::now() > deadline; }));
        CHECK(version_of(joiner.get("/products/1")) == 1);
    }
}

TEST_CASE("who joins with the same rules, or alone, pays nothing") {
    stack s(by_old_rules(2));
    CHECK(becomes_hit(s, 0, "/products/1"));
    CHECK(becomes_hit(s, 1, "/products/1"));
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK_FALSE(is_quiet(s[i]));
    }
}

TEST_CASE("what the store holds from an earlier time of these rules is nothing to who comes back") {
    stack s(by_old_rules(1));
    {
        sidecache_process before(s.yaml(0, new_rules));
        REQUIRE(eventually([&] { return is_hit(before.get("/products/1")); }));
        before.server().signal(SIGTERM);
        before.server().wait();
    }
    REQUIRE(patch(s[0], 1).status == 200);  // by the old rules: no word of item:1
    sidecache_process again(s.yaml(0, new_rules));
    for (int i = 0; i < 3; ++i) {
        CHECK(version_of(again.get("/products/1")) == 2);
    }
    REQUIRE(eventually([&] { return is_hit(again.get("/products/1")); }));
    CHECK(version_of(again.get("/products/1")) == 2);
}

TEST_CASE("rules that a reload puts back find nothing that a write has missed meanwhile") {
    auto o = by_old_rules(1);
    SUBCASE("through Redis") {}
    SUBCASE("in memory://") {
        o.store_url = "memory://";
    }
    stack s(o);
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    auto const reload = [&](std::string_view rules, double times) {
        s[0].rewrite(s.yaml(0, rules));
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads(s[0], "ok") == times; }));
    };
    reload(new_rules, 1);
    REQUIRE(patch(s[0], 1).status == 200);  // no word of product:1
    reload(old_rules, 2);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    CHECK(version_of(s[0].get("/products/1")) == 2);
}

TEST_CASE("a reload with other rules waits among others, and the old ones go on") {
    stack s(by_old_rules(2));
    know_each_other(s);
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s[0].rewrite(s.yaml(0, new_rules));
    auto const began = steady::now();
    s[0].server().signal(SIGHUP);
    REQUIRE(eventually([&] { return reloads(s[0], "waited") == 1; }));
    SUBCASE("until every write that knew nothing of them must be over") {
        CHECK(waits(s[0]));
        REQUIRE(eventually([&] { return reloads(s[0], "ok") == 1; }));
        CHECK(steady::now() - began >= marker_life);
        CHECK_FALSE(waits(s[0]));
        CHECK(eventually([&] { return is_hit(s[0].get("/products/1")); }));
        // By the new rules there and the old ones here, a write reaches both.
        REQUIRE(patch(s[1], 1).status == 200);
        CHECK(version_of(s[0].get("/products/1")) == 2);
        CHECK(version_of(s[1].get("/products/1")) == 2);
    }
    SUBCASE("another reload takes its place: with the rules in effect, at once") {
        s[0].rewrite(s.yaml(0));
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads(s[0], "ok") == 1; }));
        CHECK_FALSE(waits(s[0]));
        CHECK(reloads(s[0], "waited") == 1);
        CHECK(becomes_hit(s, 0, "/products/1"));
    }
    SUBCASE("... with rules of its own, it waits from the start") {
        auto other = std::string(new_rules);
        other.replace(other.find("item:{id}"), 9, "thing:{id}");
        other.replace(other.find("item:{id}*"), 10, "thing:{id}*");
        s[0].rewrite(s.yaml(0, other));
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads(s[0], "waited") == 2; }));
        CHECK(waits(s[0]));
        REQUIRE(eventually([&] { return reloads(s[0], "ok") == 1; }));
        REQUIRE(eventually([&] { return is_hit(s[0].get("/products/1")); }));
        CHECK(s.redis().exists("thing:1"));
    }
    SUBCASE("a file with an error replaces nothing") {
        s[0].rewrite(s.yaml(0) + "\nno_such_section: 1\n");
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads(s[0], "failed") == 1; }));
        REQUIRE(eventually([&] { return reloads(s[0], "ok") == 1; }));
        REQUIRE(eventually([&] { return is_hit(s[0].get("/products/2")); }));
        CHECK(s.redis().exists("item:2"));
    }
}

TEST_CASE("alone, a reload waits for the own writes that began before it, and for no time") {
    stack s(by_old_rules(1));
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s[0].rewrite(s.yaml(0, new_rules));
    SUBCASE("none") {
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads(s[0], "ok") == 1; }));
        CHECK(reloads(s[0], "waited") == 0);
    }
    SUBCASE("one, until it is answered") {
        http_client writer(s[0].port());
        s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
        writer.send("PATCH", "/products/1", org1, "{}");
        s.backend().wait_held(1);
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads(s[0], "waited") == 1; }));
        CHECK(reloads(s[0], "ok") == 0);
        s.backend().release();
        CHECK(writer.receive().status == 200);
        REQUIRE(eventually([&] { return reloads(s[0], "ok") == 1; }));
        CHECK(version_of(s[0].get("/products/1")) == 2);
    }
    SUBCASE("one whose outcome nobody knows, until its marks are over") {
        s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
        CHECK(patch(s[0], 1).status == 504);
        auto const answered = steady::now();
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads(s[0], "waited") == 1; }));
        REQUIRE(eventually([&] { return reloads(s[0], "ok") == 1; }));
        CHECK(steady::now() - answered >= marker_life - 100ms);
        s.backend().heal();
    }
    SUBCASE("settings alone change at once, whatever is under way") {
        s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
        http_client writer(s[0].port());
        writer.send("PATCH", "/products/1", org1, "{}");
        s.backend().wait_held(1);
        s[0].rewrite(s.yaml(0) + "\nlog: {level: warning}\n");
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads(s[0], "ok") == 1; }));
        CHECK(reloads(s[0], "waited") == 0);
        s.backend().heal();
        CHECK(writer.receive().status == 200);
    }
}
