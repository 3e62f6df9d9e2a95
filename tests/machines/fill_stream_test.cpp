// How a fill's response reaches the client that set it off, and what becomes of it when that client
// is slow, goes away, or asked for more than may be kept (design.md section 6).
#include "proxy/cache/upstream_gate.hpp"
#include "tests/machines/fill_world.hpp"

#include <doctest/doctest.h>

using namespace sidecache;
using telemetry::request_result;
using test::fill_world;

TEST_CASE("content reaches the first client while it is collected") {
    fill_world w;
    auto const first = w.get("/products/1");
    auto const joiner = w.get("/products/1");
    w.upstream()[0].head(200, {{"Content-Type", "text/plain"}}, 6);
    w.settle();
    CHECK(first->client.status_sent() == 200);
    CHECK(first->client.head.body == http::framing::length);
    CHECK(first->cache_status() == "sidecache; fwd=miss; stored; key=\"product:1:details\"");
    w.upstream()[0].body("abc");
    w.settle();
    CHECK(first->client.body == "abc");
    CHECK_FALSE(joiner->done);
    w.upstream()[0].body("def");
    w.upstream()[0].finish();
    w.settle();
    CHECK(first->client.body == "abcdef");
    CHECK(first->client.complete);
    CHECK(joiner->client.body == "abcdef");
    CHECK(joiner->client.complete);
    CHECK(w.get("/products/1")->client.body == "abcdef");
}

TEST_CASE("a chunked response is stored with a length") {
    fill_world w;
    auto const first = w.get("/products/1");
    w.upstream()[0].head(200);
    w.settle();
    CHECK(first->client.head.body == http::framing::chunked);
    w.upstream()[0].body("0123456789");
    w.upstream()[0].finish();
    w.settle();
    auto const hit = w.get("/products/1");
    CHECK(hit->field("Content-Length") == "10");
    CHECK(hit->client.body == "0123456789");
}

TEST_CASE("the first client goes away: the fill goes on, for the joiners and for the store") {
    fill_world w;
    auto const first = w.get("/products/1");
    auto const joiner = w.get("/products/1");
    first->client.write_error = make_error_code(boost::system::errc::broken_pipe);
    w.upstream()[0].head(200, {}, 6);
    w.upstream()[0].body("abc");
    w.settle();
    CHECK(first->done);
    CHECK_FALSE(first->client.complete);
    w.upstream()[0].body("def");
    w.upstream()[0].finish();
    w.settle();
    CHECK(joiner->client.body == "abcdef");
    CHECK(w.get("/products/1")->client.body == "abcdef");
    CHECK(w.upstream().count() == 1);
}

TEST_CASE("a body over max_object streams through and is not stored; nobody waits for it") {
    fill_world w;  // max_object: 1 KiB
    std::string const half(600, 'x');
    SUBCASE("as its length says") {
        auto const first = w.get("/products/1");
        auto const joiner = w.get("/products/1");
        w.upstream()[0].head(200, {}, 1200);
        w.settle();
        CHECK(first->cache_status() ==
              "sidecache; fwd=miss; key=\"product:1:details\"; detail=too_large");
        CHECK(w.upstream().count() == 2);  // the joiner goes by himself, at the head already
        w.upstream()[0].body(half);
        w.settle();
        CHECK(first->client.body.size() == 600);
        w.upstream()[0].body(half);
        w.upstream()[0].finish();
        w.settle();
        CHECK(first->client.complete);
        CHECK_FALSE(joiner->done);
    }
    SUBCASE("as it turns out") {
        auto const first = w.get("/products/1");
        auto const joiner = w.get("/products/1");
        w.upstream()[0].head(200);
        w.upstream()[0].body(half);
        w.settle();
        CHECK(w.upstream().count() == 1);
        w.upstream()[0].body(half);
        w.settle();
        CHECK(w.upstream().count() == 2);
        CHECK(first->client.body.size() == 1200);
        CHECK(w.upstream()[0].extended == 1);  // one client's stream now: its pace, its deadline
        w.upstream()[0].finish();
        w.settle();
        CHECK(first->client.complete);
        CHECK_FALSE(joiner->done);
    }
    CHECK(w.store().count("put") == 0);
}

TEST_CASE("exactly max_object is kept") {
    fill_world w;
    auto const first = w.get("/products/1");
    w.upstream()[0].answer(200, std::string(1024, 'x'));
    w.settle();
    CHECK(first->client.body.size() == 1024);
    CHECK(w.store().count("put") == 1);
}

TEST_CASE("what nobody keeps and nobody reads is not fetched to its end") {
    fill_world w;
    auto const first = w.get("/products/1");
    first->client.write_error = make_error_code(boost::system::errc::broken_pipe);
    w.upstream()[0].head(200, {}, 10'000);
    w.upstream()[0].body(std::string(600, 'x'));
    w.settle();
    CHECK(first->done);
    CHECK(w.upstream()[0].gone);
    CHECK(w[0].process.gate().in_flight() == 0);
}

TEST_CASE("a response that breaks off is broken off towards the client, and never stored") {
    fill_world w;
    auto const first = w.get("/products/1");
    w.upstream()[0].head(200, {}, 10);
    w.upstream()[0].body("half");
    w.upstream()[0].fail(upstream::failure::truncated);
    w.settle();
    CHECK(first->done);
    CHECK(first->client.body == "half");
    CHECK_FALSE(first->client.complete);
    CHECK(w.store().count("put") == 0);
}

TEST_CASE("content that ends with the connection may have been cut: passed on, not stored") {
    fill_world w;
    auto const first = w.get("/products/1");
    w.upstream()[0].head(200);
    w.upstream()[0].until_close();
    w.upstream()[0].body("all of it?");
    w.upstream()[0].finish();
    w.settle();
    CHECK(first->client.body == "all of it?");
    CHECK(w.store().count("put") == 0);
}

TEST_CASE("the upstream fails before its head: 502 or 504, and hits go on") {
    fill_world w;
    w.get("/products/2");
    w.upstream()[0].answer(200, "two");
    w.settle();
    auto const first = w.get("/products/1");
    SUBCASE("it breaks") {
        w.upstream()[1].fail(upstream::failure::broken);
        w.settle();
        CHECK(first->client.status_sent() == 502);
        CHECK(first->cache_status() ==
              "sidecache; fwd=miss; key=\"product:1:details\"; detail=broken");
    }
    SUBCASE("it is too slow") {
        w.upstream()[1].fail(upstream::failure::timeout);
        w.settle();
        CHECK(first->client.status_sent() == 504);
    }
    CHECK(first->client.field("Cache-Control") == "no-store");
    CHECK(w.get("/products/2")->client.body == "two");
}

TEST_CASE("a fill's request asks for the whole response, whatever the client holds of it") {
    fill_world w;
    w.get("/products/1",
          0,
          "If-None-Match: \"a\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
          "X-Other: kept\r\nConnection: X-Dropped\r\nX-Dropped: 1\r\n");
    auto const& fields = w.upstream()[0].request.fields;
    CHECK_FALSE(fields.find("If-None-Match"));
    CHECK_FALSE(fields.find("If-Modified-Since"));
    CHECK_FALSE(fields.find("X-Dropped"));
    CHECK(fields.find("X-Other") == "kept");
    CHECK(w.upstream()[0].how == upstream::repeat::safe);
}

TEST_CASE("the store fails between reading and filling: fetched and served, not stored") {
    fill_world w;
    w.store().down = store::store_error::timeout;
    w.store().down_command = "begin_fill";
    auto const first = w.get("/products/1");
    w.upstream()[0].answer(200, "x");
    w.settle();
    CHECK(first->client.body == "x");
    CHECK(first->cache_status() ==
          "sidecache; fwd=miss; key=\"product:1:details\"; detail=store_down");
    CHECK(w.store().count("put") == 0);
}

TEST_CASE("the store fails at storing: the client has its answer, the next one asks again") {
    fill_world w;
    w.store().down = store::store_error::refused;
    w.store().down_command = "put";
    auto const first = w.get("/products/1");
    w.upstream()[0].answer(200, "x");
    w.settle();
    CHECK(first->client.body == "x");
    auto const second = w.get("/products/1");
    CHECK_FALSE(second->done);
    CHECK(w.upstream().count() == 2);
}

TEST_CASE("a rule's max_upstream queues fetches; who had to wait takes a new snapshot") {
    fill_world w;  // narrow: one at a time
    auto const first = w.get("/narrow/1");
    auto const second = w.get("/narrow/2");
    auto const other = w.get("/products/1");
    REQUIRE(w.upstream().count() == 2);  // /narrow/1 and /products/1
    CHECK(w[0].process.gate().queued() == 1);
    // A purge while it queues: stored under the snapshot from before, it would be dead.
    w.purge("narrow:2*");
    w.upstream()[0].answer(200, "one");
    w.settle();
    REQUIRE(w.upstream().count() == 3);
    w.upstream()[2].answer(200, "two");
    w.settle();
    CHECK(first->client.body == "one");
    CHECK(second->client.body == "two");
    CHECK_FALSE(other->done);
    CHECK(w.get("/narrow/2")->client.body == "two");
    CHECK(w[0].count("narrow", request_result::hit) == 1);
}

TEST_CASE("a full gate answers 503 and says when to come back") {
    auto yaml = std::string(test::fill_rules);
    auto const at = yaml.find("3000\"");
    yaml.insert(at + 5, ", max_concurrent: 1, max_queue: 0");
    fill_world w(1, yaml);
    w.get("/products/1");
    auto const refused = w.get("/products/2");
    CHECK(refused->client.status_sent() == 503);
    CHECK(refused->field("Retry-After") == "1");
    CHECK(refused->cache_status() ==
          "sidecache; fwd=miss; key=\"product:2:details\"; detail=overloaded");
    CHECK(w[0].metrics("details").overloaded.value() == 1);
    w.upstream()[0].answer(200, "x");
    w.settle();
    CHECK(w.get("/products/1")->client.body == "x");  // hits pass by the gate
}
