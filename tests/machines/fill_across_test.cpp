// One lock, several processes (design.md section 6): one fills, the others wait for its message.
#include "proxy/cache/event_channel.hpp"
#include "proxy/cache/upstream_gate.hpp"
#include "tests/machines/fill_world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

using namespace sidecache;
using namespace std::chrono_literals;
using telemetry::lock_outcome;
using test::fill_world;

namespace {

std::uint64_t outcomes(fill_world::replica& r, lock_outcome o) {
    return r.metrics("locked").fill_locks.at(static_cast<std::size_t>(o)).value();
}

std::string const rules_text = test::fill_rules;

std::string with_wait(std::string_view wait) {
    auto yaml = rules_text;
    auto const at = yaml.find("wait: 5s");
    return yaml.replace(at, 8, std::string("wait: ").append(wait));
}

}  // namespace

TEST_CASE("200 requests of a cold key through two replicas are one fetch") {
    fill_world w(2);
    std::vector<std::shared_ptr<test::call>> crowd;
    for (std::size_t i = 0; i < 200; ++i) {
        crowd.push_back(w.begin_get("/locked/1", i % 2));
    }
    w.settle();
    REQUIRE(w[0].upstream.count() + w[1].upstream.count() == 1);
    auto& filler = w[0].upstream.count() == 1 ? w[0] : w[1];
    auto& waiter = w[0].upstream.count() == 1 ? w[1] : w[0];
    filler.upstream[0].answer(200, "x");
    w.settle();  // the message wakes the other one: no time has to pass
    std::size_t served = 0;
    for (auto const& c : crowd) {
        served += c->client.complete && c->client.body == "x" ? 1 : 0;
    }
    CHECK(served == 200);
    CHECK(w[0].upstream.count() + w[1].upstream.count() == 1);
    CHECK(outcomes(filler, lock_outcome::acquired) == 1);
    CHECK(outcomes(waiter, lock_outcome::waited) == 1);
    CHECK(waiter.store.count("lock_held") == 0);
    CHECK(waiter.process.events().listeners() == 0);
}

TEST_CASE("a purge while another process fills: the one that waited does not take the dead entry") {
    fill_world w(2);
    w.get("/locked/1", 0);
    auto const waiter = w.get("/locked/1", 1);
    CHECK(w[1].upstream.count() == 0);
    w.purge("locked:1*");
    w[0].upstream[0].answer(200, "old");
    w.settle();
    CHECK_FALSE(waiter->done);
    REQUIRE(w[1].upstream.count() == 1);
    w[1].upstream[0].answer(200, "new");
    w.settle();
    CHECK(waiter->client.body == "new");
}

TEST_CASE("a fill that fails says so, and who waited goes to the upstream at once") {
    fill_world w(2);
    auto const holder = w.get("/locked/1", 0);
    auto const waiter = w.get("/locked/1", 1);
    w[0].upstream[0].fail(upstream::failure::timeout);
    w.settle();
    CHECK(holder->client.status_sent() == 504);
    REQUIRE(w[1].upstream.count() == 1);
    w[1].upstream[0].answer(200, "x");
    w.settle();
    CHECK(waiter->client.body == "x");
    CHECK(outcomes(w[1], lock_outcome::lost) == 1);
    CHECK(w[0].store.calls.back() == "release_lock locked:1:lock failed");
}

TEST_CASE("an answer that is not for the store releases the lock, and the others do not queue") {
    fill_world w(3);
    w.get("/locked/1", 0);
    auto const second = w.get("/locked/1", 1);
    auto const third = w.get("/locked/1", 2);
    w[0].upstream[0].answer(200, "mine", {{"Cache-Control", "no-store"}});
    w.settle();
    // Both at once, one with the lock and one without.
    CHECK(w[1].upstream.count() == 1);
    CHECK(w[2].upstream.count() == 1);
    w[1].upstream[0].answer(200, "b", {{"Cache-Control", "no-store"}});
    w[2].upstream[0].answer(200, "c", {{"Cache-Control", "no-store"}});
    w.settle();
    CHECK(second->client.body == "b");
    CHECK(third->client.body == "c");
}

TEST_CASE("who waits behind an unstorable fetch does not wait for its lock either") {
    fill_world w;
    auto const mutation = w.begin("locked:1*");  // so that the second one may not join the first
    w.get("/locked/1");
    w.get("/locked/1");
    REQUIRE(w.upstream().count() == 1);
    w.upstream()[0].head(200, {{"Cache-Control", "private"}}, 100);
    w.settle();  // the first one still streams, and holds the lock
    CHECK(w.upstream().count() == 2);
    w.end(mutation, "locked:1*", store::end_action::bump);
}

TEST_CASE("after `wait` a fill goes without the lock, with a new snapshot") {
    fill_world w(2, with_wait("150ms"));
    w.get("/locked/1", 0);
    auto const waiter = w.get("/locked/1", 1);
    w.purge("locked:1*");
    REQUIRE(w.until([&] { return w[1].upstream.count() == 1; }));
    w[1].upstream[0].answer(200, "x");
    w.settle();
    CHECK(waiter->client.body == "x");
    CHECK(outcomes(w[1], lock_outcome::timeout) == 1);
    CHECK(w[1].store.count("lock_held") == 1);  // the polling fallback, once in 150 ms
    // Stored under the new generations: a hit for the next one.
    CHECK(w.get("/locked/1", 1)->client.body == "x");
    // The lock was never its own to release.
    CHECK(w[1].store.count("release_lock") == 0);
}

TEST_CASE("the holder vanishes without a word: polling finds out") {
    fill_world w(2);
    w.get("/locked/1", 0);
    auto const waiter = w.get("/locked/1", 1);
    REQUIRE_FALSE(waiter->done);
    w.store_clock_ahead = 31s;  // the lock runs out in the store
    REQUIRE(w.until([&] { return w[1].upstream.count() == 1; }));
    w[1].upstream[0].answer(200, "x");
    w.settle();
    CHECK(waiter->client.body == "x");
    CHECK(outcomes(w[1], lock_outcome::lost) == 1);
}

TEST_CASE("a subscription that broke makes who waits look for himself") {
    fill_world w(2);
    w.get("/locked/1", 0);
    auto const waiter = w.get("/locked/1", 1);
    auto const looks = w[1].store.count("begin_fill");
    w[1].process.events().lost();
    w.settle();
    CHECK(w[1].store.count("begin_fill") == looks + 1);
    CHECK_FALSE(waiter->done);  // still held: it waits on
    w[0].upstream[0].answer(200, "x");
    w.settle();
    CHECK(waiter->client.body == "x");
}

TEST_CASE("the store dies while a fill waits for the lock: it goes to the upstream") {
    fill_world w(2);
    w.get("/locked/1", 0);
    auto const waiter = w.get("/locked/1", 1);
    w[1].store.down = store::store_error::unreachable;
    REQUIRE(w.until([&] { return w[1].upstream.count() == 1; }));
    w[1].upstream[0].answer(200, "x");
    w.settle();
    CHECK(waiter->client.body == "x");
}

TEST_CASE("the lock is extended while its fill lives, and not a moment longer") {
    auto yaml = rules_text;
    yaml.replace(yaml.find("ttl: 30s, wait"), 14, "ttl: 150ms, wait");
    fill_world w(1, yaml);
    w.get("/locked/1");
    REQUIRE(w.until([&] { return w.store().count("extend_lock") >= 2; }));
    w.upstream()[0].answer(200, "x");
    w.settle();
    CHECK(w[0].background.empty());  // the keeper is gone
    auto const extended = w.store().count("extend_lock");
    CHECK(w.get("/locked/1")->client.body == "x");
    CHECK(w.store().count("extend_lock") == extended);
}

TEST_CASE("a fill refused at the gate gives its lock back") {
    auto yaml = rules_text;
    yaml.insert(yaml.find("3000\"") + 5, ", max_concurrent: 1, max_queue: 0");
    fill_world w(2, yaml);
    w.get("/products/1", 0);
    auto const refused = w.get("/locked/1", 0);
    CHECK(refused->client.status_sent() == 503);
    CHECK(w[0].store.calls.back() == "release_lock locked:1:lock failed");
    // The other replica has room.
    w.get("/locked/1", 1);
    CHECK(w[1].upstream.count() == 1);
}

TEST_CASE("messages are matched by their lock, and what is not known is ignored") {
    asio::io_context context{1};
    cache::event_channel channel;
    auto heard = cache::fill_news::none;
    auto const wait = [&](cache::event_channel::listening& l) -> task<void> {
        heard = co_await l.wait(std::chrono::steady_clock::now() + 10s);
    };
    auto listening = channel.listen("product:1:lock", context.get_executor());
    asio::co_spawn(context, wait(listening), [](auto) {});
    auto const settle = [&] {
        context.restart();
        while (context.poll() != 0) {
        }
    };
    settle();
    for (auto const* other : {"1 fill_done stored product:10:lock",
                              "2 fill_done stored product:1:lock",
                              "1 drop product:1:lock",
                              "1 fill_done",
                              ""}) {
        channel.dispatch(other);
        settle();
        CHECK(heard == cache::fill_news::none);
    }
    channel.dispatch("1 fill_done stored product:1:lock");
    settle();
    CHECK(heard == cache::fill_news::stored);
}
