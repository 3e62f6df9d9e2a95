// Fields that would change what a request means on its way, and fields that no key holds.
#include "tests/e2e/hostile.hpp"
#include "tests/e2e/products.hpp"
#include "tests/support/http_client.hpp"

#include <doctest/doctest.h>

using namespace sidecache::tests;

namespace {

std::string get(std::string_view fields, std::string_view target = "/x") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("Connection cannot take away what rules, keys or the backend's answer depend on") {
    hostile_stage s;
    for (std::string const field : {"Authorization: Bearer x",
                                    "Cookie: a=b",
                                    "Cache-Control: no-cache",
                                    "Range: bytes=0-1",
                                    "If-None-Match: \"1\"",
                                    "Accept: text/plain",
                                    "Accept-Encoding: gzip",
                                    "X-Forwarded-Host: other",
                                    "X-HTTP-Method-Override: PUT",
                                    "Origin: http://b",
                                    "Forwarded: host=b"}) {
        auto const name = field.substr(0, field.find(':'));
        auto const line = field + "\r\n";
        http_client client(s.proxy().port());
        client.send_raw(get("Connection: " + name + "\r\n" + line));
        CHECK(client.receive("GET").status == 200);
        auto const arrived = s.arrived();
        REQUIRE(arrived.size() == 1);
        CAPTURE(arrived[0]);
        CHECK(holds(arrived[0], "\r\n" + line));
        CHECK_FALSE(holds(arrived[0], "\r\nConnection:"));
    }
    play_all(s,
             {// What frames it, and its host, stay as well.
              {"POST /x HTTP/1.1\r\nHost: a\r\nConnection: Host, Content-Length\r\n"
               "Content-Length: 3\r\n\r\nabc",
               {200},
               false,
               {at_backend("POST /x HTTP/1.1", "Host: a\r\n", "Content-Length: 3\r\n", "abc")}},
              {"POST /x HTTP/1.1\r\nHost: a\r\nConnection: Transfer-Encoding\r\n"
               "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
               {200},
               false,
               {at_backend("POST /x HTTP/1.1", "Host: a\r\n", "Content-Length: 3\r\n", "abc")}},
              // What is nobody's but this hop's goes, nominated or not.
              {get("Connection: X-Mine, , keep-alive\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n"
                   "Proxy-Connection: x\r\nProxy-Authorization: secret\r\nProxy: evil\r\n"
                   "TE: trailers\r\nTrailer: X\r\nHTTP2-Settings: x\r\n"),
               {200},
               false,
               {at_backend("GET /x HTTP/1.1")}}});
}

TEST_CASE("a field that Connection takes away is gone for the key, too") {
    hostile_stage s({.rules = R"(
rules:
  - {name: by-org, match: "GET /things", key: "things:{org}", ttl: 10m, ttl_only: true, vars: {org: header.X-Org-Id}}
)"});
    // Nobody may have the answer to "no organization" stored for organization 7.
    http_client client(s.proxy().port());
    client.send_raw(get("Connection: X-Org-Id\r\nX-Org-Id: 7\r\n", "/things"));
    auto const answer = client.receive("GET");
    CHECK(says(answer, "detail=missing_variable"));
    CHECK(s.arrived() == std::vector{at_backend("GET /things HTTP/1.1")});
}

TEST_CASE("Expect: 100-continue or nothing") {
    hostile_stage s;
    std::string const smuggled_too(smuggled);
    play_all(
        s,
        {{get("Expect: something\r\n") + smuggled_too, {417}, true},
         {get("Expect: 100-continue, x\r\n") + smuggled_too, {417}, true},
         {get("Expect: 100-continue\r\nExpect: x\r\n") + smuggled_too, {417}, true},
         {get("Expect: \r\n") + smuggled_too, {417}, true},
         // Without content there is nothing to wait for.
         {get("Expect: 100-continue\r\n"), {200}, false, {at_backend("GET /x HTTP/1.1")}},
         {"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc",
          {200},
          false,
          {at_backend("POST /x HTTP/1.1", "Host: a\r\n", "Content-Length: 3\r\n", "abc")}}});
    // HTTP/1.0 knows no expectations (RFC 9110 section 10.1.1).
    http_client client(s.proxy().port());
    client.send_raw("GET /x HTTP/1.0\r\nHost: a\r\nExpect: something\r\n\r\n");
    CHECK(client.receive_until_closed().starts_with("HTTP/1.1 200 "));
    auto const arrived = s.arrived();
    REQUIRE(arrived.size() == 1);
    CHECK_FALSE(holds(arrived[0], "Expect"));
}

TEST_CASE("Upgrade: HTTP/2 is never offered, and no tunnel comes from the cache") {
    hostile_stage s;
    s.proxy().get("/things/1", {{"Host", "a"}});
    s.arrived();
    play_all(s,
             {{get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"),
               {200},
               false,
               {at_backend("GET /x HTTP/1.1")}},
              {get("Connection: upgrade\r\nUpgrade: websocket, H2C\r\n"),
               {200},
               false,
               {at_backend("GET /x HTTP/1.1")}},
              {get("Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n"),
               {200},
               false,
               {at_backend("GET /x HTTP/1.1")}},
              {get("Connection: Upgrade\r\nUpgrade: h2c;x\r\n"),
               {200},
               false,
               {at_backend("GET /x HTTP/1.1")}},
              {get("Connection: Upgrade\r\nUpgrade: \"h2c\"\r\n"),
               {200},
               false,
               {at_backend("GET /x HTTP/1.1")}},
              {get("Connection: Upgrade\r\nUpgrade: TLS/1.3\r\n"),
               {200},
               false,
               {at_backend("GET /x HTTP/1.1")}},
              {get("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n"),
               {200},
               false,
               {at_backend("GET /x HTTP/1.1")}},
              // Without Connection it is nothing.
              {get("Upgrade: websocket\r\n"), {200}, false, {at_backend("GET /x HTTP/1.1")}},
              // On a cached route it goes past the cache.
              {get("Connection: Upgrade\r\nUpgrade: websocket\r\n", "/things/1"),
               {200},
               false,
               {at_backend("GET /things/1 HTTP/1.1",
                           "Host: a\r\n",
                           "Connection: Upgrade\r\nUpgrade: websocket\r\n")}}});
}

TEST_CASE("fields that no key holds and backends act on go past the cache, and spoil nothing") {
    hostile_stage s;
    for (std::string const field : {"X-Forwarded-Host: evil",
                                    "X_Forwarded_Host: evil",
                                    "x.forwarded.host: evil",
                                    "X-Host: evil",
                                    "X-Original-URL: /admin",
                                    "X-Rewrite-URL: /admin",
                                    "X-Forwarded-Scheme: nothttps",
                                    "X-Forwarded-Port: 1",
                                    "X-Forwarded-Prefix: /evil",
                                    "Forwarded: for=1;host=evil",
                                    "X-HTTP-Host-Override: evil"}) {
        CAPTURE(field);
        http_client client(s.proxy().port());
        client.send_raw(get(field + "\r\n", "/things/2"));
        auto const answer = client.receive("GET");
        CHECK(says(answer, "fwd=bypass; detail=unkeyed_field"));
        auto const arrived = s.arrived();
        REQUIRE(arrived.size() == 1);
        CHECK(holds(arrived[0], "\r\n" + field + "\r\n"));
    }
    for (std::string const name :
         {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}) {
        CAPTURE(name);
        http_client client(s.proxy().port());
        client.send_raw(get(name + ": DELETE\r\n", "/things/2"));
        CHECK(says(client.receive("GET"), "fwd=bypass; detail=method_override"));
        CHECK(s.arrived() == std::vector{at_backend("GET /things/2 HTTP/1.1",
                                                    "Host: a\r\n" + name + ": DELETE\r\n")});
    }
    // Nothing of that was stored.
    CHECK_FALSE(is_hit(s.proxy().get("/things/2", {{"Host", "a"}})));
}

TEST_CASE("upstream.host: the backend is asked for one host, and all share its answer") {
    hostile_stage s(
        {.upstream = "host: api.internal, strip_headers: [X-Forwarded-Host, x-secret]"});
    http_client client(s.proxy().port());
    client.send_raw(get("X-Forwarded-Host: evil\r\nX-Secret: 1\r\n", "/things/1"));
    CHECK(says(client.receive("GET"), "fwd=miss"));
    CHECK(s.arrived() ==
          std::vector<std::string>{
              "GET /things/1 HTTP/1.1\r\nHost: api.internal\r\nX-Forwarded-For: 127.0.0.1\r\n"
              "X-Forwarded-Proto: http\r\nVia: 1.1 sidecache\r\nX-Request-Id: ...\r\n\r\n"});
    CHECK(is_hit(s.proxy().get("/things/1", {{"Host", "another"}})));
}

TEST_CASE("two hosts, two schemes: never one entry") {
    hostile_stage s;
    auto const is_shared = [&](http_fields const& a, http_fields const& b) {
        s.proxy().request("PUT", "/things/1", {{"Host", "a"}});
        s.proxy().get("/things/1", a);
        CHECK(is_hit(s.proxy().get("/things/1", a)));
        return is_hit(s.proxy().get("/things/1", b));
    };
    CHECK(is_shared({{"Host", "a"}}, {{"Host", "A"}}));
    CHECK_FALSE(is_shared({{"Host", "a"}}, {{"Host", "b"}}));
    CHECK_FALSE(is_shared({{"Host", "a"}}, {{"Host", "a:80"}}));
    CHECK(is_shared({{"Host", "a"}}, {{"Host", "a"}, {"X-Forwarded-Proto", "http"}}));
    CHECK_FALSE(is_shared({{"Host", "a"}}, {{"Host", "a"}, {"X-Forwarded-Proto", "https"}}));
}
