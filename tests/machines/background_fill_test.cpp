// Fills without a client: as any fill towards the store, and giving way to everybody.
#include "proxy/cache/background_fill.hpp"

#include "proxy/cache/background_book.hpp"
#include "proxy/cache/fill_table.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/upstream_gate.hpp"
#include "tests/machines/fill_world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <optional>

using namespace sidecache;
using namespace std::chrono_literals;
using how = telemetry::background_outcome;
using store::end_action;
using test::fill_world;

namespace {

/// Longer than any entry here lives: whatever lies in the store is to be replaced.
constexpr auto always = std::chrono::hours(1);

struct launched {
    std::optional<how> end;
    bool is(how expected) const { return end == expected; }
};

/// Fills without a client, for a request as that client's.
std::shared_ptr<launched> launch(fill_world& w,
                                 std::string_view target,
                                 std::chrono::milliseconds enough = always,
                                 std::size_t replica = 0,
                                 std::string_view fields = {}) {
    auto& r = w[replica];
    auto const asked = test::request_from(
        std::string("GET ").append(target).append(" HTTP/1.1\r\n").append(fields));
    rules::decision wanted;
    w.config().rules->decide(asked.view(), wanted);
    REQUIRE(wanted.what == rules::verdict::serve);
    auto order = cache::make_order(r.current, wanted, asked, "10.0.0.7", {});
    auto out = std::make_shared<launched>();
    auto work = cache::fill_unattended(r.parts, std::move(order), enough);
    auto const book = [](task<how> from, std::shared_ptr<launched> into) -> task<void> {
        into->end = co_await std::move(from);
    };
    r.background.spawn("test", book(std::move(work), out));
    w.settle();
    return out;
}

/// A client's miss, answered.
void fill(fill_world& w, std::string_view target, std::string_view content) {
    auto const c = w.get(target);
    w.upstream().fetches.back()->answer(200, content);
    w.settle();
    REQUIRE(c->client.body == content);
}

}  // namespace

TEST_CASE("it replaces what lies in the store, with the request that it was given") {
    fill_world w;
    fill(w, "/products/1", "old");
    auto const f =
        launch(w, "/products/1", always, 0, "Accept: text/x\r\nIf-None-Match: \"e\"\r\n");
    REQUIRE(w.upstream().count() == 2);
    auto const& sent = w.upstream()[1].request;
    CHECK(sent.target == "/products/1");
    CHECK(sent.fields.find("Accept") == "text/x");
    CHECK_FALSE(sent.fields.find("If-None-Match"));
    CHECK(sent.fields.find("X-Forwarded-For") == "10.0.0.7");
    // Meanwhile everybody is served what there is.
    CHECK(w.get("/products/1")->client.body == "old");
    w.upstream()[1].answer(200, "new");
    w.settle();
    CHECK(f->is(how::stored));
    CHECK(w.get("/products/1")->client.body == "new");
    CHECK(w.upstream().count() == 2);
}

TEST_CASE("an entry with enough of its life left makes it unnecessary") {
    fill_world w;
    fill(w, "/products/1", "x");
    CHECK(launch(w, "/products/1", 5min)->is(how::found));
    CHECK(w.upstream().count() == 1);
    CHECK(w.store().calls.back() == "release_lock product:1:details|refresh stored");
}

TEST_CASE("nothing there: it is stored as any fill is") {
    fill_world w;
    auto const f = launch(w, "/locked/1", 0ms);
    w.upstream()[0].answer(200, "x");
    w.settle();
    CHECK(f->is(how::stored));
    CHECK(w.get("/locked/1")->client.body == "x");
    CHECK(w.upstream().count() == 1);
}

TEST_CASE("one in the world: the rule's lock, or one of its own") {
    fill_world w(2);
    char const* target = "/products/1";
    SUBCASE("of a rule without a lock") {}
    SUBCASE("of a rule with one") {
        target = "/locked/1";
    }
    auto const first = launch(w, target, always, 0);
    REQUIRE(w[0].upstream.count() == 1);
    CHECK(launch(w, target, always, 1)->is(how::under_way));
    CHECK(w[1].upstream.count() == 0);
    w[0].upstream[0].answer(200, "x");
    w.settle();
    CHECK(first->is(how::stored));
    auto const next = launch(w, target, always, 1);  // the lock went with the entry
    CHECK(w[1].upstream.count() == 1);
}

TEST_CASE("a client's fill of another replica holds it off, and the other way round") {
    fill_world w(2);
    auto const client = w.get("/locked/1", 0);
    CHECK(launch(w, "/locked/1", always, 1)->is(how::under_way));
    w[0].upstream[0].answer(200, "x");
    w.settle();
    CHECK(client->client.body == "x");

    w.purge("locked:1*");
    launch(w, "/locked/1", always, 1);
    REQUIRE(w[1].upstream.count() == 1);
    auto const waiter = w.get("/locked/1", 0);  // behind the lock
    CHECK(w[0].upstream.count() == 1);
    w[1].upstream[0].answer(200, "y");
    w.settle();
    CHECK(waiter->client.body == "y");
}

TEST_CASE("in one process it takes no place where somebody fetches, and is joined once sent") {
    fill_world w;
    SUBCASE("a client was first") {
        auto const client = w.get("/products/1");
        CHECK(launch(w, "/products/1")->is(how::under_way));
        w.upstream()[0].answer(200, "x");
        w.settle();
        CHECK(client->client.body == "x");
        CHECK(w.upstream().count() == 1);
    }
    SUBCASE("it was first") {
        auto const f = launch(w, "/products/1");
        auto const client = w.get("/products/1");
        CHECK(w.upstream().count() == 1);
        w.upstream()[0].answer(200, "x");
        w.settle();
        CHECK(f->is(how::stored));
        CHECK(client->client.body == "x");
        CHECK(client->cache_status() ==
              "sidecache; fwd=miss; collapsed; key=\"product:1:details\"");
    }
    SUBCASE("before it is sent no client waits for it") {
        auto const slow = w.store().hold("begin_fill");
        auto const f = launch(w, "/products/1");
        REQUIRE(slow->reached);
        auto const client = w.get("/products/1");
        REQUIRE(w.upstream().count() == 1);
        slow->open();
        w.settle();
        CHECK(f->is(how::under_way));
        w.upstream()[0].answer(200, "x");
        w.settle();
        CHECK(client->client.body == "x");
    }
}

// Protocol.md section 2: the snapshot comes before the fetch.
TEST_CASE("a purge while it fetches: what it stores is dead, and nothing old comes back") {
    fill_world w;
    fill(w, "/products/1", "old");
    auto const f = launch(w, "/products/1");
    w.purge("product:1*");
    auto const reader = w.get("/products/1");  // may not join: it saw other generations
    CHECK_FALSE(reader->done);
    w.upstream()[1].answer(200, "old");
    w.settle();
    CHECK(f->is(how::stored));  // and worth nothing
    CHECK_FALSE(reader->done);
    REQUIRE(w.upstream().count() == 3);
    w.upstream()[2].answer(200, "new");
    w.settle();
    CHECK(reader->client.body == "new");
    CHECK(w.get("/products/1")->client.body == "new");
}

TEST_CASE("a purge between its snapshot and its fetch makes it dead as well") {
    fill_world w;
    fill(w, "/products/1", "old");
    auto const taken = w.store().hold_reply("begin_fill");
    auto const f = launch(w, "/products/1");
    REQUIRE(taken->reached);
    w.purge("product:1*");
    taken->open();
    w.settle();
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "read before the purge, for all we know");
    w.settle();
    REQUIRE(f->is(how::stored));
    CHECK_FALSE(w.get("/products/1")->done);
}

TEST_CASE("where nothing may be stored the backend is not asked") {
    fill_world w;
    fill(w, "/products/1", "x");
    SUBCASE("a write is under way") {
        w.begin("product:1*");
    }
    SUBCASE("a failover was met") {
        w.store().quarantined = true;
    }
    SUBCASE("the store does not answer") {
        w.store().down = store::store_error::timeout;
    }
    std::optional<cache::pending_purges::holding> holding;
    SUBCASE("the store has not had a purge yet") {
        holding.emplace(w[0].process.parts().pending.hold({"product:1*"}, w.config().rules));
    }
    CHECK(launch(w, "/products/1")->is(how::hindered));
    CHECK(w.upstream().count() == 1);
}

TEST_CASE("an intent hinders nothing") {
    fill_world w;
    w.begin("product:1*", store::mark_kind::intent, 35s);
    auto const f = launch(w, "/products/1");
    w.upstream()[0].answer(200, "x");
    w.settle();
    CHECK(f->is(how::stored));
}

TEST_CASE("the queue before the gate is for clients: without room it is dropped") {
    fill_world w;
    auto const client = w.get("/narrow/1");
    CHECK(launch(w, "/narrow/2")->is(how::dropped));
    CHECK(w[0].process.gate().queued() == 0);
    w.upstream()[0].answer(200, "x");
    w.settle();
    auto const f = launch(w, "/narrow/2");
    REQUIRE(w.upstream().count() == 2);
    auto const waiting = w.get("/narrow/3");
    CHECK(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "y");
    w.settle();
    CHECK(f->is(how::stored));
    CHECK(w.upstream().count() == 3);  // the room is free again
}

TEST_CASE("a failure leaves the old entry to those who are served from it") {
    fill_world w;
    fill(w, "/products/1", "old");
    auto const f = launch(w, "/products/1");
    auto expected = how::failed;
    auto& fetch = w.upstream()[1];
    SUBCASE("no answer") {
        fetch.fail(upstream::failure::timeout);
    }
    SUBCASE("trouble") {
        fetch.answer(503, "");
    }
    SUBCASE("too many requests") {
        fetch.answer(429, "");
    }
    SUBCASE("broken off") {
        fetch.head(200, {}, 10);
        fetch.body("12345");
        w.settle();
        fetch.fail(upstream::failure::broken);
    }
    SUBCASE("not found") {
        fetch.answer(404, "");
        expected = how::not_stored;
    }
    SUBCASE("for its client only") {
        fetch.answer(200, "y", {{"Cache-Control", "private"}});
        expected = how::not_stored;
    }
    SUBCASE("larger than max_object: the rest is nobody's") {
        fetch.head(200, {}, std::nullopt);
        fetch.body(std::string(2'000, 'x'));
        expected = how::not_stored;
    }
    SUBCASE("the store does not take it") {
        w.store().down = store::store_error::timeout;
        w.store().down_command = "put";
        fetch.answer(200, "y");
        expected = how::not_stored;
    }
    w.settle();
    CHECK(f->is(expected));
    CHECK(fetch.gone);
    w.store().down.reset();
    CHECK(w.get("/products/1")->client.body == "old");
    CHECK(w[0].process.fills().size() == 0);
    CHECK(w[0].process.gate().in_flight() == 0);
}

TEST_CASE("what proved unstorable is not fetched for nobody") {
    fill_world w;
    w.get("/products/1");
    w.upstream()[0].answer(200, "x", {{"Cache-Control", "no-store"}});
    w.settle();
    CHECK(launch(w, "/products/1")->is(how::not_stored));
    CHECK(w.upstream().count() == 1);
}

TEST_CASE("started from the book: counted, one a key, and dropped beyond the bounds") {
    auto yaml = std::string(test::fill_rules);
    yaml.insert(yaml.find("3000\"") + 5, ", max_background: 2");
    fill_world w(1, yaml);
    auto& r = w[0];
    auto const start = [&](std::string const& target) {
        auto const asked = test::request_from("GET " + target + " HTTP/1.1\r\n");
        rules::decision wanted;
        w.config().rules->decide(asked.view(), wanted);
        auto const make = [&] {
            auto order = cache::make_order(r.current, wanted, asked, "10.0.0.7", {});
            return cache::fill_unattended(r.parts, std::move(order), always);
        };
        bool const is_started = cache::start_background(
            r.parts, r.current, wanted, telemetry::background_purpose::refresh, make);
        w.settle();
        CHECK(cache::background_rests(r.parts, wanted, boot_clock::now()));
        return is_started;
    };
    auto const count = [&](std::string_view rule, how end) {
        return r.metrics(rule).background[0].at(static_cast<std::size_t>(end)).value();
    };
    CHECK(start("/products/1"));
    CHECK_FALSE(start("/products/1"));
    CHECK_FALSE(start("/products/2"));  // half of two for one rule
    CHECK(start("/narrow/1"));
    CHECK_FALSE(start("/locked/1"));
    CHECK(w.upstream().count() == 2);
    w.upstream()[0].answer(200, "x");
    w.upstream()[1].answer(500, "x");
    w.settle();
    CHECK(count("details", how::stored) == 1);
    CHECK(count("details", how::dropped) == 2);
    CHECK(count("narrow", how::failed) == 1);
    CHECK(count("locked", how::dropped) == 1);
    CHECK(r.background.empty());
    CHECK(r.process.background_fills().under_way() == 0);
}
