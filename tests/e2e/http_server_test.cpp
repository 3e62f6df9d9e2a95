// The process: starting, reloading, draining, as whoever runs it sees it.
#include "tests/e2e/http_stage.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/sidecache_process.hpp"
#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <string>

using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string yaml(std::uint16_t upstream, std::string_view more = {}) {
    return "listen: 127.0.0.1:0\n"
           "admin: {listen: 127.0.0.1:0}\n"
           "workers: 2\n"
           "upstream: {url: \"http://127.0.0.1:" +
           std::to_string(upstream) +
           "\"}\n"
           "store: {url: \"memory://\"}\n"
           "rules:\n"
           "  - {name: r, match: \"GET /never\", key: \"never\", ttl: 1m, partition: none, "
           "ttl_only: true}\n" +
           std::string(more);
}

bool holds(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// One request through the proxy; the test is its upstream.
void exchange_one(http_client& client, raw_upstream& backend) {
    client.send("GET", "/x");
    auto upstream = backend.accept();
    upstream.read_head();
    upstream.send(ok);
    CHECK(client.receive().body == "ok");
}

}  // namespace

TEST_CASE("it serves on both ports as soon as it has said so") {
    raw_upstream backend;
    sidecache_process const proxy(yaml(backend.port()));
    http_client client(proxy.port());
    exchange_one(client, backend);
    CHECK(proxy.admin("GET", "/readyz").status == 200);
    CHECK(holds(proxy.admin("GET", "/metrics").body, "sidecache_build_info"));
    // Nothing of the admin port can be reached through the other.
    client.send("GET", "/readyz");
    auto upstream = backend.accept();
    CHECK(upstream.read_head().starts_with("GET /readyz "));
    upstream.send(ok);
    CHECK(client.receive().body == "ok");
}

TEST_CASE("a port that somebody else has: it says so and exits with 1") {
    auto const taken = listen_on(0);
    auto const port = std::to_string(local_port(taken));
    temp_dir folder;
    std::string text = yaml(1);
    text.replace(text.find("127.0.0.1:0"), 11, "127.0.0.1:" + port);
    auto const ended = sidecache_command({"run", folder.write("p.yaml", text)});
    CHECK(ended.status.code == 1);
    CHECK(holds(ended.err, "cannot listen on 127.0.0.1:" + port));
    CHECK(holds(ended.err, "another process has this port"));
}

TEST_CASE("a second sidecache does not share the first one's port by accident") {
    raw_upstream backend;
    sidecache_process const first(yaml(backend.port()));
    temp_dir folder;
    std::string text = yaml(1);
    text.replace(text.find("127.0.0.1:0"), 11, "127.0.0.1:" + std::to_string(first.port()));
    CHECK(sidecache_command({"run", folder.write("p.yaml", text)}).status.code == 1);
}

TEST_CASE("a file with errors: every one of them, and exit code 1") {
    temp_dir folder;
    auto const ended =
        sidecache_command({"run", folder.write("p.yaml", "lissten: 1\nupstreem: {}\nrules: []\n")});
    CHECK(ended.status.code == 1);
    CHECK(holds(ended.err, "p.yaml:1:1: error"));
    CHECK(holds(ended.err, "p.yaml:2:1: error"));
}

TEST_CASE("SIGHUP: the next request sees the new file, open connections stay") {
    raw_upstream old_backend;
    raw_upstream new_backend;
    sidecache_process proxy(yaml(old_backend.port()));
    http_client client(proxy.port());
    exchange_one(client, old_backend);
    proxy.rewrite(yaml(new_backend.port()));
    proxy.server().signal(SIGHUP);
    proxy.server().wait_for_line("configuration reloaded");
    CHECK(eventually(
        [&] { return proxy.metric("sidecache_config_reloads_total", {"outcome=\"ok\""}) == 1; }));
    exchange_one(client, new_backend);
    CHECK(client.connected());
}

TEST_CASE("SIGHUP with a bad file: the old one goes on, and why is said") {
    raw_upstream backend;
    sidecache_process proxy(yaml(backend.port()));
    proxy.rewrite("upstream: nonsense\n");
    proxy.server().signal(SIGHUP);
    auto const line = proxy.server().wait_for_line("configuration refused");
    CHECK(holds(line, "proxy.yaml:1:"));
    CHECK(eventually([&] {
        return proxy.metric("sidecache_config_reloads_total", {"outcome=\"failed\""}) == 1;
    }));
    http_client client(proxy.port());
    exchange_one(client, backend);
}

TEST_CASE("SIGTERM: what is in flight is finished, nothing new is taken, exit code 0") {
    raw_upstream backend;
    sidecache_process proxy(yaml(backend.port()));
    http_client client(proxy.port());
    client.send("GET", "/slow");
    auto upstream = backend.accept();
    upstream.read_head();
    proxy.server().terminate();
    proxy.server().wait_for_line("draining");
    CHECK(eventually([&] { return !accepts_connections(proxy.port()); }));
    // The admin port stays until the end, and says that this replica is on its way out.
    auto const ready = proxy.admin("GET", "/readyz");
    CHECK(ready.status == 503);
    CHECK(holds(ready.body, "draining"));
    upstream.send(ok);
    auto const answer = client.receive();
    CHECK(answer.body == "ok");
    CHECK(answer["Connection"] == "close");
    CHECK(proxy.server().wait() == exit_status{0, 0});
}

TEST_CASE("SIGINT drains, too") {
    raw_upstream backend;
    sidecache_process proxy(yaml(backend.port()));
    proxy.server().signal(SIGINT);
    CHECK(proxy.server().wait() == exit_status{0, 0});
}

TEST_CASE("a drain ends, whatever hangs") {
    raw_upstream backend;
    SUBCASE("after drain_timeout") {
        sidecache_process proxy(yaml(backend.port(), "limits: {drain_timeout: 300ms}\n"));
        http_client client(proxy.port());
        client.send("GET", "/slow");
        auto upstream = backend.accept();
        upstream.read_head();
        proxy.server().terminate();
        CHECK(proxy.server().wait() == exit_status{0, 0});
    }
    SUBCASE("at a second signal") {
        sidecache_process proxy(yaml(backend.port()));
        http_client client(proxy.port());
        client.send("GET", "/slow");
        auto upstream = backend.accept();
        upstream.read_head();
        proxy.server().terminate();
        proxy.server().wait_for_line("draining");
        proxy.server().terminate();
        CHECK(proxy.server().wait() == exit_status{0, 0});
    }
}

TEST_CASE("a mutation whose store is memory:// goes through with its content") {
    raw_upstream backend;
    sidecache_process const proxy(yaml(backend.port()));
    http_client client(proxy.port());
    client.send("POST", "/things", {{"Content-Type", "application/json"}}, R"({"a": 1})");
    auto upstream = backend.accept();
    auto const head = upstream.read_head();
    CHECK(head.starts_with("POST /things HTTP/1.1\r\n"));
    CHECK(holds(head, "\r\nContent-Length: 8\r\n"));
    CHECK(upstream.read(8) == R"({"a": 1})");
    upstream.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    CHECK(client.receive().status == 201);
}
