// Requests that a handler knows by their bytes, and how a session reads: on the wire.
#include "tests/e2e/http_stage.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>

using namespace sidecache;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view known_head = "GET /known HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Knows one request; passes everything else through.
struct knowing_stage {
    explicit knowing_stage(std::string content = "hi") : body(std::move(content)) {
        head = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
        proxy_options options;
        options.known = [this](http::downstream& client, std::string_view asked) {
            if (asked != known_head) {
                return false;
            }
            ++answered;
            client.send_now(200, head, body);
            return true;
        };
        proxy.emplace(backend.port(), std::move(options));
    }
    std::string body;
    std::string head;
    std::atomic<int> answered{0};
    raw_upstream backend;
    std::optional<http_proxy> proxy;
};

}  // namespace

TEST_CASE("known requests and others follow each other on one connection") {
    knowing_stage w;
    http_client client(w.proxy->port());
    std::optional<upstream_connection> upstream;
    for (int i = 0; i < 3; ++i) {
        client.send_raw(known_head);
        CHECK(client.receive("GET").body == "hi");
        client.send("GET", "/other");
        if (!upstream) {
            upstream.emplace(w.backend.accept());
        }
        CHECK(upstream->read_head().starts_with("GET /other "));
        upstream->send(ok);
        CHECK(client.receive().body == "ok");
    }
    CHECK(w.answered == 3);
    CHECK(w.proxy->connections() == 1);
}

TEST_CASE("of what does not come whole and alone nothing is known") {
    knowing_stage w;
    http_client client(w.proxy->port());
    SUBCASE("pipelined") {
        client.send_raw(std::string(known_head) + std::string(known_head));
    }
    SUBCASE("in two pieces") {
        client.send_raw(known_head.substr(0, 9));
        CHECK_FALSE(client.readable(50ms));
        client.send_raw(known_head.substr(9));
    }
    auto upstream = w.backend.accept();
    CHECK(upstream.read_head().starts_with("GET /known "));
    upstream.send(ok);
    CHECK(client.receive("GET").body == "ok");
    CHECK(w.answered == 0);
}

TEST_CASE("a head larger than the session's buffer is read whole") {
    knowing_stage w;
    http_client client(w.proxy->port());
    std::string const large(20'000, 'x');
    client.send_raw("GET /large HTTP/1.1\r\nHost: a\r\nX-Large: " + large + "\r\n\r\n");
    auto upstream = w.backend.accept();
    CHECK(upstream.read_head().find(large) != std::string::npos);
    upstream.send(ok);
    CHECK(client.receive("GET").body == "ok");
}

TEST_CASE("a known answer that the socket does not take at once goes out whole") {
    knowing_stage w(std::string(8 << 20, 'x'));
    http_client client(w.proxy->port());
    client.send_raw(known_head);
    CHECK(client.receive("GET").body.size() == 8U << 20U);
    client.send_raw(known_head);
    CHECK(client.receive("GET").body.size() == 8U << 20U);
    CHECK(w.answered == 2);
}

TEST_CASE("a client that goes away in the middle of a known answer ends its session") {
    knowing_stage w(std::string(24 << 20, 'x'));
    http_client client(w.proxy->port());
    client.send_raw(known_head);
    client.receive_some();
    client.abort();
    w.proxy->drain();
    CHECK(w.proxy->joined(15s));
}

TEST_CASE("a client that says at once that it sends no more gets its answer, then the end") {
    knowing_stage w;
    http_client client(w.proxy->port());
    // Request and end lie in the socket together before the session looks.
    client.send_raw(known_head);
    client.shutdown_send();
    CHECK(client.receive("GET").body == "hi");
    CHECK(client.readable(10s));
    CHECK(client.receive_some().empty());
}

TEST_CASE("an idle connection with known requests behind it goes in a drain") {
    knowing_stage w;
    http_client client(w.proxy->port());
    client.send_raw(known_head);
    CHECK(client.receive("GET").body == "hi");
    w.proxy->drain();
    CHECK(w.proxy->joined(15s));
    CHECK(client.receive_some().empty());
}
