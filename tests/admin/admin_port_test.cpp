// The admin port of a real process, for what only that can show.
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/stack.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <string>

using namespace sidecache::tests;

TEST_CASE("nothing of the admin port can be reached through the port that clients use") {
    stack s({.replicas = 1, .store = "timeout: 1s, margin: 10s"});
    for (auto const* const path :
         {"/metrics", "/livez", "/readyz", "/explain", "/stats", "/purge"}) {
        CAPTURE(path);
        auto const got = s[0].get(path);
        CHECK(got.status == 404);
        CHECK(s.backend().count_target("GET " + std::string(path)) == 1);  // its own 404
    }
    auto const purged = s[0].request("POST", "/purge", {}, R"({"rule": "product-details"})");
    CHECK(purged.status == 404);
    CHECK(s.backend().count_target("POST /purge") == 1);
}

TEST_CASE("writes and hot keys are seen on the admin port, without queries and contents") {
    stack s({.replicas = 1, .store = "timeout: 1s, margin: 10s"});
    http_fields const json{{"Content-Type", "application/json"}};
    double hits = 0;
    for (int i = 0; i < 5; ++i) {
        auto const answer = s[0].get("/products/1");
        hits += answer["Cache-Status"].starts_with("sidecache; hit") ? 1 : 0;
    }
    s[0].request("PATCH", "/products/1?trace=s3cret-query", json, R"({"name": "s3cret-content"})");
    s[0].request("POST", "/nothing/here", json, "{}");
    s[0].admin("POST", "/purge", {}, R"({"rule": "product-details"})");

    auto const all = s[0].admin("GET", "/stats/mutations").body;
    auto const mutations = boost::json::parse(all).at("mutations").as_array();
    REQUIRE(mutations.size() == 3);
    CHECK(mutations[0].at("purge") == "by hand");
    CHECK(mutations[1].at("path") == "/nothing/here");
    CHECK(mutations[1].at("purge") == "");
    auto const& patch = mutations[2];
    CHECK(patch.at("method") == "PATCH");
    CHECK(patch.at("path") == "/products/1");
    CHECK(patch.at("purge") == "product-updated");
    CHECK(patch.at("outcome") == "changed");
    CHECK(patch.at("keys_removed").to_number<int>() >= 1);
    CHECK(patch.at("seconds").as_double() > 0);
    CHECK(patch.at("upstream_seconds").as_double() > 0);
    bool named = false;
    for (auto const& tag : patch.at("tags").as_array()) {
        named = named || tag == "product:1*";
    }
    CHECK(named);
    CHECK(all.find("s3cret") == std::string::npos);

    auto const keys = boost::json::parse(s[0].admin("GET", "/stats/keys").body).at("keys");
    REQUIRE(keys.as_array().size() == 1);
    CHECK(keys.at(0).at("key") == "product:1:details");
    CHECK(keys.at(0).at("rule") == "product-details");
    CHECK(keys.at(0).at("hit_ratio").as_double() == doctest::Approx(hits / 5));

    auto const config = s[0].admin("GET", "/config").body;
    CHECK(config.find("product:{id}:details") != std::string::npos);
}

TEST_CASE("promtool finds nothing to complain of in what a working proxy exposes") {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
        MESSAGE("SKIPPED: promtool is not installed (package prometheus)");
        return;
    }
    stack s({.replicas = 1, .store = "timeout: 1s, margin: 10s"});
    s[0].get("/products/1");
    s[0].get("/products/1");
    s[0].get("/products/1?odd=1");
    s[0].get("/nothing");
    s[0].request(
        "PATCH", "/products/1", {{"Content-Type", "application/json"}}, R"({"name": "a"})");
    s[0].request("POST", "/nothing");
    temp_dir const folder;
    auto const file = folder.write("metrics", s[0].admin("GET", "/metrics").body);
    auto const checked = run({.argv = {"sh", "-c", "promtool check metrics < '" + file + "'"}});
    CHECK(checked.out + checked.err == "");
    CHECK(checked.status == exit_status{});
}

TEST_CASE("metrics say which configuration is in effect, and that a newer one was refused") {
    stack s({.replicas = 1, .store_url = "memory://"});
    auto const& one = s[0];
    auto const in_effect = [&] {
        // "config":{...,"fingerprint":"0123456789abcdef"...
        auto const stats = one.admin("GET", "/stats").body;
        auto const at = stats.find("\"fingerprint\":\"");
        return at == std::string::npos ? "none" : stats.substr(at + 15, 16);
    };
    auto const says = [&](std::string const& fingerprint) {
        return one.metric("sidecache_config_info", {"fingerprint=\"" + fingerprint + "\""}) == 1;
    };
    auto const first = in_effect();
    CHECK(says(first));
    CHECK(one.metric("sidecache_config_last_reload_successful") == 1);

    s[0].rewrite("rules: [");
    s[0].server().signal(SIGHUP);
    CHECK(eventually([&] { return one.metric("sidecache_config_last_reload_successful") == 0; }));
    CHECK(says(first));

    s[0].rewrite(s.yaml(0,
                        "rules: [{name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, "
                        "partition: credential}]\n"));
    s[0].server().signal(SIGHUP);
    CHECK(eventually([&] { return one.metric("sidecache_config_last_reload_successful") == 1; }));
    auto const second = in_effect();
    CHECK(second != first);
    CHECK(says(second));
    CHECK_FALSE(says(first));
}
