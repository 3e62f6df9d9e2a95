// The products flow on each Redis that its users run: behind TLS, with the least rights, found by
// Sentinels; what becomes of it when that fails over.
#include "tests/e2e/products.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_sentinels.hpp"
#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

std::string quoted_settings(std::string const& more) {
    return "timeout: 2s, margin: 20s, quarantine: 1s" + (more.empty() ? "" : ", " + more);
}

/// Two replicas with that store.
stack_options with_store(std::string const& url, std::string const& more = {}) {
    stack_options o;
    o.store_url = url;
    o.store = quoted_settings(more);
    return o;
}

/// Fill on one, hit on the other; a write through one, seen by the other; a list that goes with it.
void products_flow(stack& s) {
    CHECK(is_stored(s[0].get("/products/1", org1)));
    CHECK(becomes_hit(s, 1, "/products/1", org1));
    CHECK(becomes_hit(s, 1, "/products?page=1", org1));
    auto const before = version_of(s[1].get("/products/1", org1));
    CHECK(patch(s[0], 1).status == 200);
    auto const after = s[1].get("/products/1", org1);
    CHECK_FALSE(is_hit(after));
    CHECK(version_of(after) == before + 1);
    CHECK_FALSE(is_hit(s[0].get("/products?page=1", org1)));
    CHECK(becomes_hit(s, 0, "/products/1", org1));
    CHECK(eventually([&] { return s[0].metric("sidecache_near_lease_valid") == 1; }));
}

}  // namespace

TEST_CASE("over TLS, with a client certificate and a password file") {
    certificate_authority const ca;
    auto const own = ca.issue();
    auto const ours = ca.issue({.name = "client", .alternatives = {}});
    auto const port = free_port();
    redis_server server({"--tls-port",
                         std::to_string(port),
                         "--tls-cert-file",
                         own.certificate,
                         "--tls-key-file",
                         own.key,
                         "--tls-ca-cert-file",
                         ca.file(),
                         "--tls-auth-clients",
                         "yes"});
    server.command({"ACL", "SETUSER", "cache", "on", ">s3cret", "~*", "&*", "+@all"});
    temp_dir const folder;
    auto const password = folder.write("password", "s3cret\n");
    stack s(with_store("rediss://cache@127.0.0.1:" + std::to_string(port) + "/0",
                       "password_file: " + password + ", tls: {ca_file: " + ca.file() +
                           ", cert_file: " + ours.certificate + ", key_file: " + ours.key + "}"));
    products_flow(s);
    CHECK(s[0].server().output().find("s3cret") == std::string::npos);

    // The connections break, and the password has changed meanwhile.
    server.command({"ACL", "SETUSER", "cache", "resetpass", ">another"});
    folder.write("password", "another");
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    CHECK(becomes_hit(s, 0, "/products/2", org1));
    CHECK(becomes_hit(s, 1, "/products/2", org1));
}

TEST_CASE("a primary that Sentinels name, and another after it") {
    redis_sentinels group;
    stack s(with_store(group.url()));
    products_flow(s);
    auto const version = version_of(s[0].get("/products/1", org1));

    SUBCASE("a failover that is asked for") {
        group.fail_over();
    }
    SUBCASE("the primary is killed, and comes back as a replica") {
        auto const dead = group.kill_primary();
        CHECK(s[0].get("/products/1", org1).status == 200);
        group.revive(dead);
    }
    // Cold, not stale; and writes go on.
    for (std::size_t i = 0; i < 2; ++i) {
        auto const r = s[i].get("/products/1", org1);
        CHECK(r.status == 200);
        CHECK(version_of(r) == version);
    }
    CHECK(eventually([&] { return s[0].metric("sidecache_store_up") == 1; }));
    CHECK(eventually([&] { return s[1].metric("sidecache_store_up") == 1; }));
    CHECK(patch(s[0], 1).status == 200);
    CHECK(eventually([&] { return s[0].metric("sidecache_purges_pending") == 0; }));
    CHECK(version_of(s[1].get("/products/1", org1)) == version + 1);
    CHECK(becomes_hit(s, 0, "/products/1", org1));
    CHECK(becomes_hit(s, 1, "/products/1", org1));
    CHECK(eventually([&] {
        try {
            return group.server(group.primary()).exists("product:1:details");
        } catch (std::runtime_error const&) {
            return false;  // who becomes primary cuts the test off, too
        }
    }));
}

TEST_CASE("a Cluster of three primaries with replicas") {
    redis_cluster group({.replicas = 1});
    stack s(with_store(group.url(2)));
    products_flow(s);
    CHECK(group.exists("product:1:details"));
    auto const version = version_of(s[0].get("/products/1", org1));
    auto const tag_at = group.owner_of("sidecache:tag:product:1*");

    SUBCASE("a failover that is asked for") {
        group.fail_over(tag_at);
    }
    SUBCASE("a primary is killed, and comes back as a replica") {
        group.kill_primary(tag_at);
        CHECK(s[0].get("/products/1", org1).status == 200);
        group.revive(tag_at);
    }
    SUBCASE("the one with the list of replicas is killed") {
        group.kill_primary(group.owner_of("sidecache:members"));
    }
    SUBCASE("slots move") {
        for (std::string const key : {"sidecache:tag:product:1*",
                                      "sidecache:members",
                                      "product:1:details",
                                      "sidecache:tag:rule:product-details"}) {
            group.move_slot(group.slot_of(key), (group.owner_of(key) + 1) % 3);
        }
    }
    // Cold, not stale; and writes go on.
    for (std::size_t i = 0; i < 2; ++i) {
        auto const r = s[i].get("/products/1", org1);
        CHECK(r.status == 200);
        CHECK(version_of(r) == version);
    }
    CHECK(eventually([&] { return s[0].metric("sidecache_store_up") == 1; }));
    CHECK(eventually([&] { return s[1].metric("sidecache_store_up") == 1; }));
    CHECK(patch(s[0], 1).status == 200);
    CHECK(eventually([&] { return s[0].metric("sidecache_purges_pending") == 0; }));
    CHECK(version_of(s[1].get("/products/1", org1)) == version + 1);
    CHECK(becomes_hit(s, 0, "/products/1", org1));
    CHECK(becomes_hit(s, 1, "/products/1", org1));
    CHECK(eventually([&] { return s[0].metric("sidecache_near_lease_valid") == 1; }));
}

TEST_CASE("a Cluster over TLS") {
    certificate_authority const ca;
    auto const own = ca.issue();
    redis_cluster group({.tls_arguments = {"--tls-cert-file",
                                           own.certificate,
                                           "--tls-key-file",
                                           own.key,
                                           "--tls-ca-cert-file",
                                           ca.file(),
                                           "--tls-auth-clients",
                                           "no"}});
    stack s(with_store(group.url(1), "tls: {ca_file: " + ca.file() + "}"));
    products_flow(s);
    CHECK(group.exists("product:1:details"));
}

TEST_CASE("events come from the node that has the stream, wherever that goes") {
    redis_cluster group;
    auto o = with_store(group.url());
    o.settings = "workers: 1\nevents: {stream: product-events, claim_after: 1s}\n";
    stack s(o);
    REQUIRE(eventually([&] { return group.exists("product-events"); }));
    REQUIRE(becomes_hit(s, 0, "/products/1", org1));
    auto const applied = [&] {
        auto const name = "sidecache_events_total";
        return s[0].metric(name, {"outcome=\"applied\""}) +
               s[1].metric(name, {"outcome=\"applied\""});
    };
    for (double told = 1; told <= 2; ++told) {
        REQUIRE(fetch(s.backend().port(), "PATCH", "/products/1", org1, R"({"priceCents": 7})")
                    .status == 200);
        group.command("product-events", {"XADD", "product-events", "*", "pattern", "product:1*"});
        REQUIRE(eventually([&] { return applied() == told; }));
        CHECK_FALSE(is_hit(s[0].get("/products/1", org1)));
        REQUIRE(becomes_hit(s, 0, "/products/1", org1));
        auto const slot = group.slot_of("product-events");
        group.move_slot(slot, (group.owner_of(slot) + 1) % 3);
    }
}
