// What clients see of hits, misses and bypasses, and what is counted (design.md section 3).
#include "proxy/cache/hit.hpp"
#include "tests/machines/fill_world.hpp"

#include <doctest/doctest.h>

using namespace sidecache;
using telemetry::request_result;
using test::fill_world;

namespace {

void fill(fill_world& w, std::string_view content, test::stepped_upstream::fields with = {}) {
    auto const c = w.get("/products/1");
    w.upstream().fetches.back()->answer(200, content, std::move(with));
    w.settle();
    REQUIRE(c->client.complete);
}

}  // namespace

TEST_CASE("a hit: the stored head, Age, Cache-Status, one prepared write") {
    fill_world w;
    fill(w,
         "{}",
         {{"Content-Type", "application/json"},
          {"Date", "Sun, 06 Nov 1994 08:49:37 GMT"},
          {"ETag", "\"v1\""}});
    auto const hit = w.get("/products/1");
    CHECK(hit->client.body == "{}");
    CHECK(hit->client.prepared_head.substr(0, 24) == "HTTP/1.1 200 Stepped\r\nCo");
    CHECK(hit->field("Content-Type") == "application/json");
    CHECK(hit->field("Date") == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(hit->field("ETag") == "\"v1\"");
    CHECK(hit->field("Content-Length") == "2");
    CHECK(hit->field("Age") == "0");
    CHECK(hit->field("Connection").empty());
    auto const status = hit->cache_status();
    CHECK((status == "sidecache; hit; ttl=599; key=\"product:1:details\"; detail=store" ||
           status == "sidecache; hit; ttl=600; key=\"product:1:details\"; detail=store"));
    CHECK(hit->client.prepared_head.ends_with("\r\n\r\n"));
    CHECK(w[0].metrics("details").hits[1].value() == 1);
    CHECK(w[0].count("details", request_result::hit) == 1);
    CHECK(w[0].count("details", request_result::miss) == 1);
}

TEST_CASE("the Age a response arrived with goes on counting") {
    fill_world w;
    fill(w, "{}", {{"Age", "100"}});
    auto const hit = w.get("/products/1");
    CHECK(hit->field("Age") == "100");
    CHECK(hit->client.prepared_head.find("Age: ") == hit->client.prepared_head.rfind("Age: "));
}

TEST_CASE("a response without Date is stored with one") {
    fill_world w;
    fill(w, "{}");
    CHECK(w.get("/products/1")->field("Date").ends_with(" GMT"));
    CHECK(cache::http_date(784111777000) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("HEAD is answered from a valid entry, without its content") {
    fill_world w;
    fill(w, "{}");
    auto const head = w.get("/products/1", 0, {}, "HEAD");
    CHECK(head->client.body.empty());
    CHECK(head->field("Content-Length") == "2");
    CHECK(w.upstream().count() == 1);
}

TEST_CASE("HEAD without an entry is passed on and never stored") {
    fill_world w;
    auto const head = w.get("/products/1", 0, {}, "HEAD");
    REQUIRE(w.upstream().count() == 1);
    CHECK(w.upstream()[0].request.method == "HEAD");
    w.upstream()[0].answer(200, "");
    w.settle();
    CHECK(head->done);
    CHECK(w.store().count("begin_fill") == 0);
    CHECK(w.store().count("put") == 0);
    CHECK(head->cache_status() == "sidecache; fwd=miss; key=\"product:1:details\"; detail=head");
}

TEST_CASE("an HTTP/1.0 client is told how its connection goes on") {
    fill_world w;
    fill(w, "{}");
    auto const closing = w.get("/products/1", 0, "Connection: close\r\n");
    CHECK(closing->field("Connection") == "close");
}

TEST_CASE("a client's conditions are met on a hit (RFC 9111 section 4.3.2)") {
    fill_world w;
    fill(w, "{}", {{"ETag", "\"v1\""}});
    auto const same = w.get("/products/1", 0, "If-None-Match: \"v1\"\r\n");
    CHECK(same->client.status_sent() == 304);
    CHECK(same->client.body.empty());
    CHECK(same->field("ETag") == "\"v1\"");
    auto const other = w.get("/products/1", 0, "If-None-Match: \"v0\"\r\n");
    CHECK(other->client.status_sent() == 200);
    CHECK(other->client.body == "{}");
    auto const part = w.get("/products/1", 0, "Range: bytes=1-\r\n");
    CHECK(part->client.status_sent() == 206);
    CHECK(part->client.body == "}");
}

TEST_CASE("what is not for the cache goes through, and says why") {
    fill_world w;
    SUBCASE("no rule") {
        auto const c = w.get("/other");
        REQUIRE(w.upstream().count() == 1);
        w.upstream()[0].answer(200, "x");
        w.settle();
        CHECK(c->client.body == "x");
        CHECK(c->cache_status() == "sidecache; fwd=bypass; detail=no_rule");
        CHECK(w[0].current->metrics->rules.back().requests[5].value() == 1);  // pass
    }
    SUBCASE("a query parameter that the key does not use") {
        auto const c = w.get("/products/1?page=2");
        REQUIRE(w.upstream().count() == 1);
        w.upstream()[0].answer(200, "x");
        w.settle();
        CHECK(c->cache_status() == "sidecache; fwd=bypass; detail=unlisted_query");
        CHECK(w[0].count("details", request_result::bypass) == 1);
    }
    CHECK(w.store().calls.empty());
}

TEST_CASE("a part of what is not stored is the backend's to give, and not stored") {
    fill_world w;
    auto const c = w.get("/products/1", 0, "Range: bytes=0-1\r\n");
    REQUIRE(w.upstream().count() == 1);
    CHECK(w.upstream()[0].request.fields.find("Range") == "bytes=0-1");
    w.upstream()[0].answer(206, "x");
    w.settle();
    CHECK(c->client.status_sent() == 206);
    CHECK(c->cache_status() == "sidecache; fwd=miss; key=\"product:1:details\"; detail=range");
}

TEST_CASE("statuses that the rule does not name are not stored, and say so") {
    fill_world w;
    auto const c = w.get("/products/1");
    w.upstream()[0].answer(404, "gone");
    w.settle();
    CHECK(c->client.status_sent() == 404);
    CHECK(c->cache_status() == "sidecache; fwd=miss; key=\"product:1:details\"; detail=status");
    CHECK(w.store().count("put") == 0);
}

TEST_CASE("several requests of one worker under way at once keep their own buffers") {
    fill_world w;
    auto const read = w.store().hold_reply("read");
    auto const first = w.get("/products/1");
    auto const second = w.get("/products/2");
    REQUIRE(w.upstream().count() == 1);
    w.upstream()[0].answer(200, "two");
    w.settle();
    CHECK(second->client.body == "two");
    read->open();
    w.settle();
    REQUIRE(w.upstream().count() == 2);
    CHECK(w.upstream()[1].request.target == "/products/1");
    w.upstream()[1].answer(200, "one");
    w.settle();
    CHECK(first->client.body == "one");
}

TEST_CASE("the upstream's codes and times are counted once a fetch") {
    fill_world w;
    fill(w, "{}");
    w.get("/products/1");
    auto const& metrics = *w[0].current->metrics;
    CHECK(metrics.upstream_responses[200].value() == 1);
    std::uint64_t observed = 0;
    for (auto const& b : w[0].metrics("details").upstream_duration.buckets) {
        observed += b.value();
    }
    CHECK(observed == 1);
    auto const lost = w.get("/products/2");
    w.upstream()[1].fail(upstream::failure::broken);
    w.settle();
    CHECK(metrics.upstream_responses[0].value() == 1);
    CHECK(w[0].process_metrics.upstream_failed_at.load() != 0);
}
