// Groups (RFC 9875) over replicas: whoever took the write, no replica serves what it named from its
// memory or from Redis once its client has the answer.
#include "tests/support/eventually.hpp"
#include "tests/support/recording_upstream.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sidecache_process.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

using namespace sidecache::tests;

namespace {

bool says(http_response const& r, std::string_view part) {
    return r["Cache-Status"].find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "a group that one replica is told of is gone from every replica's memory and from Redis") {
    std::optional<redis_server> one;
    std::optional<redis_cluster> several;
    std::string store;
    SUBCASE("one Redis") {
        store = one.emplace().url();
    }
    SUBCASE("a Cluster, where entry, groups and the tag of all are on different nodes") {
        store = several.emplace().url();
    }
    std::atomic<int> version = 1;
    recording_upstream backend([&](std::string_view method, std::string_view target) {
        if (method != "GET") {
            ++version;
            return std::string("HTTP/1.1 204 X\r\nCache-Group-Invalidation: \"prices\"\r\n\r\n");
        }
        auto const body = std::to_string(version);
        return "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\n" +
               std::string(target == "/other" ? "" : "Cache-Groups: \"prices\", \"all\"\r\n") +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    });
    auto const yaml =
        "listen: 127.0.0.1:0\nworkers: 1\nadmin: {listen: \"127.0.0.1:0\"}\n"
        "store: {url: \"" +
        store + "\"}\nupstream: {url: \"" + backend.url() +
        "\", host: shop.example}\nrules:\n  - {name: rest, match: \"GET /{path*}\", "
        "ttl: origin, partition: none}\n";
    sidecache_process const first(yaml);
    sidecache_process const second(yaml);
    auto const is_near = [](sidecache_process const& p, std::string const& target) {
        return eventually([&] { return says(p.get(target), "detail=near"); });
    };
    CHECK(is_near(first, "/other"));
    CHECK(is_near(second, "/other"));
    for (int round = 0; round < 5; ++round) {
        CAPTURE(round);
        for (auto const* p : {&first, &second}) {
            CHECK(is_near(*p, "/a"));
            CHECK(is_near(*p, "/b"));
        }
        auto const& writer = round % 2 == 0 ? first : second;
        CHECK(writer.request("POST", "/elsewhere", {}, "x").status == 204);
        auto const now = std::to_string(version);
        for (auto const* p : {&first, &second}) {
            CHECK(p->get("/a").body == now);
            CHECK(p->get("/b").body == now);
        }
    }
    // By hand, and what is of no group stays.
    CHECK(is_near(second, "/a"));
    ++version;
    CHECK(first.admin("POST", "/purge", {}, R"({"group": "all"})").status == 200);
    CHECK(second.get("/a").body == std::to_string(version));
    CHECK(first.get("/other").body == "1");
    CHECK(second.get("/other").body == "1");
}
