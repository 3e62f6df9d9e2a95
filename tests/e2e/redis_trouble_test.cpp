// Everything that a Redis can do wrong, one row each, under the same load and the same verdict: no
// client sees it, nobody waits much longer than store.timeout, hits come back by themselves, and
// the backend is not overrun meanwhile (design.md section 7).
#include "tests/e2e/products.hpp"
#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

using namespace sidecache::tests;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr int most_at_backend = 4;
constexpr int products = 20;

stack_options options() {
    stack_options o;
    o.replicas = 1;
    o.products = products;
    o.store_relays = true;
    o.upstream =
        "timeout: 2s, connect_timeout: 500ms, max_concurrent: " + std::to_string(most_at_backend);
    o.store =
        "timeout: 150ms, retry: {attempts: 1, backoff: 5ms}, margin: 2s, quarantine: 500ms, "
        "on_down_hold: 100ms, breaker: {failures: 3, open_for: 200ms}";
    // Every hit is Redis's: what it does is to be seen.
    o.settings = "near_cache: {size: 0, lease: 500ms}\n";
    return o;
}

/// Keys of a running redis-server, none of the locks'.
void for_each_key(stack& s, std::function<void(std::string const&)> const& act) {
    for (auto const& key : s.redis().keys()) {
        act(key);
    }
}

void drop_connections(stack& s) {
    s.redis().command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    s.redis().command({"CLIENT", "KILL", "TYPE", "pubsub"});
}

struct trouble {
    char const* name;
    void (*begin)(stack&);
    void (*end)(stack&);
    /// What `sidecache_store_commands_total` counts while it lasts: one of these outcomes.
    std::vector<std::string> told{};
};

std::vector<trouble> const& troubles() {
    static std::vector<trouble> const all{
        {"killed",
         [](stack& s) { s.redis().kill(); },
         [](stack& s) { s.redis().start(); },
         {"unreachable", "breaker_open"}},
        {"stopped",
         [](stack& s) { s.redis().pause(); },
         [](stack& s) { s.redis().resume(); },
         {"timeout", "breaker_open"}},
        {"50 ms away",
         [](stack& s) { s.store_relay(0).delay(25ms); },
         [](stack& s) { s.store_relay(0).delay(0ms); }},
        {"500 ms away",
         [](stack& s) { s.store_relay(0).delay(250ms); },
         [](stack& s) { s.store_relay(0).delay(0ms); },
         {"timeout", "breaker_open"}},
        {"silent",
         [](stack& s) { s.store_relay(0).hold_replies(true); },
         [](stack& s) { s.store_relay(0).hold_replies(false); },
         {"timeout", "breaker_open"}},
        {"refusing connections",
         [](stack& s) { s.store_relay(0).refuse(true); },
         [](stack& s) { s.store_relay(0).refuse(false); },
         {"unreachable", "breaker_open"}},
        {"full of clients",
         [](stack& s) {
             s.redis().command({"CONFIG", "SET", "maxclients", "1"});
             drop_connections(s);
         },
         [](stack& s) { s.redis().command({"CONFIG", "SET", "maxclients", "1000"}); },
         {"unreachable", "refused", "breaker_open"}},
        {"out of memory",
         [](stack& s) {
             s.redis().command({"FLUSHALL"});
             s.redis().command({"CONFIG", "SET", "maxmemory", "1"});
         },
         [](stack& s) { s.redis().command({"CONFIG", "SET", "maxmemory", "0"}); },
         {"refused"}},
        {"a replica",
         [](stack& s) {
             s.redis().command({"REPLICAOF", "127.0.0.1", std::to_string(free_port())});
         },
         [](stack& s) { s.redis().command({"REPLICAOF", "NO", "ONE"}); },
         {"not_primary", "unreachable", "breaker_open"}},
        {"forgetting scripts",
         [](stack& s) { s.redis().command({"SCRIPT", "FLUSH"}); },
         [](stack& s) { s.redis().command({"SCRIPT", "FLUSH"}); }},
        {"holding lists under our keys",
         [](stack& s) {
             for_each_key(s, [&](std::string const& key) {
                 s.redis().command({"DEL", key});
                 s.redis().command({"RPUSH", key, "x"});
             });
         },
         [](stack&) {}},
        {"holding garbage under our keys",
         [](stack& s) {
             for_each_key(s, [&](std::string const& key) {
                 s.redis().command({"SET", key, std::string("\0\xff garbage", 10)});
             });
         },
         [](stack&) {}},
    };
    return all;
}

struct verdict {
    int requests = 0;
    int failed = 0;
    std::chrono::milliseconds longest{0};
};

/// Reads of every product, over and over, and one write, over one connection.
verdict load(sidecache_process& p, int rounds) {
    verdict v;
    http_client client(p.port());
    auto const ask = [&](char const* method, std::string const& target, std::string const& body) {
        auto const began = clock_type::now();
        auto const r = client.request(method, target, org1, body);
        v.longest = std::max(
            v.longest,
            std::chrono::duration_cast<std::chrono::milliseconds>(clock_type::now() - began));
        ++v.requests;
        v.failed += r.status == 200 ? 0 : 1;
    };
    for (int round = 0; round < rounds; ++round) {
        for (int id = 1; id <= products; ++id) {
            ask("GET", "/products/" + std::to_string(id), "");
        }
    }
    ask("PATCH", "/products/1", R"({"priceCents": 7})");
    return v;
}

double told(stack& s, std::vector<std::string> const& outcomes) {
    double all = 0;
    for (auto const& outcome : outcomes) {
        all += s[0].metric("sidecache_store_commands_total", {"outcome=\"" + outcome + "\""});
    }
    return all;
}

}  // namespace

TEST_CASE("whatever is the matter with Redis, clients do not notice, and it mends by itself") {
    for (auto const& t : troubles()) {
        SUBCASE(t.name) {
            CAPTURE(t.name);
            stack s(options());
            REQUIRE(becomes_hit(s, 0, "/products/1", org1));
            REQUIRE(load(s[0], 1).failed == 0);
            REQUIRE(becomes_hit(s, 0, "/products/1", org1));
            auto const before = told(s, t.told);

            t.begin(s);
            auto const during = load(s[0], 4);
            CHECK(during.failed == 0);
            // store.timeout for each try, the write's lease and hold; the rest is for a busy
            // machine.
            CHECK(during.longest < 5s);
            if (!t.told.empty()) {
                CHECK(told(s, t.told) > before);
            }
            // Who asks a store that is away waits for it a few times, not each time.
            auto const waited = s[0].metric("sidecache_store_commands_total",
                                            {"command=\"read\"", "outcome=\"timeout\""});
            CHECK(waited < during.requests / 2);

            t.end(s);
            CHECK(eventually([&] { return s[0].metric("sidecache_store_up") == 1; }));
            CHECK(eventually([&] { return s[0].metric("sidecache_purges_pending") == 0; }));
            for (int id = 1; id <= products; ++id) {
                CHECK(becomes_hit(s, 0, "/products/" + std::to_string(id), org1));
            }
            auto const read = s[0].get("/products/1", org1);
            CHECK(json_of(read).at("priceCents").to_number<int>() == 7);
            CHECK(load(s[0], 1).failed == 0);
        }
    }
}

TEST_CASE("a Redis that loads its data (LOADING) is a Redis that is away") {
    auto o = options();
    o.redis_arguments = {"--loading-process-events-interval-bytes", "1024"};
    stack s(o);
    REQUIRE(becomes_hit(s, 0, "/products/1", org1));
    for (int i = 0; i < 2000; ++i) {
        s.redis().command({"SET", "filler:" + std::to_string(i), std::string(100, 'x')});
    }
    s.redis().command({"CONFIG", "SET", "key-load-delay", "1000"});
    process reload(
        {.argv = {"redis-cli", "-p", std::to_string(s.redis().port()), "DEBUG", "RELOAD"}});
    CHECK(load(s[0], 2).failed == 0);
    reload.wait();
    CHECK(becomes_hit(s, 0, "/products/1", org1));
}

TEST_CASE("a Redis that comes back empty is no herd at the backend") {
    stack s(options());
    REQUIRE(becomes_hit(s, 0, "/products/1", org1));
    s.backend().fault(R"({"method": "GET", "when": "after", "delayMs": 20})");
    s.redis().kill();
    s.backend().forget();
    std::atomic<int> failed = 0;
    std::atomic<bool> over = false;
    std::vector<std::thread> clients;
    for (int i = 0; i < 16; ++i) {
        clients.emplace_back([&, i] {
            http_client client(s[0].port());
            for (int n = i; !over; ++n) {
                auto const target = "/products/" + std::to_string(1 + n % products);
                failed += client.get(target, org1).status == 200 ? 0 : 1;
            }
        });
    }
    CHECK(eventually([&] { return s.backend().total() > 100; }));
    s.redis().start();
    CHECK(becomes_hit(s, 0, "/products/1", org1));
    over = true;
    for (auto& c : clients) {
        c.join();
    }
    CHECK(failed == 0);
    CHECK(s.backend().max_in_flight() <= most_at_backend);
}
