// Requests and answers through the proxy, as the two sides see them on the wire.
#include "tests/e2e/http_stage.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sidecache;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

bool holds(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TEST_CASE("a request goes through, and its answer comes back") {
    raw_upstream backend;
    http_proxy proxy(backend.port(), {.extra = {{"Cache-Status", "sidecache; fwd=bypass"}}});
    http_client client(proxy.port());
    client.send_raw(
        "GET /products/42?x=1 HTTP/1.1\r\nHost: shop\r\nX-Org-Id: 7\r\n"
        "Connection: keep-alive\r\nTE: trailers\r\n\r\n");
    auto upstream = backend.accept();
    auto const request = upstream.read_head();
    CHECK(request.starts_with("GET /products/42?x=1 HTTP/1.1\r\nHost: shop\r\nX-Org-Id: 7\r\n"));
    CHECK(holds(request, "\r\nX-Forwarded-For: 127.0.0.1\r\n"));
    CHECK(holds(request, "\r\nVia: 1.1 sidecache\r\n"));
    CHECK_FALSE(holds(request, "Connection"));
    CHECK_FALSE(holds(request, "TE:"));
    CHECK_FALSE(holds(request, "Content-Length"));
    upstream.send(
        "HTTP/1.1 200 Fine\r\nETag: \"1\"\r\nConnection: X-Private\r\nX-Private: y\r\n"
        "Keep-Alive: timeout=5\r\nContent-Length: 5\r\n\r\nhello");
    auto const answer = client.receive("GET");
    CHECK(answer.status == 200);
    CHECK(answer.reason == "Fine");
    CHECK(answer.body == "hello");
    CHECK(answer["ETag"] == "\"1\"");
    CHECK(answer["Cache-Status"] == "sidecache; fwd=bypass");
    CHECK(answer.field("Date"));
    CHECK_FALSE(answer.field("X-Private"));
    CHECK_FALSE(answer.field("Keep-Alive"));
    CHECK_FALSE(answer.closes);
    auto const outcome = proxy.outcomes(1).front();
    CHECK(outcome.status == 200);
    CHECK(outcome.bytes == 5);
    CHECK(outcome.why == upstream::failure::none);
}

TEST_CASE("connections are kept on both sides") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/1");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send(ok);
    CHECK(client.receive().body == "ok");
    client.send("GET", "/2");
    CHECK(upstream.read_head().starts_with("GET /2 "));
    upstream.send(ok);
    CHECK(client.receive().body == "ok");
    CHECK_FALSE(backend.connecting(0ms));
    CHECK(proxy.connections() == 1);
}

TEST_CASE("pipelined requests are answered in their order") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw(
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    auto first = backend.accept();
    CHECK(first.read_head().starts_with("GET /1 "));
    first.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    // What may not be repeated gets a connection of its own.
    auto second = backend.accept();
    CHECK(second.read_head().starts_with("POST /2 "));
    CHECK(second.read(3) == "abc");
    second.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2");
    // The connection used last is used next.
    CHECK(second.read_head().starts_with("GET /3 "));
    second.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3");
    CHECK(client.receive("GET").body == "1");
    CHECK(client.receive("POST").body == "2");
    CHECK(client.receive("GET").body == "3");
}

TEST_CASE("chunked both ways, byte for byte") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n");
    auto upstream = backend.accept();
    auto const head = upstream.read_head();
    CHECK(holds(head, "\r\nTransfer-Encoding: chunked\r\n"));
    CHECK_FALSE(holds(head, "Content-Length"));
    std::string content;
    for (;;) {
        auto const size = std::stoul(upstream.read_until("\r\n"), nullptr, 16);
        if (size == 0) {
            break;
        }
        content += upstream.read(size);
        CHECK(upstream.read(2) == "\r\n");
    }
    CHECK(upstream.read(2) == "\r\n");
    CHECK(content == "abcdefg");
    upstream.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    auto const answer = client.receive("POST");
    CHECK(answer["Transfer-Encoding"] == "chunked");
    CHECK(answer.body == "hello");
    CHECK_FALSE(answer.closes);
}

TEST_CASE("an answer arrives piece by piece, not at its end") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/events");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string got = client.receive_some();
    CHECK(got.starts_with("HTTP/1.1 200 OK\r\n"));
    upstream.send("5\r\nfirst\r\n");
    while (!holds(got, "first")) {
        got += client.receive_some();
    }
    upstream.send("6\r\nsecond\r\n0\r\n\r\n");
    while (!holds(got, "\r\n0\r\n\r\n")) {
        got += client.receive_some();
    }
    CHECK(holds(got, "second"));
}

TEST_CASE("HEAD has the head of a GET and no content") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    for (std::string const head : {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\n\r\n"}) {
        CAPTURE(head);
        client.send("HEAD", "/");
        auto upstream = backend.accept();
        CHECK(upstream.read_head().starts_with("HEAD / "));
        upstream.send(head);
        auto const answer = client.receive();
        CHECK(answer.status == 200);
        CHECK(answer.body == "");
        CHECK_FALSE(answer.closes);
        if (head.find("1000") != std::string::npos) {
            CHECK(answer["Content-Length"] == "1000");
        }
        // Whether a broken upstream still sends the content nobody knows: it would be the next
        // request's answer.
        CHECK(upstream.read_some() == "");
    }
}

TEST_CASE("204 and 304 have no content, whatever they say of its length") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/1");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n");
    auto const unchanged = client.receive();
    CHECK(unchanged.status == 304);
    CHECK(unchanged["ETag"] == "\"1\"");
    client.send("GET", "/2");
    upstream.read_head();
    upstream.send("HTTP/1.1 204 No Content\r\n\r\n");
    auto const empty = client.receive();
    CHECK(empty.status == 204);
    CHECK_FALSE(empty.field("Content-Length"));
    CHECK_FALSE(empty.field("Transfer-Encoding"));
    for (std::string const head :
         {"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
          "HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n",
          "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        CAPTURE(head);
        client.send("GET", "/3");
        upstream.read_head();
        upstream.send(head);
        CHECK(client.receive().body == "");
        // That content may still come: the connection is not used again.
        CHECK(upstream.read_some() == "");
        client.send("GET", "/4");
        upstream = backend.accept();
        upstream.read_head();
        upstream.send(ok);
        CHECK(client.receive().body == "ok");
    }
}

TEST_CASE("an HTTP/1.0 client gets what it can read") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    SUBCASE("content of unknown length ends with the connection") {
        client.send_raw("GET / HTTP/1.0\r\n\r\n");
        auto upstream = backend.accept();
        auto const head = upstream.read_head();
        CHECK(head.starts_with("GET / HTTP/1.1\r\n"));
        CHECK(holds(head, "\r\nHost: fallback\r\n"));
        upstream.send(
            "HTTP/1.1 103 Early Hints\r\n\r\n"
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        auto const all = client.receive_until_closed();
        CHECK_FALSE(holds(all, "103"));
        CHECK_FALSE(holds(all, "chunked"));
        CHECK(holds(all, "\r\nConnection: close\r\n"));
        CHECK(all.ends_with("\r\n\r\nok"));
    }
    SUBCASE("keep-alive is said to those who ask for it") {
        client.send_raw("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        auto upstream = backend.accept();
        upstream.read_head();
        upstream.send(ok);
        auto const answer = client.receive("GET");
        CHECK(answer["Connection"] == "keep-alive");
        CHECK(answer.body == "ok");
    }
}

TEST_CASE("Connection: close is kept to") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/", {{"Connection", "close"}});
    auto upstream = backend.accept();
    CHECK_FALSE(holds(upstream.read_head(), "close"));
    upstream.send(ok);
    auto const all = client.receive_until_closed();
    CHECK(holds(all, "\r\nConnection: close\r\n"));
    CHECK(all.ends_with("ok"));
}

TEST_CASE("an upstream's Connection: close ends its connection and not the client's") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/1");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    CHECK_FALSE(client.receive().closes);
    CHECK(upstream.read_some() == "");
    client.send("GET", "/2");
    auto next = backend.accept();
    next.read_head();
    next.send("HTTP/1.1 200 OK\r\n\r\nuntil closed");
    next.close();
    auto const answer = client.receive();
    CHECK(answer.body == "until closed");
    CHECK_FALSE(answer.closes);
}

TEST_CASE("interim answers go through; the upstream's 100 does not without being asked for") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n");
    upstream.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
    upstream.send(ok);
    auto const answer = client.receive();
    CHECK(answer.interims == std::vector<int>{103});
    CHECK(answer.body == "ok");
}

TEST_CASE("a prepared answer is one head and one body, as they are") {
    raw_upstream backend;
    http_proxy proxy(backend.port(), {.handler = [](http::downstream& client) -> task<void> {
                         std::string const head =
                             "HTTP/1.1 200 OK\r\nAge: 3\r\nContent-Length: 5\r\n\r\n";
                         auto const failed = co_await client.send_prepared(200, head, "hello");
                         CHECK_FALSE(failed);
                         CHECK(client.bytes_sent() == 5);
                     }});
    http_client client(proxy.port());
    for (int i = 0; i < 3; ++i) {
        auto const answer = client.get("/");
        CHECK(answer["Age"] == "3");
        CHECK(answer.body == "hello");
    }
}

TEST_CASE("a handler that answers nothing is covered for") {
    raw_upstream backend;
    http_proxy proxy(backend.port(),
                     {.handler = [](http::downstream&) -> task<void> { co_return; }});
    CHECK(fetch(proxy.port(), "GET", "/").status == 500);
}

TEST_CASE("an answer that is started and not finished is broken off where the client sees it") {
    raw_upstream backend;
    auto const unfinished = [](http::downstream& client) -> task<void> {
        http::response_head head;
        head.status = 200;
        head.body = http::framing::chunked;
        auto const started = co_await client.start(head);
        CHECK_FALSE(started);
        auto const written = co_await client.write(asio::buffer("half", 4));
        CHECK_FALSE(written);
    };
    http_proxy proxy(backend.port(), {.handler = unfinished});
    http_client client(proxy.port());
    client.send("GET", "/");
    CHECK_THROWS_AS(client.receive(), http_error);
}
