// A rule's bound (`max_keys`): what comes beyond is served, shared and counted, not stored.
#include "rules/rule_set.hpp"
#include "rules/storable.hpp"
#include "tests/machines/fill_world.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sidecache;
using telemetry::request_result;
using test::fill_world;

namespace {

char const* const bounded = R"(
upstream: {url: "http://127.0.0.1:3000"}
store: {url: "memory://"}
rules:
  - name: list
    match: GET /products
    vars: {search: query.search}
    key: products:{search}
    ttl: 10m
    partition: none
    max_keys: 2
  - name: other
    match: GET /other
    vars: {search: query.search}
    key: other:{search}
    ttl: 10m
    partition: none
    max_keys: 0
purges:
  - {name: changed, on: POST /products, patterns: ["products:*"]}
  - {name: changed-one, on: "PUT /products/{search}", patterns: ["products:{search}"]}
  - {name: other-changed, on: POST /other, patterns: ["other:*"]}
)";

std::shared_ptr<test::call> search(fill_world& w,
                                   std::string_view what,
                                   std::size_t replica = 0,
                                   std::string_view fields = {}) {
    return w.get("/products?search=" + std::string(what), replica, fields);
}

void answer(fill_world& w, std::size_t replica = 0, test::stepped_upstream::fields with = {}) {
    auto& fetch = *w[replica].upstream.fetches.back();
    fetch.answer(200, fetch.request.target, std::move(with));
    w.settle();
}

std::uint64_t not_stored(fill_world& w, rules::not_stored why) {
    return w[0].metrics("list").not_stored.at(static_cast<std::size_t>(why)).value();
}

bool is_hit(test::call const& c) {
    return c.cache_status().starts_with("sidecache; hit;");
}

}  // namespace

TEST_CASE("beyond the bound responses are served and not stored, and say so") {
    fill_world w(1, bounded);
    for (auto const* what : {"a", "b"}) {
        search(w, what);
        answer(w);
    }
    auto const third = search(w, "c");
    answer(w);
    CHECK(third->client.status_sent() == 200);
    CHECK(third->client.body == "/products?search=c");
    CHECK(third->cache_status() == "sidecache; fwd=miss; key=\"products:c\"; detail=max_keys");
    CHECK(not_stored(w, rules::not_stored::max_keys) == 1);
    CHECK(w.store().count("put") == 2);
    CHECK(is_hit(*search(w, "a")));
    CHECK(is_hit(*search(w, "b")));
    auto const again = search(w, "c");
    CHECK(w.upstream().count() == 4);
    answer(w);
    CHECK(again->done);

    SUBCASE("other rules have bounds of their own, or none") {
        for (auto const* what : {"a", "b", "c", "d"}) {
            auto const c = w.get("/other?search=" + std::string(what));
            answer(w);
            CHECK(c->cache_status().find("; stored") != std::string::npos);
        }
    }
}

TEST_CASE("a crowd beyond the bound still shares one fetch") {
    fill_world w(1, bounded);
    for (auto const* what : {"a", "b"}) {
        search(w, what);
        answer(w);
    }
    std::vector<std::shared_ptr<test::call>> crowd;
    for (int i = 0; i < 50; ++i) {
        crowd.push_back(search(w, "c"));  // also after the first one's request has been sent
    }
    REQUIRE(w.upstream().count() == 3);
    answer(w);
    for (auto const& c : crowd) {
        CHECK(c->client.body == "/products?search=c");
    }
    CHECK(w.upstream().count() == 3);
    CHECK(w[0].count("list", request_result::coalesced) == 49);
}

TEST_CASE("a purge makes room; a key that was purged itself is stored again") {
    fill_world w(1, bounded);
    w.hub().count_keys([rules = w.config().rules](std::string_view tag) {
        return rules->bounded_rules_under(tag);
    });
    for (auto const* what : {"a", "b"}) {
        search(w, what);
        answer(w);
    }
    SUBCASE("of their path") {
        w.purge("path:/products");
    }
    SUBCASE("of the rule") {
        w.purge("rule:list");
    }
    SUBCASE("of one, which another takes the place of") {
        w.purge("products:a");
        w.purge("path:/products");
    }
    for (auto const* what : {"c", "d"}) {
        auto const c = search(w, what);
        answer(w);
        CHECK(c->cache_status().find("; stored") != std::string::npos);
    }
    auto const a = search(w, "a");
    answer(w);
    CHECK(a->cache_status().find("detail=max_keys") != std::string::npos);
}

TEST_CASE("an entry that a purge made dead is replaced although the rule is full") {
    fill_world w(1, bounded);  // nobody takes the purged keys out of the count
    for (auto const* what : {"a", "b"}) {
        search(w, what);
        answer(w);
    }
    w.purge("path:/products");
    auto const a = search(w, "a");
    answer(w);
    CHECK(a->cache_status().find("; stored") != std::string::npos);
}

TEST_CASE("replicas share the bound") {
    fill_world w(2, bounded);
    search(w, "a", 0);
    answer(w, 0);
    search(w, "b", 1);
    answer(w, 1);
    for (std::size_t i = 0; i < 2; ++i) {
        auto const c = search(w, "c", i);
        answer(w, i);
        CHECK(c->cache_status().find("detail=max_keys") != std::string::npos);
        CHECK(is_hit(*search(w, "a", i)));
        CHECK(is_hit(*search(w, "b", i)));
    }
}

TEST_CASE("variants count") {
    fill_world w(1, bounded);
    for (std::string const language : {"en", "de", "fr"}) {
        search(w, "a", 0, "Accept-Language: " + language + "\r\n");
        answer(w, 0, {{"Vary", "Accept-Language"}});
    }
    CHECK(w.store().count("put") == 2);
    CHECK(not_stored(w, rules::not_stored::max_keys) == 1);
}

TEST_CASE("why a response is not stored is counted once") {
    fill_world w(1, bounded);
    search(w, "a");
    w.upstream().fetches.back()->answer(404, "");
    w.settle();
    CHECK(not_stored(w, rules::not_stored::status) == 1);
    search(w, "b");
    w.upstream().fetches.back()->head(200, {}, 10);
    w.upstream().fetches.back()->body("half");
    w.upstream().fetches.back()->fail(upstream::failure::truncated);
    w.settle();
    CHECK(not_stored(w, rules::not_stored::truncated) == 1);
    search(w, "c");
    w.upstream().fetches.back()->head(200);
    w.upstream().fetches.back()->body(std::string((1U << 20U) + 1, 'x'));
    w.upstream().fetches.back()->finish();
    w.settle();
    CHECK(not_stored(w, rules::not_stored::too_large) == 1);
}
