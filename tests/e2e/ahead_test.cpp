// What is fetched before anybody has to wait for it: hot entries whose time is nearly over, and
// URIs that the configuration or an operator names.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sidecache::tests;

namespace {

/// Entries live for four seconds, and are due after one.
constexpr char const* hot_rules = R"(
rules:
  - name: product-details
    match: GET /products/{id}
    key: product:{id}:details
    ttl: 4s
    refresh_ahead: 3s
    partition: none
purges:
  - name: product-updated
    on: PATCH /products/{id}
    patterns: ["product:{id}*"]
)";

stack_options hot(std::string settings = "workers: 2\n") {
    auto o = patient();
    o.rules = hot_rules;
    o.settings = std::move(settings);
    return o;
}

double misses(stack& s) {
    double sum = 0;
    for (std::size_t i = 0; i < s.size(); ++i) {
        sum += s[i].metric("sidecache_requests_total", {"result=\"miss\""});
    }
    return sum;
}

double warmed(sidecache_process& p, std::string const& outcome) {
    return p.metric("sidecache_warmed_total", {"outcome=\"" + outcome + "\""});
}

}  // namespace

TEST_CASE("a key that is asked for all the time never misses by its ttl, on no replica") {
    stack s(hot());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    auto const before = misses(s);
    bool all_hits = true;
    REQUIRE(eventually([&] {
        for (std::size_t i = 0; i < s.size(); ++i) {
            all_hits = all_hits && is_hit(s[i].get("/products/1"));
        }
        return s.backend().count("GET /products/{id}") >= 5;
    }));
    CHECK(all_hits);
    CHECK(misses(s) == before);
    // The last one may be at the backend still.
    CHECK(eventually([&] {
        return s[0].metric("sidecache_refreshes_total", {"outcome=\"stored\""}) +
                   s[1].metric("sidecache_refreshes_total", {"outcome=\"stored\""}) >=
               4;
    }));
}

TEST_CASE("writes beside refreshes: no read is older than the last answered write") {
    stack s(hot());
    std::int64_t version = 1;
    for (int round = 0; round < 60; ++round) {
        for (int i = 0; i < 4; ++i) {
            CHECK(version_of(s[0].get("/products/1")) >= version);
            CHECK(version_of(s[1].get("/products/1")) >= version);
        }
        if (round % 3 == 0) {
            auto const r = patch(s[static_cast<std::size_t>(round) % 2], 1);
            REQUIRE(r.status == 200);
            version = version_of(r);
        }
    }
}

TEST_CASE("a backend in trouble: hits go on until the ttl, and it is not asked again and again") {
    stack s(hot());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s.backend().kill();
    REQUIRE(eventually([&] {
        CHECK(is_hit(s[0].get("/products/1")));
        return s[0].metric("sidecache_refreshes_total", {"outcome=\"failed\""}) >= 1;
    }));
    CHECK(s[0].metric("sidecache_refreshes_total", {"outcome=\"failed\""}) <= 2);
    s.backend().start();
}

TEST_CASE("at its start a replica fetches what its file names, and is ready meanwhile") {
    stack s(hot("warm: {paths: [/products/1, /products/2, /products/1], hosts: [shop]}\n"));
    for (std::size_t i = 0; i < s.size(); ++i) {
        CHECK(s[i].admin("GET", "/readyz").status == 200);
        REQUIRE(eventually([&] { return warmed(s[i], "stored") + warmed(s[i], "fresh") == 3; }));
    }
    CHECK(is_hit(s[0].get("/products/1", {{"Host", "shop"}})));
    CHECK(is_hit(s[1].get("/products/2", {{"Host", "shop"}})));
    CHECK(json_of(s[0].admin("GET", "/stats")).at("warm").at("done").as_int64() == 3);
}

TEST_CASE("on demand: through the admin port and from the command line") {
    auto o = hot("workers: 1\nwarm: {rate: 1000, hosts: [shop]}\n");
    o.replicas = 1;
    stack s(o);
    auto yaml = s.yaml(0);
    auto const open = std::string("admin: {listen: \"127.0.0.1:0\"}");
    yaml.replace(yaml.find(open), open.size(), "admin: {listen: \"127.0.0.1:0\", token: s3cr3t}");
    sidecache_process const p(yaml);
    http_fields const allowed{{"Authorization", "Bearer s3cr3t"}};
    CHECK(p.admin("POST", "/warm", {}, R"({"paths": ["/products/1"]})").status == 401);
    CHECK(p.admin("POST", "/warm", allowed).status == 400);  // the file names nothing
    CHECK(p.admin("POST", "/warm", allowed, R"({"paths": ["products"]})").status == 400);
    CHECK(p.admin("POST", "/warm", allowed, R"({"paths": []})").status == 400);
    CHECK(p.admin("GET", "/warm").status == 405);

    auto const url = "http://127.0.0.1:" + std::to_string(p.admin_port());
    auto const done = sidecache_command(
        {"warm", "--admin", url, "--token", "s3cr3t", "/products/1", "/elsewhere"});
    CHECK(done.status == exit_status{0, 0});
    CHECK(done.out == "2 of 2: 1 stored, 0 fresh, 1 skipped, 0 failed\n");
    CHECK(is_hit(p.get("/products/1", {{"Host", "shop"}})));

    s.backend().fault(R"({"method": "GET", "hold": true})");
    auto const first = p.admin("POST", "/warm", allowed, R"({"paths": ["/products/5"]})");
    CHECK(first.status == 202);
    s.backend().wait_held(1);
    auto const second = p.admin("POST", "/warm", allowed, R"({"paths": ["/products/6"]})");
    CHECK(second.status == 409);
    CHECK(json_of(second).at("warm").at("total").as_int64() == 1);
    CHECK(sidecache_command({"warm", "--admin", url, "--token", "s3cr3t", "/products/6"})
              .status.code == 1);
    s.backend().heal();
    CHECK(eventually(
        [&] { return p.metric("sidecache_warmed_total", {"outcome=\"stored\""}) == 2; }));
}

TEST_CASE("SIGTERM ends a run: what is under way is finished, the rest is left") {
    auto o =
        hot("workers: 1\nwarm: {rate: 1, hosts: [shop], paths: [/products/1, /products/2, "
            "/products/3, /products/4, /products/5, /products/6]}\n");
    o.replicas = 1;
    stack s(o);
    REQUIRE(eventually([&] { return warmed(s[0], "stored") >= 1; }));
    s[0].server().terminate();
    CHECK(s[0].server().wait() == exit_status{0, 0});
    CHECK(s.backend().count("GET /products/{id}") < 6);
    CHECK(s[0].server().output().find("warming was cut short") != std::string::npos);
}
