#include "config/load.hpp"
#include "proxy/command/admin_client.hpp"
#include "proxy/command/check.hpp"
#include "proxy/command/explanation_text.hpp"
#include "proxy/command/print.hpp"
#include "proxy/command/purge.hpp"
#include "proxy/command/stats.hpp"
#include "rules/explain.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

/// What the commands print for people.
namespace sidecache::command {
namespace {

TEST_CASE("check shows each rule with what it caches, who shares it and what purges it") {
    auto const loaded = config::load_text(R"(rules:
  - name: product
    match: GET /products/{id}
    key: product:{id}
    ttl: 90s
    statuses: {404: 5s}
    lock: {key: "lock:{id}"}
  - {name: banner, match: GET /banner, key: banner, ttl: 1d, partition: none, ttl_only: true}
purges:
  - {name: changed, on: "PUT /products/{id}", patterns: ["product:{id}"], settle: 1s}
)",
                                          "f.yaml",
                                          [](std::string_view) { return std::nullopt; });
    REQUIRE(loaded.config);
    auto const text = summary(*loaded.config);
    CAPTURE(text);
    CHECK(
        text.starts_with("rule product\n"
                         "    match      GET /products/{id}\n"
                         "    key        product:{id}\n"
                         "    ttl        90s, 404 5s\n"
                         "    lock       lock:{id} for 30s, others wait 5s\n"
                         "    shared by  requests with the same Authorization and Cookie\n"
                         "    tags       "));
    CHECK(text.find("    purged by  changed\n") != std::string::npos);
    CHECK(text.find("rule banner\n"
                    "    match      GET /banner\n"
                    "    key        banner\n"
                    "    ttl        1d\n"
                    "    shared by  everybody\n") != std::string::npos);
    CHECK(text.find("    purged by  nothing: its entries live for their ttl\n") !=
          std::string::npos);
    CHECK(
        text.ends_with("purge changed\n"
                       "    on         PUT /products/{id}\n"
                       "    patterns   product:{id}\n"
                       "    settle     1s\n\n"));
}

TEST_CASE("explain tells a served request's key, life, sharing and tags") {
    rules::explanation e;
    e.what = rules::verdict::serve;
    e.rule = "product-details";
    e.key = "product:42:details";
    e.full_key = e.key;
    e.tags = {"rule:product-details", "path:/products/42", "product:42*"};
    e.lock_key = "product:42:lock";
    e.sharing = "everybody";
    e.ttl = std::chrono::minutes(10);
    CHECK(explanation_text(e) ==
          "served from the cache by the rule product-details\n"
          "    key        product:42:details\n"
          "    ttl        10m\n"
          "    lock       product:42:lock\n"
          "    shared by  everybody\n"
          "    tags       rule:product-details\n"
          "               path:/products/42\n"
          "               product:42*\n");
}

TEST_CASE("explain tells what keeps two requests of one key apart") {
    rules::explanation e;
    e.what = rules::verdict::serve;
    e.rule = "r";
    e.key = "list:a,b";
    e.full_key = "list:a,b\nq=a%2Cb";
    e.sharing = "everybody";
    CHECK(explanation_text(e).find("    apart by   q=a%2Cb\n") != std::string::npos);
}

TEST_CASE("explain tells why a request goes past the cache") {
    rules::explanation e;
    e.what = rules::verdict::bypass;
    e.rule = "product-list";
    e.reason = rules::bypass_reason::unlisted_query;
    CHECK(explanation_text(e) ==
          "forwarded past the cache\n"
          "    rule       product-list\n"
          "    bypass     unlisted_query: a query parameter that the key does not use (see "
          "unlisted_query)\n");
    rules::explanation nothing;
    CHECK(explanation_text(nothing) == "forwarded; no rule matches\n");
}

TEST_CASE("explain tells what a mutation reaches") {
    rules::explanation e;
    e.what = rules::verdict::mutate;
    e.purges = {"product-updated"};
    e.later = {"schemaId: response.schemaId"};
    e.marks = {
        {"product:42*", rules::mark_kind::marker, "", {"product-details", "product-summary"}},
        {"rule:schema-products", rules::mark_kind::intent, "", {"schema-products"}}};
    e.changed = {
        {"org:7:products", rules::mark_kind::marker, "org:7:products", {"organization-products"}}};
    CHECK(explanation_text(e) ==
          "forwarded, and answered once these are invalidated\n"
          "    purges     product-updated\n"
          "    narrowed   schemaId: response.schemaId\n"
          "    marks      product:42*: entries of product-details, product-summary\n"
          "               rule:schema-products (once the answer is known): entries of "
          "schema-products\n"
          "    changes    org:7:products: entries of organization-products; removes "
          "org:7:products\n");

    rules::explanation unmatched;
    unmatched.what = rules::verdict::mutate;
    unmatched.changed = {{"path:/carts", rules::mark_kind::marker, "", {}}};
    CHECK(explanation_text(unmatched) ==
          "forwarded; no purge matches, so only its own path is invalidated\n"
          "    changes    path:/carts: no rule's entries\n");
}

TEST_CASE("a purge tells its tags and what went at once") {
    CHECK(purge_text(R"({"purged":{"tags":["product:42*","path:/x"],"keys":3}})") ==
          "purged on every replica\n"
          "    tags       product:42*\n"
          "               path:/x\n"
          "    removed    3 keys at once, any others in the background\n");
    CHECK(purge_text("not JSON") == "purged\n");
}

TEST_CASE("stats are a table") {
    auto const text = stats_text(R"({
        "version": "0.1.0", "status": "serving", "uptime_seconds": 61, "workers": 2,
        "config": {"file": "products.yaml"},
        "store": {"url": "redis://127.0.0.1:6379/0", "up": true, "breaker_open": false, "quarantined": false},
        "upstream": {"address": "127.0.0.1:3000", "reachable": true},
        "rules": [{"name": "product-details", "hit_ratio": 0.9,
                   "requests": {"hit": 90, "stale": 0, "miss": 8, "coalesced": 2, "bypass": 1, "pass": 0}}],
        "no_rule": {"hit": 0, "stale": 0, "miss": 0, "coalesced": 0, "bypass": 0, "pass": 12},
        "purges": [{"name": "product-updated", "begun": 4, "ended": 4, "purged_keys": 11}],
        "purges_pending": 0, "unmatched_mutations": 1})");
    CHECK(text ==
          "sidecache 0.1.0\n"
          "    status     serving, up 61 s, 2 workers\n"
          "    config     products.yaml\n"
          "    store      redis://127.0.0.1:6379/0, up: yes, breaker open: no, quarantined: no\n"
          "    upstream   127.0.0.1:3000, reachable: yes\n"
          "    pending    0 (purges that the store has not had yet)\n"
          "    unmatched  1 (mutations that no purge matched)\n"
          "\n"
          "rule             hit  stale  miss  coalesced  bypass  pass  hit ratio\n"
          "product-details   90      0     8          2       1     0      90.0%\n"
          "(no rule)          0      0     0          0       0    12          -\n"
          "\n"
          "purge            begun  ended  purged_keys\n"
          "product-updated      4      4           11\n");
}

TEST_CASE("stats of another version still print what they hold") {
    CHECK(stats_text("{}").find("status     -, up - s, - workers") != std::string::npos);
    CHECK(stats_text("[]") == "the admin port's answer is not what sidecache answers\n");
    CHECK(stats_text("oops") == "the admin port's answer is not what sidecache answers\n");
}

TEST_CASE("what comes from a server cannot write to the terminal") {
    CHECK(harmless("a\x1B[2J\nb") == "a?[2J?b");
    CHECK(purge_text("{\"purged\":{\"tags\":[\"a\\u001b[2J\"]}}").find('\x1B') ==
          std::string::npos);
    CHECK(stats_text("{\"version\":\"\\u001b[2J\"}").find('\x1B') == std::string::npos);
}

TEST_CASE("a refusal is told in the admin port's words") {
    CHECK(refusal_of({400, R"({"error":"no rule's key can match"})"}) == "no rule's key can match");
    CHECK(refusal_of({503, "<html>"}) == "the admin port answered with status 503");
    CHECK(refusal_of({401, "{}"}) == "the admin port answered with status 401");
}

}  // namespace
}  // namespace sidecache::command
