// Running it: readiness, reload, drain, the command line (design.md section 3).
#include "tests/e2e/products.hpp"
#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>
#include <signal.h>

using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

stack_options one_replica() {
    auto o = patient();
    o.replicas = 1;
    return o;
}

}  // namespace

TEST_CASE(
    "healthy and ready, and still ready when Redis or the backend is gone: degraded, by name") {
    auto o = with_short_markers();
    o.replicas = 1;
    stack s(o);
    auto const state = [&] { return s[0].admin("GET", "/readyz"); };
    CHECK(s[0].admin("GET", "/healthz").status == 200);
    CHECK(s[0].admin("GET", "/livez").status == 200);
    CHECK(state().status == 200);
    CHECK(eventually([&] { return state().body.find("degraded\":[]") != std::string::npos; }));
    s.redis().pause();
    s[0].get("/products/1");
    CHECK(eventually([&] { return state().body.find("store") != std::string::npos; }));
    CHECK(state().status == 200);
    CHECK(s[0].admin("GET", "/healthz").status == 200);
    s.redis().resume();
    CHECK(eventually([&] {
        s[0].get("/products/1");
        return state().body.find("degraded\":[]") != std::string::npos;
    }));
}

TEST_CASE(
    "SIGHUP: new rules hold for new requests; a file with an error keeps the old ones and says "
    "why") {
    stack s(one_replica());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    auto const reloads = [&](std::string const& outcome) {
        return s[0].metric("sidecache_config_reloads_total", {"outcome=\"" + outcome + "\""});
    };
    SUBCASE("a rule is gone: its route passes") {
        s[0].rewrite(s.yaml(0, R"(
rules:
  - {name: summaries, match: "GET /products/{id}/summary", key: "product:{id}", ttl: 10m}
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["product:{id}*"]}
)"));
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads("ok") == 1; }));
        CHECK_FALSE(is_hit(s[0].get("/products/1")));
        CHECK_FALSE(is_stored(s[0].get("/products/1")));
        CHECK(becomes_hit(s, 0, "/products/1/summary"));
    }
    SUBCASE("an error: nothing changes") {
        s[0].rewrite(s.yaml(0) + "\nno_such_section: 1\n");
        s[0].server().signal(SIGHUP);
        auto const line = s[0].server().wait_for_line("no_such_section");
        CHECK(line.find("proxy.yaml:") != std::string::npos);
        CHECK(is_hit(s[0].get("/products/1")));
        CHECK(eventually([&] { return reloads("failed") == 1; }));
        CHECK(reloads("ok") == 0);
    }
    SUBCASE("requests in flight and kept connections do not notice") {
        s.backend().fault(R"({"path": "/products/2", "hold": true})");
        http_client kept(s[0].port());
        CHECK(kept.get("/health").status == 200);
        kept.send("GET", "/products/2");
        s.backend().wait_held(1);
        s[0].server().signal(SIGHUP);
        REQUIRE(eventually([&] { return reloads("ok") == 1; }));
        s.backend().heal();
        CHECK(kept.receive().status == 200);
        CHECK(is_hit(kept.get("/products/1")));
    }
}

TEST_CASE("reload: watch takes a changed file without a signal, and says why it does not") {
    auto o = one_replica();
    o.settings = "reload: watch\n";
    stack s(o);
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    auto const reloads = [&](std::string const& outcome) {
        return s[0].metric("sidecache_config_reloads_total", {"outcome=\"" + outcome + "\""});
    };
    s[0].rewrite(s.yaml(0) + "\nno_such_section: 1\n");
    s[0].server().wait_for_line("no_such_section");
    CHECK(is_hit(s[0].get("/products/1")));
    s[0].rewrite(s.yaml(0, R"(
rules:
  - {name: summaries, match: "GET /products/{id}/summary", key: "product:{id}", ttl: 10m}
purges:
  - {name: changed, on: "PATCH /products/{id}", patterns: ["product:{id}*"]}
)"));
    REQUIRE(eventually([&] { return reloads("ok") == 1; }));
    CHECK_FALSE(is_hit(s[0].get("/products/1")));
    CHECK(becomes_hit(s, 0, "/products/1/summary"));
    // Each text is tried once.
    CHECK(reloads("failed") == 1);
}

TEST_CASE(
    "drain_delay: after SIGTERM not ready, but served, each answer the last of its connection; a "
    "second SIGTERM ends the delay") {
    auto o = one_replica();
    o.settings = "limits: {drain_delay: 10m}\n";
    stack s(o);
    http_client kept(s[0].port());
    CHECK(kept.get("/products/1")["Connection"] == "");
    s[0].server().terminate();
    REQUIRE(eventually([&] { return s[0].admin("GET", "/readyz").status == 503; }));
    CHECK(s[0].admin("GET", "/livez").status == 200);
    SUBCASE("a connection from before") {
        auto const last = kept.get("/products/1");
        CHECK(last.status == 200);
        CHECK(last["Connection"] == "close");
    }
    SUBCASE("a new one") {
        http_client late(s[0].port());
        auto const only = late.get("/products/1");
        CHECK(only.status == 200);
        CHECK(only["Connection"] == "close");
        CHECK(accepts_connections(s[0].port()));
    }
    SUBCASE("what is in flight when the delay ends is finished") {
        s.backend().fault(R"({"path": "/products/2", "hold": true})");
        kept.send("GET", "/products/2");
        s.backend().wait_held(1);
    }
    s[0].server().terminate();
    CHECK(eventually([&] { return !accepts_connections(s[0].port()); }));
    s.backend().heal();
    CHECK(s[0].server().wait() == exit_status{0, 0});
}

TEST_CASE("sidecache drain: not ready and each answer the last, until SIGTERM comes") {
    stack s(one_replica());
    http_client kept(s[0].port());
    CHECK(kept.get("/products/1")["Connection"] == "");
    auto const admin = "http://127.0.0.1:" + std::to_string(s[0].admin_port());
    for (int twice = 0; twice < 2; ++twice) {
        CHECK(sidecache_command({"drain", "--admin", admin}).status == exit_status{0, 0});
    }
    REQUIRE(eventually([&] { return s[0].admin("GET", "/readyz").status == 503; }));
    auto const last = kept.get("/products/1");
    CHECK(last.status == 200);
    CHECK(last["Connection"] == "close");
    CHECK(s[0].get("/products/1").status == 200);
    s[0].server().terminate();
    CHECK(s[0].server().wait() == exit_status{0, 0});
    CHECK(sidecache_command({"drain", "--admin", admin}).status == exit_status{1, 0});
}

TEST_CASE("a drain_delay ends by itself") {
    auto o = one_replica();
    o.settings = "limits: {drain_delay: 300ms}\n";
    stack s(o);
    s[0].server().terminate();
    CHECK(s[0].server().wait() == exit_status{0, 0});
}

TEST_CASE("SIGTERM drains: not ready, nothing new, what is in flight is finished, exit 0") {
    stack s(one_replica());
    http_client idle(s[0].port());
    CHECK(idle.get("/products/1").status == 200);
    s.backend().fault(R"({"path": "/products/2", "hold": true})");
    s.backend().fault(R"({"method": "PATCH", "hold": true})");
    http_client reader(s[0].port()), writer(s[0].port());
    reader.send("GET", "/products/2");
    writer.send("PATCH", "/products/1", org1, "{}");
    s.backend().wait_held(2);
    s[0].server().terminate();
    CHECK(eventually([&] {
        try {
            return s[0].admin("GET", "/readyz").status == 503;
        } catch (http_error const&) {
            return true;  // it may have closed that port as well
        }
    }));
    CHECK(eventually([&] { return !accepts_connections(s[0].port()); }));
    s.backend().heal();
    CHECK(reader.receive().status == 200);
    CHECK(writer.receive().status == 200);
    CHECK(s[0].server().wait() == exit_status{0, 0});
}

TEST_CASE("SIGTERM with Redis gone: what is still owed to it holds nobody up for longer") {
    auto o = one_replica();
    o.store = "timeout: 100ms, retry: {attempts: 0}, on_down_hold: 0s";
    o.settings = "limits: {drain_timeout: 500ms}\n";
    stack s(o);
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s.redis().pause();
    // One from a write, one from the admin port: both are tried again and again.
    CHECK(patch(s[0], 1).status == 200);
    CHECK(s[0].admin("POST", "/purge", {}, R"({"pattern": "product:1*"})").status == 503);
    CHECK(s[0].metric("sidecache_purges_pending") == 2);
    s[0].server().terminate();
    // drain_timeout, and well below the patience that a process which hangs is given.
    CHECK(s[0].server().wait(4s) == exit_status{0, 0});
    CHECK(s[0].server().output().find("does not end") == std::string::npos);
}

TEST_CASE("metrics: a hit, a miss, a purge, each where it belongs, and no id in any label") {
    stack s(one_replica());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s[0].get("/products/1");
    patch(s[0], 1);
    auto& p = s[0];
    CHECK(p.metric("sidecache_requests_total", {"rule=\"product-details\"", "result=\"hit\""}) >=
          1);
    CHECK(p.metric("sidecache_requests_total", {"rule=\"product-details\"", "result=\"miss\""}) >=
          1);
    CHECK(p.metric("sidecache_hits_total", {"tier=\"store\""}) >= 1);
    CHECK(p.metric("sidecache_purges_total", {"purge=\"product-updated\"", "phase=\"end\""}) == 1);
    CHECK(p.metric("sidecache_store_up") == 1);
    CHECK(p.metric("sidecache_upstream_responses_total", {"code=\"200\""}) >= 2);
    auto const text = p.admin("GET", "/metrics").body;
    CHECK(text.find("product:1") == std::string::npos);
    CHECK(text.find("/products/1") == std::string::npos);
}

TEST_CASE("the command line: check, explain, version, help and their exit codes") {
    temp_dir folder;
    auto const good =
        folder.write("good.yaml", "upstream: {url: \"http://127.0.0.1:1\"}\n" + shipped_rules());
    auto const bad = folder.write("bad.yaml", "lisen: 127.0.0.1:1\n" + shipped_rules());
    CHECK(sidecache_command({"--version"}).status == exit_status{0, 0});
    CHECK(sidecache_command({"--help"}).out.find("explain") != std::string::npos);
    CHECK(sidecache_command({"check", good}).status == exit_status{0, 0});

    auto const wrong = sidecache_command({"check", bad});
    CHECK(wrong.status == exit_status{1, 0});
    CHECK((wrong.out + wrong.err).find("bad.yaml:1:1: error:") != std::string::npos);
    CHECK(sidecache_command({"run", bad}).status == exit_status{1, 0});

    auto const explained =
        sidecache_command({"explain", good, "GET", "/products/42", "--identity", "orgId=7"});
    CHECK(explained.status == exit_status{0, 0});
    CHECK(explained.out.find("product:42:details") != std::string::npos);
    auto const purge = sidecache_command({"explain",
                                          good,
                                          "DELETE",
                                          "/products",
                                          "--body",
                                          R"({"ids": [1, 2]})",
                                          "--identity",
                                          "orgId=7"});
    CHECK(purge.out.find("product:2*") != std::string::npos);
    CHECK(purge.out.find("products:org:7:*") != std::string::npos);

    CHECK(sidecache_command({"explain", good}).status == exit_status{2, 0});
    CHECK(sidecache_command({"frobnicate", good, "x"}).status == exit_status{2, 0});
}

TEST_CASE("the command line: purge and stats talk to the admin port") {
    stack s(one_replica());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    auto const admin = "http://127.0.0.1:" + std::to_string(s[0].admin_port());
    CHECK(sidecache_command({"purge", "product:1*", "--admin", admin}).status == exit_status{0, 0});
    CHECK_FALSE(is_hit(s[0].get("/products/1")));
    CHECK(sidecache_command({"stats", "--admin", admin}).status == exit_status{0, 0});
    auto const nobody = "http://127.0.0.1:" + std::to_string(free_port());
    CHECK(sidecache_command({"stats", "--admin", nobody}).status == exit_status{1, 0});
    CHECK(sidecache_command({"purge", "product:1*", "--admin", nobody}).status ==
          exit_status{1, 0});
}

TEST_CASE("the admin token: POSTs need it, reading does not") {
    auto o = one_replica();
    stack s(o);
    auto yaml = s.yaml(0);
    auto const open = std::string("admin: {listen: \"127.0.0.1:0\"}");
    yaml.replace(yaml.find(open), open.size(), "admin: {listen: \"127.0.0.1:0\", token: secret}");
    sidecache_process guarded(yaml);
    std::string const body = R"({"pattern": "product:1*"})";
    CHECK(guarded.admin("GET", "/metrics").status == 200);
    CHECK(guarded.admin("POST", "/purge", {}, body).status == 401);
    CHECK(guarded.admin("POST", "/purge", {{"Authorization", "Bearer wrong"}}, body).status == 401);
    CHECK(guarded.admin("POST", "/purge", {{"Authorization", "Bearer secret"}}, body).status ==
          200);
}

TEST_CASE("a port that is taken, a file that is not there: exit 1 with a sentence") {
    stack s(one_replica());
    auto yaml = s.yaml(0);
    auto const open = std::string("listen: 127.0.0.1:0\n");
    auto const other = listen_on(0);
    auto const port = std::to_string(local_port(other));
    yaml.replace(yaml.find(open), open.size(), "listen: 127.0.0.1:" + port + "\n");
    temp_dir folder;
    auto const taken = sidecache_command({"run", folder.write("taken.yaml", yaml)});
    CHECK(taken.status == exit_status{1, 0});
    INFO(taken.out << taken.err);
    CHECK(taken.err.find(port) != std::string::npos);
    CHECK(sidecache_command({"run", "/no/such/file.yaml"}).status == exit_status{1, 0});
}
