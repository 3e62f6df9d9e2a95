#include "proxy/admin/admin.hpp"

#include "config/load.hpp"
#include "proxy/admin/guard.hpp"
#include "proxy/admin/health.hpp"
#include "proxy/admin/history.hpp"
#include "proxy/cache/purge_now.hpp"
#include "proxy/store/store.hpp"
#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "proxy/telemetry/watch.hpp"
#include "proxy/version.hpp"
#include "rules/decision.hpp"
#include "tests/support/fake_downstream.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/error.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sidecache;
using test::fake_downstream;

namespace {

constexpr std::string_view yaml = R"(
listen: 127.0.0.1:8080
admin: {token: "${TOKEN:-}"}
upstream: {url: "http://127.0.0.1:3000"}
store: {url: "redis://app:hush@127.0.0.1:6379/0"}
rules:
  - name: product-details
    match: GET /products/{id}
    key: product:{id}:details
    ttl: 10m
    lock: {key: "product:{id}:lock"}
purges:
  - name: product-changed
    on: PUT /products/{id}
    patterns: ["product:{id}*"]
)";

std::shared_ptr<config::model const> load(std::string token) {
    auto const with_token = [&](std::string_view name) -> std::optional<std::string> {
        return name == "TOKEN" ? std::optional(token) : std::nullopt;
    };
    auto const loaded = config::load_text(yaml, "products.yaml", with_token);
    for (auto const& f : loaded.findings) {
        INFO(f.print());
        REQUIRE(f.level != rules::severity::error);
    }
    REQUIRE(loaded.config);
    return loaded.config;
}

/// The admin port of a process in which everything else is told what to say.
struct port {
    explicit port(std::string token = "") : config(load(std::move(token))) {
        log::set_sink([this](std::string_view line) { logged.append(line).append("\n"); });
        state.loaded({"products.yaml:9:5: warning: ..."});
        state.enter(admin::phase::ready);
        store.up = true;
        store.description = "redis://127.0.0.1:6379/0";
    }
    ~port() { log::set_sink({}); }

    fake_downstream ask(std::string_view request, std::string body = {}) {
        fake_downstream client(request, std::move(body));
        ask(client);
        return client;
    }
    void ask(fake_downstream& client) {
        test::run_task(context, handler->handle(client));
        log::flush();
    }

    asio::io_context context;
    std::shared_ptr<config::model const> config;
    telemetry::registry metrics;
    admin::process_state state{"products.yaml", 2};
    store::store_status store;
    result<cache::purge_report> purge_result = cache::purge_report{1, 4};
    std::vector<std::vector<std::string>> purged;
    int left = 0;
    std::string logged;
    telemetry::watches seen{2};
    admin::history past;
    std::shared_ptr<http::handler> handler = admin::make_admin_handler(
        {.metrics = metrics,
         .state = state,
         .config = [this] { return config; },
         .store = [this] { return store; },
         .purge = [this](std::vector<std::string> tags) { return purge(std::move(tags)); },
         .leave = [this] { ++left; },
         .seen = seen,
         .past = past});

private:
    task<result<cache::purge_report>> purge(std::vector<std::string> tags) {
        purged.push_back(std::move(tags));
        co_return purge_result;
    }
};

boost::json::value json(fake_downstream const& client) {
    return boost::json::parse(client.body);
}

}  // namespace

TEST_CASE("livez and healthz say that the process is there, whatever else is not") {
    port p;
    p.state.enter(admin::phase::draining);
    p.store.up = false;
    for (auto const* const path : {"/livez", "/healthz"}) {
        auto const got = p.ask("GET " + std::string(path) + " HTTP/1.1");
        CHECK(got.head.status == 200);
        CHECK(got.body == "ok\n");
    }
}

TEST_CASE("readyz stays ready without store and upstream, and names them") {
    port p;
    SUBCASE("all well") {
        auto const got = p.ask("GET /readyz HTTP/1.1");
        CHECK(got.head.status == 200);
        CHECK(json(got) == boost::json::parse(R"({"status":"ready","degraded":[]})"));
    }
    SUBCASE("the store is down") {
        p.store.up = false;
        auto const got = p.ask("GET /readyz HTTP/1.1");
        CHECK(got.head.status == 200);
        CHECK(json(got) == boost::json::parse(R"({"status":"ready","degraded":["store"]})"));
    }
    SUBCASE("the breaker is open and the upstream has just failed") {
        p.store.breaker_open = true;
        p.metrics.process().upstream_failed(system_now_ms());
        auto const got = p.ask("GET /readyz HTTP/1.1");
        CHECK(json(got) ==
              boost::json::parse(R"({"status":"ready","degraded":["store","upstream"]})"));
    }
    SUBCASE("starting and draining are not ready") {
        for (auto const phase : {admin::phase::starting, admin::phase::draining}) {
            p.state.enter(phase);
            auto const got = p.ask("GET /readyz HTTP/1.1");
            CHECK(got.head.status == 503);
            CHECK(json(got).at("status") == boost::json::value(admin::name(phase)));
        }
    }
}

TEST_CASE("an upstream failure counts until an answer, and at most for half a minute") {
    telemetry::process_metrics m;
    CHECK(admin::is_upstream_reachable(m, 1'000'000));
    m.upstream_failed(1'000'000);
    CHECK_FALSE(admin::is_upstream_reachable(m, 1'000'000));
    CHECK_FALSE(admin::is_upstream_reachable(m, 1'030'000));
    CHECK(admin::is_upstream_reachable(m, 1'030'001));
    m.upstream_failed(1'000'000);
    m.upstream_answered();
    CHECK(admin::is_upstream_reachable(m, 1'000'001));
}

TEST_CASE("metrics come as Prometheus reads them") {
    port p;
    auto const got = p.ask("GET /metrics HTTP/1.1");
    CHECK(got.head.status == 200);
    CHECK(got.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(got.body.find("\nsidecache_build_info{version=\"" + std::string(version)) !=
          std::string::npos);
}

TEST_CASE("every path has its methods; HEAD is a GET without content") {
    port p;
    SUBCASE("HEAD") {
        auto const got = p.ask("HEAD /metrics HTTP/1.1");
        CHECK(got.head.status == 200);
        CHECK(got.head.content_length > 0);
        CHECK(got.body.empty());
    }
    SUBCASE("405 says what is allowed") {
        struct row {
            char const* request;
            char const* allow;
        };
        row const rows[] = {
            {"POST /metrics HTTP/1.1", "GET, HEAD"},
            {"DELETE / HTTP/1.1", "GET, HEAD"},
            {"GET /purge HTTP/1.1", "POST"},
            {"HEAD /purge HTTP/1.1", "POST"},
            {"GET /drain HTTP/1.1", "POST"},
        };
        for (auto const& r : rows) {
            auto const got = p.ask(r.request);
            CAPTURE(r.request);
            CHECK(got.head.status == 405);
            CHECK(got.field("Allow") == r.allow);
        }
    }
    SUBCASE("404 for everything else") {
        for (auto const* const path : {"/products/42", "/metrics/", "/Purge", "//"}) {
            auto const got = p.ask("GET " + std::string(path) + " HTTP/1.1");
            CHECK(got.head.status == 404);
        }
    }
    SUBCASE("nothing is to be kept by anybody") {
        auto const got = p.ask("GET /stats HTTP/1.1");
        CHECK(got.field("Cache-Control") == "no-store");
        CHECK(got.field("X-Content-Type-Options") == "nosniff");
    }
}

TEST_CASE("a purge names a pattern, a key or a rule") {
    struct row {
        char const* body;
        std::vector<std::string> tags;
    };
    row const rows[] = {
        {R"({"pattern": "product:42*"})", {"product:42*"}},
        {R"({"key": "product:42:details"})", {"product:42*"}},
        {R"({"key": "product:42:details|credential=0123456789abcdef0123456789abcdef"})",
         {"product:42*"}},
        {R"({"rule": "product-details"})", {"rule:product-details"}},
    };
    for (auto const& r : rows) {
        port p;
        auto const got = p.ask("POST /purge HTTP/1.1", r.body);
        CAPTURE(r.body);
        CAPTURE(got.body);
        REQUIRE(got.head.status == 200);
        REQUIRE(p.purged.size() == 1);
        CHECK(p.purged[0] == r.tags);
        boost::json::array const tags(r.tags.begin(), r.tags.end());
        CHECK(json(got).at("purged").at("tags") == tags);
        CHECK(json(got).at("purged").at("keys") == 4);
    }
}

TEST_CASE("what is wrong with a purge is said, and nothing is purged") {
    struct row {
        char const* body;
        char const* said;
    };
    row const rows[] = {
        {"", "not JSON"},
        {"product:42", "not JSON"},
        {"[]", "exactly one of"},
        {"{}", "exactly one of"},
        {R"({"key": "a", "rule": "b"})", "exactly one of"},
        {R"({"key": 42})", "exactly one of"},
        {R"({"key": ""})", "empty"},
        {R"({"tag": "product:42*"})", "'tag' is unknown"},
        {R"({"key": "product:42*"})", "use \\\"pattern\\\""},
        {R"({"rule": "nope"})", "there are: product-details"},
        {R"({"pattern": "cart:*"})", "error"},
    };
    for (auto const& r : rows) {
        port p;
        auto const got = p.ask("POST /purge HTTP/1.1\r\nContent-Length: 99", r.body);
        CAPTURE(r.body);
        CAPTURE(got.body);
        CHECK(got.head.status == 400);
        CHECK(got.body.find(r.said) != std::string::npos);
        CHECK(p.purged.empty());
    }
}

TEST_CASE("a purge of more than 64 KiB is not read to its end") {
    port p;
    fake_downstream client("POST /purge HTTP/1.1\r\nTransfer-Encoding: chunked");
    client.body_pieces.assign(100, std::string(4096, ' '));
    p.ask(client);
    CHECK(client.head.status == 413);
    CHECK(client.body_read <= 64 * 1024 + 4096);
    CHECK(client.closed);
    CHECK(p.purged.empty());
}

TEST_CASE("a client that goes away in the middle of its purge has purged nothing") {
    port p;
    fake_downstream client("POST /purge HTTP/1.1\r\nContent-Length: 99", R"({"rule": "product-)");
    client.body_error = asio::error::connection_reset;
    p.ask(client);
    CHECK(client.head.status == 0);
    CHECK(p.purged.empty());
}

TEST_CASE("a purge without the store is refused visibly, and says what becomes of it") {
    port p;
    p.purge_result = make_error_code(store::store_error::unreachable);
    auto const got = p.ask("POST /purge HTTP/1.1", R"({"rule": "product-details"})");
    CHECK(got.head.status == 503);
    CHECK(got.field("Retry-After") == "1");
    CHECK(got.body.find("the purge is kept") != std::string::npos);
}

TEST_CASE("with a token, purging needs it; reading does not") {
    port p("s3cret");
    std::string const body = R"({"rule": "product-details"})";
    struct row {
        char const* fields;
        unsigned status;
    };
    row const rows[] = {
        {"", 401},
        {"\r\nAuthorization: Bearer", 401},
        {"\r\nAuthorization: Bearer ", 401},
        {"\r\nAuthorization: Bearer wrong!", 401},
        {"\r\nAuthorization: Bearer s3cre", 401},
        {"\r\nAuthorization: Bearer s3crets3cret", 401},
        {"\r\nAuthorization: Basic s3cret", 401},
        {"\r\nAuthorization: bearer s3cret", 200},  // RFC 9110 section 11.1: schemes have no case
        {"\r\nAuthorization: Bearer s3cret", 200},
    };
    for (auto const& r : rows) {
        auto const before = p.purged.size();
        auto const got = p.ask("POST /purge HTTP/1.1" + std::string(r.fields), body);
        CAPTURE(r.fields);
        CHECK(got.head.status == r.status);
        CHECK(got.field("WWW-Authenticate") ==
              (r.status == 401 ? "Bearer realm=\"sidecache\"" : ""));
        CHECK(p.purged.size() - before == (r.status == 200 ? 1U : 0U));
    }
    CHECK(p.ask("GET /stats HTTP/1.1").head.status == 200);
    CHECK(p.ask("GET /stats HTTP/1.1").body.find("s3cret") == std::string::npos);
    CHECK(p.logged.find("s3cret") == std::string::npos);
}

TEST_CASE("drain: says so once it is told by whoever has the token") {
    port p;
    SUBCASE("without a token") {
        auto const got = p.ask("POST /drain HTTP/1.1\r\nHost: 127.0.0.1:9090");
        CHECK(got.head.status == 202);
        CHECK(json(got) == boost::json::parse(R"({"status":"draining"})"));
        CHECK(p.left == 1);
    }
    SUBCASE("a web page may not") {
        CHECK(p.ask("POST /drain HTTP/1.1\r\nHost: evil.example").head.status == 403);
        CHECK(p.left == 0);
    }
}

TEST_CASE("a web page of another origin may not purge") {
    struct row {
        char const* origin;
        unsigned status;
    };
    row const rows[] = {
        {"http://127.0.0.1:9090", 200},
        {"http://evil.example", 403},
        {"http://127.0.0.1:9091", 403},
        {"null", 403},  // a sandboxed frame
    };
    for (auto const& r : rows) {
        port p;
        auto const got = p.ask(
            "POST /purge HTTP/1.1\r\nHost: 127.0.0.1:9090\r\nOrigin: " + std::string(r.origin),
            R"({"rule": "product-details"})");
        CAPTURE(r.origin);
        CHECK(got.head.status == r.status);
    }
}

TEST_CASE("a page whose name was made to point here may not purge (DNS rebinding)") {
    struct row {
        std::string fields;
        unsigned status;
    };
    row const rows[] = {
        {"Host: 127.0.0.1:9090", 200},
        {"Host: 10.1.2.3", 200},
        {"Host: [::1]:9090", 200},
        {"Host: LocalHost:9090", 200},
        {"Host: evil.example:9090", 403},
        {"Host: evil.example:9090\r\nOrigin: http://evil.example:9090", 403},
        {"Host: localhost.evil.example", 403},
        {"Host: 127.0.0.1.evil.example", 403},
        {"Host: 127.0.0.1:9090\r\nSec-Fetch-Site: cross-site", 403},
        {"Host: 127.0.0.1:9090\r\nSec-Fetch-Site: same-site", 403},
        {"Host: 127.0.0.1:9090\r\nSec-Fetch-Site: same-origin", 200},
    };
    for (auto const& r : rows) {
        port p;
        auto const got =
            p.ask("POST /purge HTTP/1.1\r\n" + r.fields, R"({"rule": "product-details"})");
        CAPTURE(r.fields);
        CHECK(got.head.status == r.status);
    }
    SUBCASE("who knows the token may call us what he likes") {
        port p("s3cret");
        CHECK(p.ask("POST /purge HTTP/1.1\r\nHost: sidecache.prod\r\nAuthorization: Bearer s3cret",
                    R"({"rule": "product-details"})")
                  .head.status == 200);
    }
}

TEST_CASE("a token equals nothing but itself") {
    struct row {
        std::string_view secret;
        std::string_view given;
        bool equal;
    };
    row const rows[] = {
        {"abc", "abc", true},
        {"abc", "abd", false},
        {"abc", "ab", false},
        {"abc", "abcabc", false},
        {"abc", "", false},
        {"", "", true},
        {"", "a", false},
        {"", std::string_view("\0", 1), false},
    };
    for (auto const& r : rows) {
        CAPTURE(r.given);
        CHECK(admin::equal_in_constant_time(r.secret, r.given) == r.equal);
    }
}

TEST_CASE("explain tells what would become of a request") {
    port p;
    SUBCASE("a read") {
        auto const got = p.ask("GET /explain?uri=/products/42 HTTP/1.1");
        REQUIRE(got.head.status == 200);
        auto const e = json(got);
        CHECK(e.at("decision") == "serve");
        CHECK(e.at("rule") == "product-details");
        CHECK(e.at("key") == "product:42:details");
        CHECK(e.at("lock_key") == "product:42:lock");
        CHECK(e.at("tags") ==
              boost::json::parse(R"(["rule:product-details","path:/products/42","product:42*"])"));
        CHECK(e.at("ttl_seconds") == 600);
    }
    SUBCASE("a read that is not for the cache") {
        auto const e = json(p.ask("GET /explain?uri=/products/42%3Fdebug%3D1 HTTP/1.1"));
        CHECK(e.at("decision") == "bypass");
        CHECK(e.at("reason") == "unlisted_query");
    }
    SUBCASE("a credential changes the key, and does not appear in it") {
        auto const got =
            p.ask("GET /explain?uri=/products/42&header=Authorization:+Bearer+t0k HTTP/1.1");
        auto const e = json(got);
        CHECK(e.at("key").as_string().starts_with("product:42:details|credential="));
        CHECK(got.body.find("t0k") == std::string::npos);
    }
    SUBCASE("a mutation") {
        auto const e = json(p.ask("GET /explain?method=PUT&uri=/products/42&body=%7B%7D HTTP/1.1"));
        CHECK(e.at("decision") == "mutate");
        CHECK(e.at("purges") == boost::json::array{"product-changed"});
        CHECK(e.at("marks").at(0).at("tag") == "product:42*");
        CHECK(e.at("marks").at(0).at("rules") == boost::json::array{"product-details"});
    }
    SUBCASE("a question that is not one") {
        for (auto const* const query :
             {"", "?uri=products", "?uri=/a&header=nocolon", "?uri=%2", "?uri=/a&colour=red"}) {
            auto const got = p.ask("GET /explain" + std::string(query) + " HTTP/1.1");
            CAPTURE(query);
            CHECK(got.head.status == 400);
            CHECK(json(got).at("error").as_string().size() > 20);
        }
    }
}

TEST_CASE("stats hold the state of this process, and no secret") {
    port p;
    auto const worker = p.metrics.make_worker({"product-details"}, {"product-changed"});
    auto const count = [&](telemetry::request_result r, std::uint64_t n) {
        worker->rules[0].requests[static_cast<std::size_t>(r)].add(n);
    };
    count(telemetry::request_result::hit, 6);
    count(telemetry::request_result::miss, 1);
    count(telemetry::request_result::coalesced, 1);
    count(telemetry::request_result::bypass, 100);  // was not looked up: no part of the ratio
    worker->purges[0].purged_keys.add(12);
    p.metrics.process().purges_pending = 3;

    auto const got = p.ask("GET /stats HTTP/1.1");
    REQUIRE(got.head.status == 200);
    auto const s = json(got);
    CHECK(s.at("version") == boost::json::string(version));
    CHECK(s.at("status") == "ready");
    CHECK(s.at("workers") == 2);
    CHECK(s.at("config").at("file") == "products.yaml");
    CHECK(s.at("config").at("warnings").as_array().size() == 1);
    CHECK(s.at("store").at("up") == true);
    CHECK(s.at("upstream").at("address") == "127.0.0.1:3000");
    CHECK(s.at("rules").at(0).at("name") == "product-details");
    CHECK(s.at("rules").at(0).at("requests").at("hit") == 6);
    CHECK(s.at("rules").at(0).at("hit_ratio").as_double() == doctest::Approx(0.75));
    CHECK(s.at("purges").at(0).at("purged_keys") == 12);
    CHECK(s.at("purges_pending") == 3);
    CHECK(got.body.find("hush") == std::string::npos);  // the store's password
}

TEST_CASE("a reload that was refused shows until one succeeds") {
    port p;
    p.state.reload_refused({"products.yaml:3:1: error: ..."});
    CHECK(json(p.ask("GET /stats HTTP/1.1")).at("config").at("refused_reload").as_array().size() ==
          1);
    p.state.loaded({});
    auto const after = json(p.ask("GET /stats HTTP/1.1"));
    CHECK(after.at("config").at("refused_reload").as_array().empty());
    CHECK(after.at("config").at("warnings").as_array().empty());
}

TEST_CASE("stats hold why requests were no hits, and what the near cache holds") {
    port p;
    auto const worker = p.metrics.make_worker({"product-details"}, {"product-changed"});
    worker->rules[0].bypass[static_cast<std::size_t>(rules::bypass_reason::unlisted_query)].add(3);
    worker->rules[0].hits[static_cast<std::size_t>(telemetry::hit_tier::near)].add(5);
    p.metrics.process().near_bytes = 4'096;
    p.metrics.process().near_entries = 2;
    p.state.reload_waits(true);
    auto const s = json(p.ask("GET /stats HTTP/1.1"));
    auto const& rule = s.at("rules").at(0);
    CHECK(rule.at("bypass") == boost::json::parse(R"({"unlisted_query":3})"));
    CHECK(rule.at("not_stored").as_object().empty());
    CHECK(rule.at("hits") == boost::json::parse(R"({"near":5,"store":0})"));
    CHECK(s.at("near_cache").at("bytes") == 4'096);
    CHECK(s.at("near_cache").at("entries") == 2);
    CHECK(s.at("near_cache").at("size_bytes") == 64 << 20);
    CHECK(s.at("config").at("reload_waits") == true);
    CHECK(s.at("config").at("identity").as_array().empty());
    CHECK(s.at("latency").at("window_seconds") == 60);
    CHECK_FALSE(s.at("host").as_string().empty());
}

TEST_CASE("the history begins where it is asked to") {
    port p;
    using namespace std::chrono_literals;
    telemetry::summary counted;
    counted.rules.push_back({.rule = "product-details"});
    boot_clock::time_point now{100s};
    for (int i = 0; i < 4; ++i) {
        p.past.take(counted, {"product-details"}, 1'000 * i, now + i * 2s);
        counted.rules[0].requests[0] += 10;
    }
    auto const all = json(p.ask("GET /stats/history HTTP/1.1"));
    CHECK(all.at("process") == p.state.started_at());
    CHECK(all.at("next") == 3);
    CHECK(all.at("rules").at(0).at("hit") == boost::json::array{10, 10, 10});
    auto const rest = json(p.ask("GET /stats/history?after=2 HTTP/1.1"));
    CHECK(rest.at("first") == 2);
    CHECK(rest.at("rules").at(0).at("hit") == boost::json::array{10});
    for (auto const* const query : {"after=",
                                    "after=x",
                                    "after=1x",
                                    "after=-1",
                                    "since=1",
                                    "after=1&after=2",
                                    "after=99999999999999999999"}) {
        CAPTURE(query);
        auto const got = p.ask("GET /stats/history?" + std::string(query) + " HTTP/1.1");
        CHECK(got.head.status == 400);
    }
}

TEST_CASE("the hottest keys are listed as they are") {
    port p;
    std::string const hostile = "product:<img src=x onerror=alert(1)>\"\x01:details";
    for (int i = 0; i < 3; ++i) {
        p.seen.of_worker(1).keys.saw(hostile, "product-details", true, boot_clock::now());
    }
    auto const got = p.ask("GET /stats/keys HTTP/1.1");
    REQUIRE(got.head.status == 200);
    CHECK(got.field("Content-Type") == "application/json");
    CHECK(got.field("X-Content-Type-Options") == "nosniff");
    auto const key = json(got).at("keys").at(0);
    CHECK(key.at("key").as_string() == hostile);
    CHECK(key.at("rule") == "product-details");
    CHECK(key.at("cut") == false);
    CHECK(key.at("per_second").as_double() > 0);
    CHECK(key.at("hit_ratio").as_double() == doctest::Approx(1));
}

TEST_CASE("the last mutations are listed, and a purge by hand is one of them") {
    port p;
    telemetry::mutation_record m;
    m.at = 1;
    m.method = "PUT";
    m.path = "/products/42";
    m.purges = "product-changed";
    m.tags = {"product:42*"};
    m.outcome = "changed";
    m.took = std::chrono::microseconds(1'500);
    m.keys_removed = 2;
    p.seen.of_worker(1).mutations.add(m);
    p.ask("POST /purge HTTP/1.1", R"({"rule": "product-details"})");
    auto const all = json(p.ask("GET /stats/mutations HTTP/1.1")).at("mutations").as_array();
    REQUIRE(all.size() == 2);
    CHECK(all[0].at("purge") == "by hand");
    CHECK(all[0].at("tags") == boost::json::array{"rule:product-details"});
    CHECK(all[0].at("keys_removed") == 4);
    CHECK(all[1].at("method") == "PUT");
    CHECK(all[1].at("path") == "/products/42");
    CHECK(all[1].at("outcome") == "changed");
    CHECK(all[1].at("tags_in_all") == 1);
    CHECK(all[1].at("seconds").as_double() == doctest::Approx(0.0015));
}

TEST_CASE("the configuration in effect can be read, as check --dump prints it") {
    port p;
    p.state.loaded({}, "admin:\n  token: \"***\"\n");
    auto const got = p.ask("GET /config HTTP/1.1");
    CHECK(got.head.status == 200);
    CHECK(got.field("Content-Type") == "application/yaml; charset=utf-8");
    CHECK(got.body == "admin:\n  token: \"***\"\n");
}

TEST_CASE("keys, paths and the configuration are not for a stranger's web page") {
    struct row {
        std::string fields;
        unsigned status;
    };
    row const rows[] = {
        {"Host: 127.0.0.1:9090", 200},
        {"Host: localhost:9090", 200},
        {"Host: [::1]:9090", 200},
        {"Host: products-sidecar:9090", 200},
        {"Host: products-sidecar.prod.svc.cluster.local:9090", 200},
        {"Host: products-sidecar.prod.svc:9090", 200},
        {"Host: evil.example:9090", 403},
        {"Host: evil.example.:9090", 403},
        {"Host: local.evil.example", 403},
        {"Host: .svc", 403},
        {"Host: localhost\r\nSec-Fetch-Site: same-origin", 200},
        {"Host: localhost\r\nSec-Fetch-Site: none", 200},
        {"Host: localhost\r\nSec-Fetch-Site: cross-site", 403},
        {"Host: localhost\r\nSec-Fetch-Site: same-site", 403},
    };
    for (auto const* const path : {"/stats/keys", "/stats/mutations", "/config"}) {
        for (auto const& r : rows) {
            port p;
            CAPTURE(path);
            CAPTURE(r.fields);
            auto const got = p.ask("GET " + std::string(path) + " HTTP/1.1\r\n" + r.fields);
            CHECK(got.head.status == r.status);
            CHECK(got.field("Cross-Origin-Resource-Policy") == "same-origin");
        }
    }
}

TEST_CASE("the status page may run its own script and nothing else") {
    port p;
    auto const got = p.ask("GET / HTTP/1.1");
    REQUIRE(got.head.status == 200);
    CHECK(got.field("Content-Type") == "text/html; charset=utf-8");
    CHECK(got.field("Cache-Control") == "no-store");
    CHECK(got.field("X-Content-Type-Options") == "nosniff");
    CHECK(got.field("X-Frame-Options") == "DENY");
    CHECK(got.field("Referrer-Policy") == "no-referrer");
    auto const policy = got.field("Content-Security-Policy");
    for (auto const* const part : {"default-src 'none'",
                                   "connect-src 'self'",
                                   "style-src 'sha256-",
                                   "script-src 'sha256-",
                                   "base-uri 'none'",
                                   "form-action 'none'",
                                   "frame-ancestors 'none'",
                                   "require-trusted-types-for 'script'"}) {
        CAPTURE(part);
        CHECK(policy.find(part) != std::string::npos);
    }
    CHECK(policy.find("unsafe") == std::string::npos);
    CHECK(policy.find("http") == std::string::npos);
    CHECK(got.body.size() < 60'000);
}

TEST_CASE("the status page is whole in itself, and writes nothing but text") {
    port p;
    auto const page = p.ask("GET / HTTP/1.1").body;
    CHECK(page.find("'stats/history?after='") != std::string::npos);  // the script is in it
    CHECK(page.find("--good-soft") != std::string::npos);             // and the style
    for (auto const* const never : {"https://",
                                    "src=",
                                    "@import",
                                    "url(",
                                    "innerHTML",
                                    "outerHTML",
                                    "insertAdjacentHTML",
                                    "document.write",
                                    "eval(",
                                    "new Function",
                                    " onclick=",
                                    " onload=",
                                    " style="}) {
        CAPTURE(never);
        CHECK(page.find(never) == std::string::npos);
    }
}
