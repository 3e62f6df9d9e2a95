// The upstream fails at each point of an exchange: what the client gets, what is sent again.
#include "tests/e2e/http_stage.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sidecache;
using namespace sidecache::tests;
using namespace std::chrono_literals;
using upstream::failure;

namespace {

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

bool holds(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// A connection in the pool: one request over it has been answered.
upstream_connection pooled(raw_upstream& backend, http_client& client) {
    client.send("GET", "/first");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send(ok);
    CHECK(client.receive().status == 200);
    return upstream;
}

}  // namespace

TEST_CASE("nobody listens: 502 at once") {
    raw_upstream backend;
    http_proxy proxy(backend.port(), {.extra = {{"Cache-Status", "sidecache; fwd=bypass"}}});
    backend.close();
    http_client client(proxy.port());
    auto const answer = client.get("/");
    CHECK(answer.status == 502);
    CHECK(answer["Cache-Control"] == "no-store");
    CHECK(answer["Cache-Status"] == "sidecache; fwd=bypass");
    CHECK_FALSE(answer.closes);
    CHECK(proxy.outcomes(1).front().why == failure::connect);
}

TEST_CASE("an upstream that dies before it answers") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/");
    auto upstream = backend.accept();
    SUBCASE("before it has read the request") {
        REQUIRE(upstream.readable(15s));
        upstream.abort();
    }
    SUBCASE("behind the request") {
        upstream.read_head();
        upstream.close();
    }
    SUBCASE("inside its head") {
        upstream.read_head();
        upstream.send("HTTP/1.1 200 OK\r\nContent-Le");
        upstream.close();
    }
    SUBCASE("behind an interim answer") {
        upstream.read_head();
        upstream.send("HTTP/1.1 100 Continue\r\n\r\n");
        upstream.close();
    }
    auto const answer = client.receive();
    CHECK(answer.status == 502);
    CHECK_FALSE(answer.closes);
    CHECK(proxy.outcomes(1).front().why == failure::broken);
    // It was a new connection, so that was no stale one: the request is not sent again.
    CHECK_FALSE(backend.connecting(0ms));
}

TEST_CASE("an answer that is cut short is cut short for the client, too") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/");
    auto upstream = backend.accept();
    upstream.read_head();
    SUBCASE("of a known length") {
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    }
    SUBCASE("between two chunks") {
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    }
    SUBCASE("inside a chunk") {
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf");
    }
    SUBCASE("inside the last chunk") {
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n");
    }
    upstream.close();
    CHECK_THROWS_AS(client.receive(), http_error);
    CHECK(proxy.outcomes(1).front().why == failure::truncated);
    CHECK(proxy.idle() == 0);
}

TEST_CASE("answers that could be read in two ways are none") {
    for (std::string const bytes : {
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n X: folded\r\n\r\nok",
             "HTTP/1.1 two hundred\r\n\r\n",
             "SSH-2.0-OpenSSH\r\n\r\n",
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
         }) {
        CAPTURE(bytes);
        raw_upstream backend;
        http_proxy proxy(backend.port());
        http_client client(proxy.port());
        client.send("GET", "/");
        auto upstream = backend.accept();
        upstream.read_head();
        upstream.send(bytes);
        CHECK(client.receive().status == 502);
        CHECK(proxy.outcomes(1).front().why == failure::malformed);
        CHECK(upstream.read_some() == "");
    }
}

TEST_CASE("a chunk that is none breaks the answer off") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n");
    CHECK_THROWS_AS(client.receive(), http_error);
    CHECK(proxy.outcomes(1).front().why == failure::malformed);
}

TEST_CASE("bytes behind an answer are nobody's answer") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/1");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send(std::string(ok) + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
    CHECK(client.receive().body == "ok");
    client.send("GET", "/2");
    auto next = backend.accept();
    next.read_head();
    next.send(ok);
    CHECK(client.receive().body == "ok");
}

TEST_CASE("bytes that come while a connection lies idle make it worthless") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    auto old = pooled(backend, client);
    old.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
    client.send("GET", "/2");
    auto next = backend.accept();
    next.read_head();
    next.send(ok);
    CHECK(client.receive().body == "ok");
}

TEST_CASE("a pooled connection that the upstream has closed is not used") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    auto old = pooled(backend, client);
    old.close();
    client.send("GET", "/2");
    auto next = backend.accept();
    CHECK(next.read_head().starts_with("GET /2 "));
    next.send(ok);
    CHECK(client.receive().status == 200);
}

TEST_CASE("a safe request is sent once more when its pooled connection turns out to be closing") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    auto old = pooled(backend, client);
    client.send("GET", "/2");
    // The upstream had decided to close before it saw the request.
    old.read_head();
    SUBCASE("by FIN") {
        old.close();
        auto next = backend.accept();
        CHECK(next.read_head().starts_with("GET /2 "));
        next.send(ok);
        CHECK(client.receive().status == 200);
    }
    SUBCASE("by RST") {
        old.abort();
        auto next = backend.accept();
        CHECK(next.read_head().starts_with("GET /2 "));
        next.send(ok);
        CHECK(client.receive().status == 200);
    }
    SUBCASE("but only once") {
        old.close();
        auto next = backend.accept();
        next.read_head();
        next.close();
        CHECK(client.receive().status == 502);
        CHECK_FALSE(backend.connecting(0ms));
    }
}

TEST_CASE("once a byte of the answer has come nothing is sent again") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    auto old = pooled(backend, client);
    client.send("GET", "/2");
    old.read_head();
    old.send("H");
    old.close();
    CHECK(client.receive().status == 502);
    CHECK_FALSE(backend.connecting(0ms));
}

TEST_CASE("an unsafe request never goes through a pooled connection, and never twice") {
    raw_upstream backend;
    http_proxy proxy(backend.port(), {.how = upstream::repeat::never});
    http_client client(proxy.port());
    auto old = pooled(backend, client);
    CHECK(proxy.idle() == 1);
    client.send("DELETE", "/products/42");
    auto fresh = backend.accept();
    CHECK(fresh.read_head().starts_with("DELETE /products/42 "));
    fresh.close();
    // It may have been executed: nobody knows, and nobody asks again.
    CHECK(client.receive().status == 502);
    CHECK_FALSE(backend.connecting(0ms));
    CHECK_FALSE(old.readable(0ms));
}

TEST_CASE("an upstream that is too slow: 504") {
    raw_upstream backend;
    proxy_options options;
    options.upstream.timeout = 300ms;
    http_proxy proxy(backend.port(), options);
    http_client client(proxy.port());
    client.send("GET", "/");
    auto upstream = backend.accept();
    upstream.read_head();
    SUBCASE("says nothing") {}
    SUBCASE("says half a head") {
        upstream.send("HTTP/1.1 200 OK\r\n");
    }
    CHECK(client.receive().status == 504);
    CHECK(upstream.read_some() == "");
    CHECK(proxy.outcomes(1).front().why == failure::timeout);
}

TEST_CASE("an upstream that stops in mid-content") {
    raw_upstream backend;
    proxy_options options;
    options.upstream.timeout = 300ms;
    http_proxy proxy(backend.port(), options);
    http_client client(proxy.port());
    client.send("GET", "/");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    CHECK_THROWS_AS(client.receive(), http_error);
    CHECK(proxy.outcomes(1).front().why == failure::timeout);
}

TEST_CASE("idle connections close after a while") {
    raw_upstream backend;
    proxy_options options;
    options.upstream.idle_timeout = 100ms;
    http_proxy proxy(backend.port(), options);
    http_client client(proxy.port());
    auto old = pooled(backend, client);
    CHECK(old.read_some() == "");
    CHECK(proxy.idle() == 0);
}

TEST_CASE("no more idle connections than allowed are kept") {
    raw_upstream backend;
    proxy_options options;
    options.upstream.max_idle = 1;
    http_proxy proxy(backend.port(), options);
    http_client a(proxy.port());
    http_client b(proxy.port());
    a.send("GET", "/a");
    auto first = backend.accept();
    b.send("GET", "/b");
    auto second = backend.accept();
    first.read_head();
    second.read_head();
    first.send(ok);
    CHECK(a.receive().status == 200);
    second.send(ok);
    CHECK(b.receive().status == 200);
    CHECK(second.read_some() == "");
    CHECK(proxy.idle() == 1);
}

TEST_CASE("an early answer to content that is still being sent") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nhalf");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    // The rest is short: it is read and dropped, and the connection goes on.
    CHECK(client.receive("PUT").status == 403);
    client.send_raw("0123456789012345");
    client.send("GET", "/next");
    auto next = backend.accept();
    CHECK(next.read_head().starts_with("GET /next "));
    next.send(ok);
    CHECK(client.receive("GET").status == 200);
    // The upstream's half request is over.
    std::string rest;
    for (auto some = upstream.read_some(); !some.empty(); some = upstream.read_some()) {
        rest += some;
    }
    CHECK_FALSE(holds(rest, "GET"));
}
