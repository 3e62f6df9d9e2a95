// Who shares a fetch with whom (protocol.md section 2, `Join`), in one process.
#include "proxy/cache/fill_table.hpp"
#include "tests/machines/fill_world.hpp"

#include <doctest/doctest.h>

using namespace sidecache;
using telemetry::request_result;
using test::fill_world;

namespace {

std::string const rule_tag = "rule:details";

/// What a crowd got: how many had that body.
std::size_t got(std::vector<std::shared_ptr<test::call>> const& crowd, std::string_view body) {
    std::size_t out = 0;
    for (auto const& c : crowd) {
        out += c->done && c->client.complete && c->client.body == body ? 1 : 0;
    }
    return out;
}

}  // namespace

TEST_CASE("a cold crowd is one fetch") {
    fill_world w;
    std::vector<std::shared_ptr<test::call>> crowd;
    SUBCASE("all at once") {
        for (int i = 0; i < 200; ++i) {
            crowd.push_back(w.begin_get("/products/1"));
        }
        w.settle();
    }
    SUBCASE("one by one, the first being under way already") {
        for (int i = 0; i < 200; ++i) {
            crowd.push_back(w.get("/products/1"));
        }
    }
    SUBCASE("all have read the store before the first one's snapshot made the tags") {
        auto const door = w.store().hold("begin_fill");
        std::vector<std::shared_ptr<test::stepped_store::door>> reads;
        crowd.push_back(w.get("/products/1"));
        for (int i = 1; i < 200; ++i) {
            reads.push_back(w.store().hold_reply("read"));
            crowd.push_back(w.get("/products/1"));
        }
        door->open();
        w.settle();
        REQUIRE(w.upstream().count() == 1);  // sent: nobody may join it without a look
        for (auto& r : reads) {
            r->open();
        }
        w.settle();
    }
    REQUIRE(w.upstream().count() == 1);
    w.upstream()[0].answer(200, "one");
    w.settle();
    CHECK(got(crowd, "one") == 200);
    CHECK(w.upstream().count() == 1);
    CHECK(w.store().count("put") == 1);
    CHECK(w[0].count("details", request_result::miss) == 1);
    CHECK(w[0].count("details", request_result::coalesced) == 199);

    auto const hit = w.get("/products/1");
    CHECK(hit->client.body == "one");
    CHECK(w[0].count("details", request_result::hit) == 1);
    CHECK(w[0].process.fills().size() == 0);
}

TEST_CASE(
    "a request of the same generations joins a fetch that was sent, before it ends and after") {
    fill_world w;
    w.purge(rule_tag);  // the tag exists
    auto const first = w.get("/products/1");
    REQUIRE(w.upstream().count() == 1);
    auto const put = w.store().hold("put");
    auto const second = w.get("/products/1");
    w.upstream()[0].answer(200, "x");
    w.settle();
    CHECK(second->client.body == "x");
    REQUIRE(put->reached);
    // Fetched, shared, and not in the store yet: still the same fetch for who sees the same.
    auto const third = w.get("/products/1");
    CHECK(third->client.body == "x");
    CHECK(third->cache_status() == "sidecache; fwd=miss; collapsed; key=\"product:1:details\"");
    put->open();
    w.settle();
    CHECK(w.upstream().count() == 1);
}

TEST_CASE("a request after a purge does not join a fetch from before it") {
    fill_world w;
    w.get("/products/1");
    auto const before = w.get("/products/1");
    REQUIRE(w.upstream().count() == 1);
    w.purge("product:1*");
    auto const after = w.get("/products/1");
    CHECK(w.upstream().count() == 1);  // waiting: one under way, one behind it
    w.upstream()[0].answer(200, "old");
    w.settle();
    CHECK(before->client.body == "old");
    CHECK_FALSE(after->done);
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "new");
    w.settle();
    CHECK(after->client.body == "new");
    // The entry of the first fetch was dead on arrival, the second one is a hit.
    CHECK(w.get("/products/1")->client.body == "new");
    CHECK(w.upstream().count() == 2);
}

TEST_CASE("a purge between snapshot and sending is seen by who asks after it") {
    fill_world w;
    auto const door = w.store().hold_reply("begin_fill");
    auto const first = w.get("/products/1");
    w.purge("product:1*");
    auto const second = w.get("/products/1");  // joins: nothing has been sent
    door->open();
    w.settle();
    auto const third = w.get("/products/1");  // sees other generations than the snapshot: does not
    REQUIRE(w.upstream().count() == 1);
    w.upstream()[0].answer(200, "a");
    w.settle();
    CHECK(first->client.body == "a");
    CHECK(second->client.body == "a");
    CHECK_FALSE(third->done);
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "b");
    w.settle();
    CHECK(third->client.body == "b");
}

TEST_CASE("a marked hot key is no herd: one fetch under way, one waiting, the whole crowd in it") {
    fill_world w;
    auto const mutation = w.begin("product:1*");
    auto const first = w.get("/products/1");
    REQUIRE(w.upstream().count() == 1);
    std::vector<std::shared_ptr<test::call>> crowd;
    for (int i = 0; i < 100; ++i) {
        crowd.push_back(w.get("/products/1"));
    }
    CHECK(w.upstream().count() == 1);
    w.upstream()[0].answer(200, "first");
    w.settle();
    CHECK(first->client.body == "first");
    CHECK(first->cache_status() == "sidecache; fwd=miss; key=\"product:1:details\"; detail=marked");
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "second");
    w.settle();
    CHECK(got(crowd, "second") == 100);
    CHECK(w.upstream().count() == 2);
    CHECK(w.store().count("put") == 0);
    w.end(mutation, "product:1*", store::end_action::bump);
}

TEST_CASE(
    "while the store is down a crowd is one fetch under way and one waiting, nothing stored") {
    fill_world w;
    w.store().down = store::store_error::unreachable;
    auto const first = w.get("/products/1");
    std::vector<std::shared_ptr<test::call>> crowd;
    for (int i = 0; i < 100; ++i) {
        crowd.push_back(w.get("/products/1"));
    }
    REQUIRE(w.upstream().count() == 1);
    w.upstream()[0].answer(200, "first");
    w.settle();
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "second");
    w.settle();
    CHECK(first->client.body == "first");
    CHECK(got(crowd, "second") == 100);
    CHECK(w.store().count("put") == 0);
    CHECK(w.store().count("begin_fill") == 0);
    CHECK(first->cache_status() ==
          "sidecache; fwd=miss; key=\"product:1:details\"; detail=store_down");
}

TEST_CASE("an unstorable answer goes to its own client only; the others do not queue behind it") {
    fill_world w;
    auto const first = w.get("/products/1");
    std::vector<std::shared_ptr<test::call>> crowd;
    for (int i = 0; i < 5; ++i) {
        crowd.push_back(w.get("/products/1"));
    }
    REQUIRE(w.upstream().count() == 1);
    w.upstream()[0].head(200, {{"Cache-Control", "private"}}, 6);
    w.settle();
    // At its head, before its content: everybody goes, all at once.
    CHECK(w.upstream().count() == 6);
    w.upstream()[0].body("secret");
    w.upstream()[0].finish();
    for (std::size_t i = 1; i < 6; ++i) {
        w.upstream()[i].answer(200, "own" + std::to_string(i));
    }
    w.settle();
    CHECK(first->client.body == "secret");
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(crowd[i]->client.body == "own" + std::to_string(i + 1));
    }
    CHECK(w.store().count("put") == 0);

    // Remembered for a while: a later crowd is not coalesced at all (hit-for-miss).
    auto const reads = w.store().count("begin_fill");
    w.begin_get("/products/1");
    w.begin_get("/products/1");
    w.settle();
    CHECK(w.upstream().count() == 8);
    CHECK(w.store().count("begin_fill") == reads);
}

TEST_CASE("who waits behind an unstorable fetch does not wait for a turn either") {
    fill_world w;
    auto const mutation = w.begin("product:1*");
    w.get("/products/1");
    auto const second = w.get("/products/1");
    auto const third = w.get("/products/1");
    REQUIRE(w.upstream().count() == 1);
    w.upstream()[0].head(200, {{"Set-Cookie", "a=b"}}, 100);
    w.settle();
    CHECK(w.upstream().count() == 3);
    w.upstream()[1].answer(200, "2");
    w.upstream()[2].answer(200, "3");
    w.settle();
    CHECK(second->done);
    CHECK(third->done);
    w.end(mutation, "product:1*", store::end_action::bump);
}

TEST_CASE("a response that varies is shared only with who is selected by the same fields") {
    fill_world w;
    auto const german = w.get("/products/1", 0, "Accept-Language: de\r\n");
    auto const too = w.get("/products/1", 0, "Accept-Language: de\r\n");
    auto const french = w.get("/products/1", 0, "Accept-Language: fr\r\n");
    REQUIRE(w.upstream().count() == 1);
    w.upstream()[0].answer(200, "hallo", {{"Vary", "Accept-Language"}});
    w.settle();
    CHECK(german->client.body == "hallo");
    CHECK(too->client.body == "hallo");
    CHECK_FALSE(french->done);
    REQUIRE(w.upstream().count() == 2);
    CHECK(w.upstream()[1].request.fields.find("Accept-Language") == "fr");
    w.upstream()[1].answer(200, "bonjour", {{"Vary", "Accept-Language"}});
    w.settle();
    CHECK(french->client.body == "bonjour");
}

TEST_CASE("requests that a backend can tell apart do not share, although they render to one key") {
    fill_world w;
    auto const plain = w.get("/products/a,b");
    auto const encoded = w.get("/products/a%2Cb");
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[0].answer(200, "plain");
    w.upstream()[1].answer(200, "encoded");
    w.settle();
    CHECK(plain->client.body == "plain");
    CHECK(encoded->client.body == "encoded");
}

TEST_CASE("a failed fetch wakes everybody at once; each goes by himself, with a new snapshot") {
    fill_world w;
    auto const first = w.get("/products/1");
    std::vector<std::shared_ptr<test::call>> crowd;
    for (int i = 0; i < 5; ++i) {
        crowd.push_back(w.get("/products/1"));
    }
    REQUIRE(w.upstream().count() == 1);
    SUBCASE("no answer") {
        w.upstream()[0].fail(upstream::failure::broken);
    }
    SUBCASE("an answer that says that the backend is in trouble") {
        w.upstream()[0].answer(500, "oh");
    }
    SUBCASE("content that breaks off") {
        w.upstream()[0].head(200, {}, 10);
        w.upstream()[0].body("half");
        w.upstream()[0].fail(upstream::failure::truncated);
    }
    w.settle();
    CHECK(first->done);
    CHECK(w.upstream().count() == 6);
    CHECK(w.store().count("begin_fill") == 6);
    for (std::size_t i = 1; i < 6; ++i) {
        w.upstream()[i].answer(200, "well");
    }
    w.settle();
    CHECK(got(crowd, "well") == 5);
    // Trouble is not remembered as "uncacheable": this is when coalescing is needed most.
    CHECK_FALSE(w[0].process.fills().is_unstorable("product:1:details"));
    CHECK(w.get("/products/1")->client.body == "well");
}

TEST_CASE("an entry that turns up at the second look answers everybody") {
    fill_world w(2);
    // This process reads a miss, then another process fills, then this one takes its snapshot.
    auto const door = w.store().hold("begin_fill");
    auto const first = w.get("/products/1");
    auto const second = w.get("/products/1");
    w.get("/products/1", 1);
    REQUIRE(w[1].upstream.count() == 1);
    w[1].upstream[0].answer(200, "filled");
    w.settle();
    door->open();
    w.settle();
    CHECK(w.upstream().count() == 0);
    CHECK(first->client.body == "filled");
    CHECK(second->client.body == "filled");
}

TEST_CASE("a joiner never takes an entry on the word of a reading older than his request") {
    fill_world w(2);
    auto const look = w.store().hold_reply("begin_fill");
    auto const snapshot = w.store().hold("begin_fill");
    auto const first = w.get("/products/1");
    w.get("/products/1", 1);
    w[1].upstream[0].answer(200, "old");
    w.settle();
    snapshot->open();
    w.settle();
    REQUIRE(look->reached);  // the reply that says "valid" is on the road
    // A mutation is answered, and only then somebody asks: he joins, since nothing was sent.
    w.purge("product:1*");
    auto const later = w.get("/products/1");
    look->open();
    w.settle();
    CHECK(first->client.body == "old");  // his request is older than the mutation's answer
    CHECK_FALSE(later->done);
    REQUIRE(w.upstream().count() == 1);
    w.upstream()[0].answer(200, "new");
    w.settle();
    CHECK(later->client.body == "new");
}
