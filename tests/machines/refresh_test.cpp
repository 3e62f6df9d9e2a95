// refresh_ahead: a hit on an entry whose life is nearly over has it fetched anew, once, in the
// background, and never past a purge.
#include "proxy/cache/background_book.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/store/entry_codec.hpp"
#include "tests/machines/fill_world.hpp"
#include "tests/support/run_task.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace sidecache;
using namespace std::chrono_literals;
using how = telemetry::background_outcome;
using test::fill_world;

namespace {

constexpr char const* refresh_rules = R"(
upstream: {url: "http://127.0.0.1:3000"}
store: {url: "memory://"}
rules:
  - name: hot
    match: GET /hot/{id}
    key: hot:{id}
    ttl: 10m
    refresh_ahead: 1m
    partition: none
purges:
  - name: changed
    on: PUT /hot/{id}
    patterns: ["hot:{id}*"]
)";

struct refresh_world : fill_world {
    explicit refresh_world(std::size_t replicas = 1, std::size_t near_bytes = 0)
        : fill_world(replicas, refresh_rules, near_bytes) {}

    /// A client's miss, answered.
    void fill(std::string_view target, std::string_view content) {
        auto const c = get(target);
        upstream().fetches.back()->answer(200, content);
        settle();
        REQUIRE(c->client.body == content);
    }
    /// ... nine and a half minutes ago.
    void fill_old(std::string_view target, std::string_view content) {
        fill(target, content);
        age(target);
    }
    /// Puts the time at which it was fetched back, under the same generations.
    void age(std::string_view target) {
        auto const asked =
            test::request_from(std::string("GET ").append(target).append(" HTTP/1.1\r\n"));
        rules::decision wanted;
        config().rules->decide(asked.view(), wanted);
        auto& inner = store();
        auto const reading = test::run_task(context, inner.read(wanted.key, wanted.tags));
        REQUIRE(reading.has_value());
        store::entry found;
        REQUIRE_FALSE(store::decode_entry(reading->entry, found));
        std::vector<store::generation> generations;
        for (auto const& tag : found.tags) {
            generations.push_back(tag.gen);
        }
        store::entry_to_store older;
        older.full_key = found.full_key;
        older.server = found.server;
        older.tags = &wanted.tags;
        older.generations = generations;
        older.fetched_at = found.fetched_at - 570'000;
        older.initial_age = found.initial_age;
        older.ttl_ms = found.ttl_ms;
        older.status = found.status;
        older.head = found.head;
        older.body = found.body;
        auto const bytes = store::encode_entry(older);
        store::put_request put;
        put.key = wanted.key;
        put.bytes = bytes;
        put.ttl = 10min;
        put.tags = &wanted.tags;
        auto const stored = test::run_task(context, inner.put(put));
        REQUIRE(stored.has_value());
    }
    std::uint64_t count(how end, std::size_t replica = 0) {
        auto const& counters = (*this)[replica].metrics("hot").background[0];
        return counters.at(static_cast<std::size_t>(end)).value();
    }
};

bool is_hit(test::call const& c) {
    return c.cache_status().starts_with("sidecache; hit; ttl=");
}

}  // namespace

TEST_CASE("a hit with little life left is answered at once, and starts one fetch") {
    refresh_world w;
    w.fill_old("/hot/1", "old");
    auto const hit = w.get("/hot/1", 0, "Accept: text/x\r\n");
    CHECK(is_hit(*hit));
    CHECK(hit->cache_status().ends_with("key=\"hot:1\"; detail=store"));
    CHECK(hit->client.body == "old");
    REQUIRE(w.upstream().count() == 2);
    CHECK(w.upstream()[1].request.target == "/hot/1");
    CHECK(w.upstream()[1].request.fields.find("Accept") == "text/x");
    for (int i = 0; i < 5; ++i) {
        CHECK(w.get("/hot/1")->client.body == "old");
    }
    CHECK(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "new");
    w.settle();
    CHECK(w.get("/hot/1")->client.body == "new");
    CHECK(w.count(how::stored) == 1);
    CHECK(w[0].count("hot", telemetry::request_result::miss) == 1);
}

TEST_CASE("a hit with enough life left starts nothing, nor does a HEAD") {
    refresh_world w;
    w.fill("/hot/2", "x");
    CHECK(is_hit(*w.get("/hot/2")));
    CHECK(w.upstream().count() == 1);
    w.fill_old("/hot/1", "x");
    CHECK(is_hit(*w.get("/hot/1", 0, {}, "HEAD")));
    CHECK(w.upstream().count() == 2);
    CHECK(w[0].background.empty());
}

TEST_CASE("one a key over all replicas, and the others take what it brought") {
    refresh_world w(2);
    w.fill_old("/hot/1", "old");
    w.get("/hot/1", 0);
    REQUIRE(w[0].upstream.count() == 2);
    CHECK(w.get("/hot/1", 1)->client.body == "old");
    CHECK(w[1].upstream.count() == 0);
    CHECK(w.count(how::under_way, 1) == 1);
    w[0].upstream[1].answer(200, "new");
    w.settle();
    CHECK(w.get("/hot/1", 1)->client.body == "new");
}

TEST_CASE("a purge while it is under way: its answer, of before the purge, is nobody's") {
    refresh_world w;
    w.fill_old("/hot/1", "old");
    w.get("/hot/1");
    REQUIRE(w.upstream().count() == 2);
    SUBCASE("a whole write") {
        w.purge("hot:1*");
    }
    SUBCASE("a write whose end comes after the answer") {
        auto const mutation = w.begin("hot:1*");
        w.upstream()[1].answer(200, "old");
        w.settle();
        CHECK_FALSE(w.get("/hot/1")->done);
        w.end(mutation, "hot:1*", store::end_action::bump);
    }
    SUBCASE("a write that dies: its intent runs out") {
        w.begin("hot:1*", store::mark_kind::intent, 10s);
        w.store_clock_ahead = 11s;
    }
    w.upstream()[1].answer(200, "old");
    w.settle();
    auto const reader = w.get("/hot/1");
    CHECK_FALSE(reader->done);
    REQUIRE(w.upstream().count() >= 3);
    for (std::size_t i = 2; i < w.upstream().count(); ++i) {
        w.upstream()[i].answer(200, "new");
        w.settle();
    }
    CHECK(reader->client.body == "new");
    CHECK(w.get("/hot/1")->client.body == "new");
}

TEST_CASE("a write between the hit and the fetch: the backend is not asked under a marker") {
    refresh_world w;
    w.fill_old("/hot/1", "old");
    auto const slow = w.store().hold("begin_fill");
    CHECK(is_hit(*w.get("/hot/1")));
    REQUIRE(slow->reached);
    auto const mutation = w.begin("hot:1*");
    slow->open();
    w.settle();
    CHECK(w.count(how::hindered) == 1);
    CHECK(w.upstream().count() == 1);
    w.end(mutation, "hot:1*", store::end_action::bump);
    CHECK_FALSE(w.get("/hot/1")->done);  // nothing was revived
}

TEST_CASE("what a purge has hit is no hit, and starts no refresh but a fill") {
    refresh_world w;
    w.fill_old("/hot/1", "old");
    w.purge("hot:1*");
    CHECK_FALSE(w.get("/hot/1")->done);
    CHECK(w.upstream().count() == 2);
    CHECK(w[0].process.background_fills().under_way() == 0);
}

TEST_CASE("a failure leaves the old entry, and the rule is left alone for a while") {
    refresh_world w;
    w.fill_old("/hot/1", "one");
    w.fill_old("/hot/2", "two");
    w.get("/hot/1");
    w.upstream().fetches.back()->answer(503, "");
    w.settle();
    CHECK(w.count(how::failed) == 1);
    for (int i = 0; i < 10; ++i) {
        CHECK(w.get("/hot/1")->client.body == "one");
        CHECK(w.get("/hot/2")->client.body == "two");
    }
    CHECK(w.upstream().count() == 3);
    // Once for each key that was turned away; who rests is not counted again.
    CHECK(w.count(how::dropped) == 1);
}

TEST_CASE("an answer that is not for the cache leaves the old entry, and the key rests") {
    refresh_world w;
    w.fill_old("/hot/1", "one");
    w.get("/hot/1");
    w.upstream().fetches.back()->answer(404, "");
    w.settle();
    CHECK(w.count(how::not_stored) == 1);
    CHECK(w.get("/hot/1")->client.body == "one");
    CHECK(w.upstream().count() == 2);
}

TEST_CASE("a hit in memory: what another replica has fetched takes its place, without a fetch") {
    refresh_world w(2, 1 << 20);
    w.fill_old("/hot/1", "old");
    // So that the first hit, from the store, starts nothing but is kept near.
    w.store().down = store::store_error::timeout;
    w.store().down_command = "begin_fill";
    CHECK(w.get("/hot/1", 0)->cache_status().ends_with("; detail=store"));
    w.store().down.reset();
    REQUIRE(w.count(how::hindered) == 1);

    w.get("/hot/1", 1);
    REQUIRE(w[1].upstream.count() == 1);
    w[1].upstream[0].answer(200, "new");
    w.settle();
    REQUIRE(w.count(how::stored, 1) == 1);

    // After the hindered one the key rests for a second.
    auto const rested = boot_clock::now() + 1s;
    REQUIRE(w.until([&] { return boot_clock::now() > rested; }));
    auto const near = w.get("/hot/1", 0);
    CHECK(near->cache_status().ends_with("; detail=near"));
    CHECK(near->client.body == "old");  // nobody has written: it is valid
    CHECK(w.count(how::found) == 1);
    auto const next = w.get("/hot/1", 0);
    CHECK(next->cache_status().ends_with("; detail=near"));
    CHECK(next->client.body == "new");
    CHECK(w[0].upstream.count() == 1);
}

TEST_CASE("a hit in memory whose store entry is as old: it is fetched") {
    refresh_world w(1, 1 << 20);
    w.fill("/hot/1", "old");
    w.age("/hot/1");
    auto const slow = w.store().hold("begin_fill");
    CHECK(w.get("/hot/1")->cache_status().ends_with("; detail=store"));
    slow->open();
    w.settle();
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[1].fail(upstream::failure::broken);
    w.settle();
    CHECK(w.count(how::failed) == 1);
    auto const paused = boot_clock::now() + 1s;
    REQUIRE(w.until([&] { return boot_clock::now() > paused; }));
    CHECK(w.get("/hot/1")->cache_status().ends_with("; detail=near"));
    REQUIRE(w.upstream().count() == 3);
    w.upstream()[2].answer(200, "new");
    w.settle();
    CHECK(w.count(how::stored) == 1);
    CHECK(w.get("/hot/1")->client.body == "old");  // and the store is looked at
    CHECK(w.get("/hot/1")->client.body == "new");
    CHECK(w.upstream().count() == 3);
}

TEST_CASE("a drop that overtakes the look at the store: what was read is not kept") {
    refresh_world w(1, 1 << 20);
    w.fill("/hot/1", "old");
    w.age("/hot/1");
    w.get("/hot/1");
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "new");
    w.settle();
    auto const read = w.store().hold_reply("read");
    CHECK(w.get("/hot/1")->client.body == "old");
    REQUIRE(read->reached);
    auto const mutation = w.begin("hot:1*");
    w[0].drop("hot:1*");
    read->open();
    w.settle();
    CHECK_FALSE(w.get("/hot/1")->done);
    w.end(mutation, "hot:1*", store::end_action::bump);
}

TEST_CASE("a purge that the store has not had yet: no near hit, no refresh") {
    refresh_world w(1, 1 << 20);
    w.fill_old("/hot/1", "old");
    auto held = w[0].shared.pending.hold({"hot:1*"}, w.config().rules);
    CHECK_FALSE(w.get("/hot/1")->done);
    CHECK(w[0].process.background_fills().under_way() == 0);
    held.release();
}
