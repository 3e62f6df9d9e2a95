// Content on its way up: 100-continue, early answers, clients and content that end too soon.
#include "tests/e2e/http_stage.hpp"
#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <fstream>
#include <string>
#include <thread>

using namespace sidecache;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

bool holds(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// Bytes of this process that are in memory now.
std::size_t resident() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total = 0;
    std::size_t pages = 0;
    statm >> total >> pages;
    return pages * 4'096;
}

}  // namespace

TEST_CASE("100-continue: the upstream is asked, and its word is passed on") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw(
        "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    auto upstream = backend.accept();
    CHECK(holds(upstream.read_head(), "\r\nExpect: 100-continue\r\n"));
    SUBCASE("it wants the content") {
        upstream.send("HTTP/1.1 100 Continue\r\n\r\n");
        CHECK(client.receive_some() == "HTTP/1.1 100 Continue\r\n\r\n");
        client.send_raw("hello");
        CHECK(upstream.read(5) == "hello");
        upstream.send(ok);
        auto const answer = client.receive("PUT");
        CHECK(answer.body == "ok");
        CHECK_FALSE(answer.closes);
    }
    SUBCASE("it refuses: the content need not be sent, and the connection ends") {
        upstream.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
        auto const all = client.receive_until_closed();
        CHECK(all.starts_with("HTTP/1.1 401 "));
        CHECK(holds(all, "\r\nConnection: close\r\n"));
        CHECK_FALSE(holds(all, "100 Continue"));
    }
    SUBCASE("it says nothing: the content is sent after a while") {
        CHECK(client.receive_some() == "HTTP/1.1 100 Continue\r\n\r\n");
        client.send_raw("hello");
        CHECK(upstream.read(5) == "hello");
        upstream.send(ok);
        CHECK(client.receive("PUT").body == "ok");
    }
}

TEST_CASE("a handler that wants the content says 100 by reading it") {
    raw_upstream backend;
    auto const echo = [](http::downstream& client) -> task<void> {
        std::string content(100, '\0');
        auto const size = co_await client.read_body(asio::buffer(content));
        REQUIRE(size);
        content.resize(*size);
        http::response_head head;
        head.status = 200;
        auto const failed = co_await client.send(head, content);
        CHECK_FALSE(failed);
    };
    http_proxy proxy(backend.port(), {.handler = echo});
    http_client client(proxy.port());
    client.send_raw(
        "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(client.receive_some() == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send_raw("hi");
    CHECK(client.receive("PUT").body == "hi");
}

TEST_CASE("an answer to a big upload arrives before the upload ends") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbeginning");
    auto upstream = backend.accept();
    upstream.read_head();
    CHECK(upstream.read(9) == "beginning");
    upstream.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    auto const all = client.receive_until_closed();
    CHECK(all.starts_with("HTTP/1.1 413 "));
    CHECK(all.ends_with("big"));
}

TEST_CASE("content that nobody read is dropped, or the connection is") {
    raw_upstream backend;
    auto const ignore = [](http::downstream& client) -> task<void> {
        http::response_head head;
        head.status = 200;
        auto const failed = co_await client.send(head, "ok");
        CHECK_FALSE(failed);
    };
    http_proxy proxy(backend.port(), {.handler = ignore});
    http_client client(proxy.port());
    SUBCASE("a little") {
        for (int i = 0; i < 3; ++i) {
            auto const answer = client.request("POST", "/", {}, std::string(50'000, 'x'));
            CHECK(answer.body == "ok");
            CHECK_FALSE(answer.closes);
        }
    }
    SUBCASE("much") {
        client.send_raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
        auto const all = client.receive_until_closed();
        CHECK(holds(all, "\r\nConnection: close\r\n"));
        CHECK(all.ends_with("ok"));
    }
    SUBCASE("chunked without end") {
        client.send_raw("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        auto const answer = client.receive("POST");
        CHECK(answer.body == "ok");
        std::string const chunk = "8000\r\n" + std::string(0x8000, 'x') + "\r\n";
        client.send_raw(chunk);
        client.send_raw(chunk);
        client.send_raw(chunk);
        CHECK(client.receive_some() == "");
    }
}

TEST_CASE("content whose framing breaks is 400, and half of it is not a request") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
    auto upstream = backend.accept();
    upstream.read_head();
    CHECK(client.receive("POST").status == 400);
    // The upstream sees its connection end before the last chunk.
    std::string seen;
    for (auto some = upstream.read_some(); !some.empty(); some = upstream.read_some()) {
        seen += some;
    }
    CHECK_FALSE(holds(seen, "0\r\n\r\n"));
}

TEST_CASE("a client that goes away in mid-upload takes its upstream request with it") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
    auto upstream = backend.accept();
    upstream.read_head();
    CHECK(upstream.read(4) == "half");
    SUBCASE("politely") {
        client.close();
    }
    SUBCASE("by a reset") {
        client.abort();
    }
    CHECK(upstream.read_some() == "");
    CHECK(proxy.outcomes(1).front().status == 0);
}

TEST_CASE("a client that goes away in mid-answer ends the exchange") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    client.receive_some();
    client.abort();
    std::string const chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
    // Sooner or later the proxy's write fails; then this connection ends, too.
    bool ended = false;
    for (int i = 0; i < 10'000 && !ended; ++i) {
        try {
            upstream.send(chunk);
        } catch (std::exception const&) {
            ended = true;
        }
    }
    CHECK(ended);
    CHECK(proxy.outcomes(1).front().why != upstream::failure::timeout);
}

TEST_CASE("big bodies both ways in bounded memory") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    constexpr std::size_t total = 200 << 20;
    std::string const piece(1 << 20, 'x');
    auto const before = resident();
    client.send_raw("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(total) +
                    "\r\n\r\n");
    auto upstream = backend.accept();
    upstream.read_head();
    std::thread sender([&] {
        for (std::size_t sent = 0; sent < total; sent += piece.size()) {
            client.send_raw(piece);
        }
    });
    std::size_t received = 0;
    std::size_t most = 0;
    while (received < total) {
        received += upstream.read_some().size();
        most = std::max(most, resident());
    }
    sender.join();
    CHECK(received == total);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n");
    std::thread answerer([&] {
        for (std::size_t sent = 0; sent < total; sent += piece.size()) {
            upstream.send(piece);
        }
    });
    std::size_t came = client.receive_some().size();
    while (came < total) {
        came += client.receive_some().size();
        most = std::max(most, resident());
    }
    answerer.join();
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    (void)before;  // a sanitizer keeps what has been freed
#else
    CHECK(most < before + (40 << 20));
#endif
}

TEST_CASE("while the client takes its time the upstream's does not run") {
    proxy_options options;
    options.upstream.timeout = 200ms;
    options.limits.body_timeout = 10s;
    raw_upstream backend;
    SUBCASE("a pause inside the content") {
        http_proxy proxy(backend.port(), options);
        http_client client(proxy.port());
        client.send_raw("GET /search HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf");
        auto upstream = backend.accept();
        upstream.read_head();
        CHECK(upstream.read(4) == "half");
        CHECK_FALSE(client.readable(700ms));
        client.send_raw("half");
        CHECK(upstream.read(4) == "half");
        upstream.send(ok);
        CHECK(client.receive("GET").body == "ok");
    }
    SUBCASE("behind the content it runs again: 504") {
        http_proxy proxy(backend.port(), options);
        http_client client(proxy.port());
        client.send_raw("GET /search HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf");
        auto upstream = backend.accept();
        upstream.read_head();
        CHECK(upstream.read(4) == "half");
        client.send_raw("half");
        CHECK(client.receive("GET").status == 504);
    }
    SUBCASE("a pause longer than body_timeout is the client's: 408") {
        options.limits.body_timeout = 600ms;
        http_proxy proxy(backend.port(), options);
        http_client client(proxy.port());
        client.send_raw("GET /search HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf");
        auto upstream = backend.accept();
        upstream.read_head();
        CHECK(upstream.read(4) == "half");
        CHECK(client.receive("GET").status == 408);
        CHECK(upstream.read_some() == "");
    }
    SUBCASE("a client that reads slowly, while the upstream has more") {
        http_proxy proxy(backend.port(), options);
        http_client client(proxy.port());
        client.send("GET", "/");
        auto upstream = backend.accept();
        upstream.read_head();
        std::string const large(16 << 20, 'x');
        std::jthread const sender([&] {
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(large.size()) +
                          "\r\n\r\n");
            upstream.send(large);
        });
        CHECK(client.readable(15s));
        // Not a byte is taken for longer than upstream.timeout.
        CHECK_FALSE(eventually([] { return false; }, 700ms));
        CHECK(client.receive().body.size() == large.size());
    }
}
