#include "tests/support/certificates.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_sentinels.hpp"
#include "tests/support/sidecache_process.hpp"
#include "tests/support/sockets.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

/// `sidecache check --connect`.
namespace sidecache::tests {
namespace {

struct said {
    int code;
    std::string out;
};

said check(std::string const& url, std::string const& more = {}) {
    temp_dir const folder;
    auto const file = folder.write("sidecache.yaml",
                                   "store: {url: \"" + url + "\"" + more +
                                       "}\n"
                                       "rules:\n"
                                       "  - {name: product, match: \"GET /products/{id}\", key: "
                                       "\"product:{id}\", ttl: 10m, ttl_only: true}\n");
    auto const done = sidecache_command({"check", "--connect", file});
    CHECK(done.err == "");
    return {done.status.code, done.out};
}

void refused(said const& s, std::vector<std::string> const& words) {
    CHECK(s.code == 1);
    for (auto const& word : words) {
        CAPTURE(s.out);
        CAPTURE(word);
        CHECK(s.out.find(word) != std::string::npos);
    }
}

std::string address(std::uint16_t port) {
    return "127.0.0.1:" + std::to_string(port);
}

TEST_CASE("a store that is fine") {
    redis_server server;
    auto const s = check(server.url());
    CAPTURE(s.out);
    CHECK(s.code == 0);
    CHECK(s.out.starts_with("store " + server.url() + "\n  ok: connected\n  ok: Redis "));
    CHECK(s.out.find(", master, run_id ") != std::string::npos);
    CHECK(s.out.find("ok: maxmemory-policy noeviction\n") != std::string::npos);
    CHECK(eventually([&] { return server.keys().empty(); }));
    CHECK(check("memory://").code == 0);
}

TEST_CASE("nobody there, or nobody who answers") {
    refused(check("redis://" + address(free_port())), {"error: Connection refused"});
    refused(check("redis://no-such-host.invalid"),
            {"error: the name no-such-host.invalid cannot be looked up"});
    refused(check("unix:///nowhere/redis.sock"), {"error: No such file or directory"});
    redis_server server;
    server.pause();
    refused(check(server.url()), {"error: "});
}

TEST_CASE("somebody else there") {
    redis_server primary;
    redis_server second({"--replicaof", "127.0.0.1", std::to_string(primary.port())});
    refused(check(second.url()), {"error: this is a replica"});
    redis_server node({"--cluster-enabled", "yes"});
    refused(check(node.url()), {"error: this is a node of a Redis Cluster"});
    redis_sentinels group({.replicas = 0, .sentinels = 1});
    refused(check("redis://" + address(group.sentinel(0).port())), {"error: this is a Sentinel"});
    refused(check("redis+sentinel://" + address(group.server(0).port()) + "/main"),
            {"error: no Sentinel names a primary", "unknown command"});
    refused(check("redis+sentinel://" + address(group.sentinel(0).port()) + "/other"),
            {"it watches over no master named \"other\""});
    auto const s = check(group.url());
    CHECK(s.code == 0);
    CHECK(s.out.find("ok: the Sentinels name " + address(group.server(0).port())) !=
          std::string::npos);
    refused(check("rediss://" + address(primary.port())), {"plain"});
}

TEST_CASE("a Cluster: each of its primaries") {
    redis_cluster group;
    auto const s = check(group.url(1));
    CAPTURE(s.out);
    CHECK(s.code == 0);
    CHECK(s.out.find("ok: a Cluster of 3 primaries\n") != std::string::npos);
    for (std::size_t i = 0; i < group.size(); ++i) {
        CHECK(s.out.find("ok: " + address(group.node(i).port()) + ": connected\n") !=
              std::string::npos);
    }
    group.node(2).command({"ACL", "SETUSER", "default", "-zadd"});
    refused(check(group.url(1)),
            {"error: " + address(group.node(2).port()) + ": the user may not do what", "(ZADD; "});
    refused(check("redis+cluster://" + address(free_port())), {"error: no node of the Cluster"});
    redis_server alone;
    refused(check("redis+cluster://" + address(alone.port())), {"cluster support disabled"});
    redis_server empty({"--cluster-enabled", "yes"});
    refused(check("redis+cluster://" + address(empty.port())), {"it knows of no slots"});
}

TEST_CASE("passwords and rights") {
    redis_server server;
    auto const at = address(server.port());
    server.command({"ACL", "SETUSER", "side", "on", ">s3cret", "~sidecache:*", "&*", "+@all"});
    auto s = check("redis://side:nobodys@" + at);
    refused(s, {"error: the server refuses our password: WRONGPASS"});
    CHECK(s.out.find("nobodys") == std::string::npos);
    refused(check("redis://side@" + at, ", password_file: /nowhere/password"),
            {"error: the password file /nowhere/password cannot be read"});
    refused(check("redis://side:s3cret@" + at),
            {"error: the user may not use the keys of rule product (~product:*): NOPERM"});
    server.command({"ACL", "SETUSER", "side", "~product:*"});
    CHECK(check("redis://side:s3cret@" + at).code == 0);
    server.command({"ACL", "SETUSER", "side", "-mget", "-zadd"});
    refused(check("redis://side:s3cret@" + at), {"(MGET; ", "(ZADD; ", "config/redis.md"});
    server.command({"ACL", "SETUSER", "side", "+@all", "resetchannels"});
    refused(check("redis://side:s3cret@" + at), {"(PUBLISH; "});
    server.command({"CONFIG", "SET", "requirepass", "s3cret"});
    refused(check("redis://" + at), {"NOAUTH"});
    refused(check("redis://:s3cret@" + at + "/99"), {"database 99: "});
}

TEST_CASE("settings that weaken the promise are warned of") {
    redis_server server({"--maxmemory-policy", "allkeys-lru"});
    auto const s = check(server.url());
    CHECK(s.code == 0);
    CHECK(s.out.find("warning: maxmemory-policy is allkeys-lru") != std::string::npos);
}

TEST_CASE("certificates") {
    certificate_authority const ca;
    auto const files = ca.issue();
    auto const port = free_port();
    redis_server server({"--tls-port",
                         std::to_string(port),
                         "--tls-cert-file",
                         files.certificate,
                         "--tls-key-file",
                         files.key,
                         "--tls-ca-cert-file",
                         ca.file(),
                         "--tls-auth-clients",
                         "no"});
    auto const url = "rediss://" + address(port);
    refused(check(url), {"CA that is not known here"});
    auto const s = check(url, ", tls: {ca_file: " + ca.file() + "}");
    CHECK(s.code == 0);
    CHECK(s.out.find("ok: connected, over TLS") != std::string::npos);
    refused(check("redis://" + address(port)), {"is it a TLS port, rediss://?"});
}

}  // namespace
}  // namespace sidecache::tests
