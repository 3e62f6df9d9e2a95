// Limits, timeouts, upgrades, drains, and what of a refused request reaches the upstream: nothing.
#include "tests/e2e/http_stage.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/sockets.hpp"

#include <boost/asio/error.hpp>
#include <doctest/doctest.h>

#include <future>
#include <string>
#include <vector>

using namespace sidecache;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

bool holds(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

int status_of(std::string const& answer) {
    REQUIRE(answer.starts_with("HTTP/1.1 "));
    return std::stoi(answer.substr(9, 3));
}

}  // namespace

TEST_CASE("a refused request is answered, its connection closes, and the upstream sees nothing") {
    proxy_options options;
    options.limits.max_target = 200;
    options.limits.max_header = 1'000;
    options.limits.max_body = 10;
    raw_upstream backend;
    http_proxy proxy(backend.port(), options);
    struct {
        std::string bytes;
        int status;
    } const table[] = {
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n"
         "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"
         "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\nHost: a\n\n", 400},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        {"GET /\r\n", 400},
        {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
        {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405},
        {"GET /" + std::string(300, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2'000, 'x') + "\r\n\r\n", 431},
        {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: something\r\n\r\n", 417},
    };
    for (auto const& row : table) {
        CAPTURE(row.bytes);
        http_client client(proxy.port());
        client.send_raw(row.bytes);
        auto const answer = client.receive_until_closed();
        CHECK(status_of(answer) == row.status);
        CHECK(holds(answer, "\r\nConnection: close\r\n"));
        CHECK(holds(answer, "\r\nContent-Type: text/plain"));
    }
    CHECK_FALSE(backend.connecting(0ms));
}

TEST_CASE("chunked content that grows beyond max_body is 413") {
    proxy_options options;
    options.limits.max_body = 10;
    raw_upstream backend;
    http_proxy proxy(backend.port(), options);
    http_client client(proxy.port());
    client.send_raw("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n");
    client.send_raw("0123456789x\r\n0\r\n\r\n");
    CHECK(client.receive("PUT").status == 413);
}

TEST_CASE("the answer to a refused request arrives though the client goes on sending") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw("GET / HTTP/1.1\r\nBroken header\r\n\r\n" + std::string(100'000, 'x'));
    CHECK(status_of(client.receive_until_closed()) == 400);
}

TEST_CASE("clients that take their time") {
    proxy_options options;
    options.limits.header_timeout = 200ms;
    options.limits.body_timeout = 200ms;
    options.limits.idle_timeout = 200ms;
    raw_upstream backend;
    http_proxy proxy(backend.port(), options);
    http_client client(proxy.port());
    SUBCASE("say nothing: the connection closes without a word") {
        client.connect();
        CHECK(client.receive_until_closed() == "");
    }
    SUBCASE("say nothing after an answer") {
        client.send("GET", "/");
        auto upstream = backend.accept();
        upstream.read_head();
        upstream.send(ok);
        CHECK(client.receive().status == 200);
        CHECK(client.receive_until_closed() == "");
    }
    SUBCASE("send half a head: 408") {
        client.send_raw("GET / HTTP/1.1\r\nHo");
        auto const answer = client.receive_until_closed();
        CHECK(status_of(answer) == 408);
        CHECK(holds(answer, "\r\nConnection: close\r\n"));
    }
    SUBCASE("send half a content: 408") {
        client.send_raw("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
        auto upstream = backend.accept();
        upstream.read_head();
        CHECK(upstream.read(4) == "half");
        CHECK(status_of(client.receive_until_closed()) == 408);
        CHECK(upstream.read_some() == "");
    }
}

TEST_CASE("a head that trickles in does not live longer than header_timeout") {
    proxy_options options;
    options.limits.header_timeout = 300ms;
    raw_upstream backend;
    http_proxy proxy(backend.port(), options);
    http_client client(proxy.port());
    client.send_raw("GET / HTTP/1.1\r\n");
    auto const began = std::chrono::steady_clock::now();
    while (!client.readable(20ms)) {
        client.send_raw("X: y\r\n");
        REQUIRE(std::chrono::steady_clock::now() - began < 10s);
    }
    CHECK(client.receive("GET").status == 408);
}

TEST_CASE("a client that does not read is given up after write_timeout") {
    proxy_options options;
    options.limits.write_timeout = 300ms;
    raw_upstream backend;
    std::promise<error_code> ended;
    auto const flood = [&ended](http::downstream& client) -> task<void> {
        http::response_head head;
        head.status = 200;
        head.body = http::framing::chunked;
        auto failed = co_await client.start(head);
        std::string const piece(64 << 10, 'x');
        while (!failed) {
            failed = co_await client.write(asio::buffer(piece));
        }
        ended.set_value(failed);
    };
    options.handler = flood;
    http_proxy proxy(backend.port(), options);
    http_client client(proxy.port());
    client.send("GET", "/");
    CHECK(ended.get_future().get() == asio::error::timed_out);
    CHECK(eventually([&] { return proxy.connections() == 0; }));
}

TEST_CASE("no more connections than max_connections are served; the next one waits its turn") {
    proxy_options options;
    options.limits.max_connections = 1;
    raw_upstream backend;
    http_proxy proxy(backend.port(), options);
    http_client first(proxy.port());
    first.send("GET", "/1");
    auto upstream = backend.accept();
    upstream.read_head();
    http_client second(proxy.port());
    second.send("GET", "/2");
    CHECK_FALSE(backend.connecting(100ms));
    upstream.send(ok);
    CHECK(first.receive().status == 200);
    first.close();
    CHECK(upstream.read_head().starts_with("GET /2 "));
    upstream.send(ok);
    CHECK(second.receive().status == 200);
}

TEST_CASE("an upgrade becomes a tunnel, both ways, with half closes") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw(
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: k\r\n\r\nearly");
    auto upstream = backend.accept();
    auto const head = upstream.read_head();
    CHECK(holds(head, "\r\nConnection: Upgrade\r\n"));
    CHECK(holds(head, "\r\nUpgrade: websocket\r\n"));
    CHECK(holds(head, "\r\nSec-WebSocket-Key: k\r\n"));
    upstream.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        "welcome");
    std::string got;
    while (!holds(got, "welcome")) {
        got += client.receive_some();
    }
    CHECK(got.starts_with("HTTP/1.1 101 "));
    CHECK(holds(got, "\r\nUpgrade: websocket\r\n"));
    CHECK(upstream.read(5) == "early");
    client.send_raw("ping");
    CHECK(upstream.read(4) == "ping");
    upstream.send("pong");
    CHECK(client.receive_some() == "pong");
    client.shutdown_send();
    CHECK(upstream.read_some() == "");
    upstream.send("last words");
    CHECK(client.receive_some() == "last words");
    upstream.close();
    CHECK(client.receive_some() == "");
    CHECK(proxy.outcomes(1).front().status == 101);
}

TEST_CASE("an upgrade that the upstream does not take is an ordinary answer") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET", "/ws", {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}});
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send(ok);
    auto const answer = client.receive();
    CHECK(answer.body == "ok");
    CHECK_FALSE(answer.closes);
}

TEST_CASE("h2c is not tunnelled: nobody would see the requests in it") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send("GET",
                "/",
                {{"Connection", "Upgrade, HTTP2-Settings"},
                 {"Upgrade", "h2c"},
                 {"HTTP2-Settings", "AAMAAABkAAQAoAAA"}});
    auto upstream = backend.accept();
    auto const head = upstream.read_head();
    CHECK_FALSE(holds(head, "h2c"));
    CHECK_FALSE(holds(head, "HTTP2-Settings"));
    upstream.send(ok);
    CHECK(client.receive().status == 200);
}

TEST_CASE("a tunnel through which nothing moves is closed") {
    proxy_options options;
    options.limits.idle_timeout = 200ms;
    raw_upstream backend;
    http_proxy proxy(backend.port(), options);
    http_client client(proxy.port());
    client.send("GET", "/ws", {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}});
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    CHECK(upstream.read_some() == "");
    CHECK(holds(client.receive_until_closed(), "101"));
}

TEST_CASE("a drain finishes what is in flight and closes what is idle") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client idle(proxy.port());
    idle.send("GET", "/0");
    auto first = backend.accept();
    first.read_head();
    first.send(ok);
    CHECK(idle.receive().status == 200);
    http_client busy(proxy.port());
    busy.send("GET", "/1");
    first.read_head();
    proxy.drain();
    CHECK(idle.receive_until_closed() == "");
    CHECK_FALSE(proxy.joined(0ms));
    first.send(ok);
    auto const answer = busy.receive();
    CHECK(answer.status == 200);
    CHECK(answer["Connection"] == "close");
    CHECK(proxy.joined(15s));
    CHECK_FALSE(accepts_connections(proxy.port()));
}

TEST_CASE("an absolute-form target reaches the upstream as a path with its own Host") {
    raw_upstream backend;
    http_proxy proxy(backend.port());
    http_client client(proxy.port());
    client.send_raw("GET http://shop.example/a?b HTTP/1.1\r\nHost: evil\r\n\r\n");
    auto upstream = backend.accept();
    auto const head = upstream.read_head();
    CHECK(head.starts_with("GET /a?b HTTP/1.1\r\n"));
    CHECK(holds(head, "\r\nHost: shop.example\r\n"));
    CHECK_FALSE(holds(head, "evil"));
    upstream.send(ok);
    CHECK(client.receive("GET").status == 200);
}
