// The stories of protocol.md sections 1 and 2 that concern reads: each is a schedule in which
// something stale would be served or stored without the rule named beside it.
#include "proxy/cache/pending_purges.hpp"
#include "tests/machines/fill_world.hpp"

#include <doctest/doctest.h>

using namespace sidecache;
using namespace std::chrono_literals;
using store::end_action;
using test::fill_world;

namespace {

/// Fills /products/1 with that content.
void fill(fill_world& w, std::string_view content) {
    auto const c = w.get("/products/1");
    w.upstream().fetches.back()->answer(200, content);
    w.settle();
    REQUIRE(c->client.body == content);
}

}  // namespace

TEST_CASE(
    "the snapshot comes before the fetch: a purge in between makes the entry dead on arrival") {
    fill_world w;
    auto const slow = w.get("/products/1");
    w.purge("product:1*");  // while the upstream still prepares the old answer
    w.upstream()[0].answer(200, "old");
    w.settle();
    CHECK(slow->client.body == "old");  // his request is older than the purge
    REQUIRE(w.store().count("put") == 1);
    auto const next = w.get("/products/1");
    CHECK_FALSE(next->done);
    CHECK(w.upstream().count() == 2);
}

TEST_CASE("a snapshot that saw a marker: served, not stored") {
    fill_world w;
    auto const mutation = w.begin("product:1*");
    fill(w, "in between");
    CHECK(w.store().count("put") == 0);
    w.end(mutation, "product:1*", end_action::bump);
}

TEST_CASE("an intent stops neither hits nor storing until its deadline; then it is a change") {
    fill_world w;
    w.begin("product:1*", store::mark_kind::intent, 35s);
    fill(w, "x");
    CHECK(w.store().count("put") == 1);
    CHECK(w.get("/products/1")->client.body == "x");
    w.store_clock_ahead = 36s;
    auto const after = w.get("/products/1");
    CHECK_FALSE(after->done);
    CHECK(w.upstream().count() == 2);
}

// "A fill that saw the marker may hold what was before a commit whose 504 has been answered."
TEST_CASE("a fill that saw a marker is not joined after it was sent, even by who sees the same") {
    fill_world w;
    auto const mutation = w.begin("product:1*");
    w.get("/products/1");
    REQUIRE(w.upstream().count() == 1);  // sent; the backend answers it from before the commit
    // The mutation commits and its client gets a 504: an answer. The marker stays.
    w.end(mutation, "product:1*", end_action::bump_keep);
    auto const after = w.get("/products/1");
    w.upstream()[0].answer(200, "old");
    w.settle();
    CHECK_FALSE(after->done);
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "new");
    w.settle();
    CHECK(after->client.body == "new");
}

TEST_CASE("... and the same when the generation has not moved, since nothing has ended it yet") {
    fill_world w;
    w.begin("product:1*");
    w.get("/products/1");
    // The proxy of the mutation has died after the commit: only the marker tells.
    auto const after = w.get("/products/1");
    w.upstream()[0].answer(200, "old");
    w.settle();
    CHECK_FALSE(after->done);
    CHECK(w.upstream().count() == 2);
}

TEST_CASE("a fill whose snapshot is clean is not joined by who sees a marker") {
    fill_world w;
    w.get("/products/1");  // clean, sent
    auto const mutation = w.begin("product:1*");
    auto const during = w.get("/products/1");
    w.upstream()[0].answer(200, "old");
    w.settle();
    CHECK_FALSE(during->done);
    CHECK(w.upstream().count() == 2);
    w.end(mutation, "product:1*", end_action::bump);
}

// "A slow fill's store is harmless: its generations are dead."
TEST_CASE("a fill that stores after the next one has: nobody is served from it") {
    fill_world w(2);
    w.get("/products/1", 0);  // fetches "old", slowly
    w.purge("product:1*");
    w.get("/products/1", 1);
    w[1].upstream[0].answer(200, "new");
    w.settle();
    CHECK(w.get("/products/1", 1)->client.body == "new");
    w[0].upstream[0].answer(200, "old");
    w.settle();  // overwrites the entry with the dead one
    auto const reader = w.get("/products/1", 1);
    CHECK_FALSE(reader->done);
    CHECK(w[1].upstream.count() == 2);
}

// Section 1: "a failed-over server that comes back has its old run_id and has lost an end".
TEST_CASE(
    "a reading whose server was last checked a lease ago makes no hit and joins nothing sent") {
    fill_world w;
    fill(w, "x");
    w.store().checked_before = 600ms;
    auto const first = w.get("/products/1");
    CHECK_FALSE(first->done);
    REQUIRE(w.upstream().count() == 2);
    auto const second = w.get("/products/1");
    w.upstream()[1].answer(200, "y");
    w.settle();
    CHECK(first->client.body == "y");
    CHECK_FALSE(second->done);
    CHECK(w.upstream().count() == 3);
}

// Section 1: "the new primary never saw the marker".
TEST_CASE("a snapshot in quarantine counts as marked: not stored, not joined once sent") {
    fill_world w;
    w.store().quarantined = true;
    auto const first = w.get("/products/1");
    auto const second = w.get("/products/1");
    w.upstream()[0].answer(200, "x");
    w.settle();
    CHECK(first->client.body == "x");
    CHECK(first->cache_status() ==
          "sidecache; fwd=miss; key=\"product:1:details\"; detail=quarantine");
    CHECK_FALSE(second->done);
    CHECK(w.store().count("put") == 0);
}

// Section 1: "evict a tag with its marker and a fill in mid-mutation stores old data": a tag that
// is missing is made anew, and nothing that was filled under the lost one is a hit again.
TEST_CASE("a missing tag is no hit") {
    fill_world w;
    fill(w, "x");
    // Evicted: its expiry is in the past.
    auto const evict = [](std::optional<store::stored_tag> before) {
        before->expires_at = 1;
        return *before;
    };
    w.hub().map().change_tag("product:1*", w.hub().now(), evict);
    auto const next = w.get("/products/1");
    CHECK_FALSE(next->done);
    w.upstream()[1].answer(200, "y");
    w.settle();
    CHECK(w.get("/products/1")->client.body == "y");
}

// Section 5: nothing under a tag whose invalidation the store has not had is served by this
// process, nor stored, and no fetch from before the mutation's answer is joined.
TEST_CASE(
    "a pending purge covers: no hit, no store, and only a fetch of one's own or an unsent one") {
    fill_world w;
    fill(w, "old");
    w.store().hold("put");
    auto holding = w[0].process.parts().pending.hold({"product:1*"}, w.config().rules);
    auto const first = w.get("/products/1");
    REQUIRE(w.upstream().count() == 2);
    auto const second = w.get("/products/1");
    w.upstream()[1].answer(200, "a");
    w.settle();
    CHECK(first->client.body == "a");
    CHECK_FALSE(second->done);
    REQUIRE(w.upstream().count() == 3);
    w.upstream()[2].answer(200, "b");
    w.settle();
    CHECK(second->client.body == "b");
    CHECK(w.store().count("put") == 1);  // the one before
    CHECK(w.get("/products/2")->client.body.empty());
    holding.release();
    CHECK(w.get("/products/1")->client.body == "old");
}

TEST_CASE(
    "the pending purge is asked for before the read is sent, so that a replay cannot slip by") {
    fill_world w;
    fill(w, "old");
    auto holding = w[0].process.parts().pending.hold({"product:1*"}, w.config().rules);
    auto const read = w.store().hold_reply("read");
    auto const reader = w.get("/products/1");
    REQUIRE(read->reached);  // a reply from before the bump is on the road
    w.purge("product:1*");   // the replay bumps, and takes the tag out
    holding.release();
    read->open();
    w.settle();
    CHECK_FALSE(reader->done);
    CHECK(w.upstream().count() == 2);
}
