// The stream of events against a real redis-server: every message is done with at least once,
// whoever dies in between.
#include "proxy/store/event_stream.hpp"

#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "tests/support/redis_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace sidecache;
using namespace std::chrono_literals;
using sidecache::tests::redis_server;

namespace {

bool const is_quiet = (log::set_level(log::level::off), true);

/// One replica's consumer.
struct consumer {
    explicit consumer(redis_server& server, std::uint64_t number = 1, std::size_t batch = 64) {
        where.address = {"127.0.0.1", server.port()};
        what.stream = "changes";
        what.batch = batch;
        what.claim_after = 1s;
        stream = std::make_unique<store::event_stream>(
            io.get_executor(),
            where,
            what,
            store::id128{0, number},
            metrics,
            [this](std::vector<store::stream_message> const& some) { return take(some); });
        asio::co_spawn(io, stream->run(), [this](std::exception_ptr const& e) {
            ended = true;
            CHECK_FALSE(e);
        });
    }
    ~consumer() {
        stream->stop();
        CHECK(until([&] { return ended; }));
    }
    consumer(consumer const&) = delete;
    consumer& operator=(consumer const&) = delete;

    task<bool> take(std::vector<store::stream_message> const& some) {
        batches.push_back(some.size());
        if (refuses) {
            co_return false;
        }
        for (auto const& message : some) {
            seen.insert(message.id);
            gone += message.is_gone ? 1 : 0;
            last = message;
        }
        co_return true;
    }
    bool until(std::function<bool()> const& holds) {
        auto const limit = std::chrono::steady_clock::now() + 30s;
        io.restart();
        while (!holds() && std::chrono::steady_clock::now() < limit) {
            io.run_one_for(2ms);
        }
        return holds();
    }

    asio::io_context io{1};
    config::store where;
    config::events what;
    telemetry::process_metrics metrics;
    std::unique_ptr<store::event_stream> stream;
    bool ended = false;
    bool refuses = false;
    std::vector<std::size_t> batches;
    std::set<std::string> seen;
    std::size_t gone = 0;
    store::stream_message last;
};

std::string add(redis_server& server, std::string const& name, std::string const& value) {
    return server.cli({"XADD", "changes", "*", name, value});
}

long long pending(redis_server& server) {
    return server.command({"XPENDING", "changes", "sidecache"}).items[0].number();
}

}  // namespace

TEST_CASE("messages come as they were written, and are acknowledged once they are done") {
    redis_server server;
    consumer c(server);
    REQUIRE(c.until([&] { return server.exists("changes"); }));  // the group makes the stream
    auto const id = server.cli({"XADD", "changes", "*", "pattern", "product:1*", "by", "job 7"});
    REQUIRE(c.until([&] { return c.seen.contains(id); }));
    REQUIRE(c.last.find("pattern") != nullptr);
    CHECK(*c.last.find("pattern") == "product:1*");
    CHECK(*c.last.find("by") == "job 7");
    CHECK(c.last.find("none") == nullptr);
    CHECK(c.until([&] { return pending(server) == 0; }));
    CHECK(c.until([&] { return c.metrics.events_lag == 0; }));
    CHECK(c.metrics.events_connected == 1);
    CHECK(std::to_string(c.metrics.events_last_ms) + "-" +
              std::to_string(c.metrics.events_last_number) ==
          id);
}

TEST_CASE("what was written before the group was made is handled, too") {
    redis_server server;
    auto const id = add(server, "key", "product:1");
    consumer c(server);
    CHECK(c.until([&] { return c.seen.contains(id); }));
}

TEST_CASE("while the invalidation fails a message stays and is tried again") {
    redis_server server;
    consumer c(server);
    c.refuses = true;
    auto const id = add(server, "key", "product:1");
    REQUIRE(c.until([&] { return c.batches.size() >= 3; }));
    CHECK(pending(server) == 1);
    CHECK(c.seen.empty());
    c.refuses = false;
    CHECK(c.until([&] { return c.seen.contains(id); }));
    CHECK(c.until([&] { return pending(server) == 0; }));
}

TEST_CASE("what a dead consumer was given is taken over after a while") {
    redis_server server;
    auto first = std::make_unique<consumer>(server, 1);
    first->refuses = true;
    auto const id = add(server, "key", "product:1");
    REQUIRE(first->until([&] { return !first->batches.empty(); }));
    first.reset();  // ends without having done it
    REQUIRE(pending(server) == 1);
    consumer second(server, 2);
    CHECK(second.until([&] { return second.seen.contains(id); }));
    CHECK(second.until([&] { return pending(server) == 0; }));
}

TEST_CASE("after a break what this consumer was given is read again first") {
    redis_server server;
    consumer c(server);
    c.refuses = true;
    auto const id = add(server, "key", "product:1");
    REQUIRE(c.until([&] { return !c.batches.empty(); }));
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    c.refuses = false;
    CHECK(c.until([&] { return c.seen.contains(id) && pending(server) == 0; }));
    auto const next = add(server, "key", "product:2");
    CHECK(c.until([&] { return c.seen.contains(next); }));
}

TEST_CASE("a restart of Redis: nothing that it kept is lost, and a lost stream is made anew") {
    redis_server server;
    consumer c(server);
    auto const before = add(server, "key", "product:1");
    REQUIRE(c.until([&] { return c.seen.contains(before); }));
    SUBCASE("with its data") {
        server.snapshot();
        server.restart();
    }
    SUBCASE("empty") {
        server.restart();
    }
    SUBCASE("flushed while it runs") {
        server.command({"FLUSHALL"});
    }
    auto const after = add(server, "key", "product:2");
    CHECK(c.until([&] { return c.seen.contains(after); }));
    CHECK(c.until([&] { return c.metrics.events_connected == 1; }));
}

TEST_CASE("Redis away: it waits and goes on by itself") {
    redis_server server;
    consumer c(server);
    auto const before = add(server, "key", "product:1");
    REQUIRE(c.until([&] { return c.seen.contains(before) && pending(server) == 0; }));
    server.kill();
    REQUIRE(c.until([&] { return c.metrics.events_connected == 0; }));
    server.start();
    auto const after = add(server, "key", "product:2");
    CHECK(c.until([&] { return c.seen.contains(after); }));
}

TEST_CASE(
    "ten thousand messages, two consumers: each is done with, in batches, and nothing stays") {
    redis_server server;
    server.command(
        {"EVAL",
         "for i = 1, 10000 do redis.call('XADD', 'changes', '*', 'key', 'product:' .. i) end",
         "0"});
    consumer one(server, 1);
    consumer two(server, 2);
    REQUIRE(one.until([&] {
        two.io.restart();
        two.io.poll();
        return one.seen.size() + two.seen.size() >= 10'000;
    }));
    CHECK(one.until([&] {
        two.io.restart();
        two.io.poll();
        return pending(server) == 0;
    }));
    CHECK(one.batches.size() + two.batches.size() < 1'000);
}

TEST_CASE("a pending message that was trimmed meanwhile is told as gone, and done with") {
    redis_server server;
    {
        consumer first(server, 1);
        first.refuses = true;
        add(server, "key", "product:1");
        REQUIRE(first.until([&] { return !first.batches.empty(); }));
    }
    REQUIRE(pending(server) == 1);
    server.command({"XTRIM", "changes", "MAXLEN", "0"});
    consumer second(server, 2);
    CHECK(second.until([&] { return second.gone >= 1; }));
    CHECK(second.until([&] { return pending(server) == 0; }));
}

TEST_CASE("a message larger than any reply may be is given up, and those behind it are not") {
    redis_server server;
    add(server, "key", "product:1");
    add(server, "key", std::string(store::event_stream::most_bytes + 100'000, 'x'));
    auto const behind = add(server, "key", "product:2");
    consumer c(server);
    CHECK(c.until([&] { return c.seen.contains(behind) && pending(server) == 0; }));
    CHECK(c.seen.size() == 2);
    auto const malformed = static_cast<std::size_t>(telemetry::event_outcome::malformed);
    CHECK(c.metrics.events.at(malformed) == 1);
}

TEST_CASE("a consumer that leaves owing nothing is forgotten by the group") {
    redis_server server;
    {
        consumer c(server);
        auto const id = add(server, "key", "product:1");
        REQUIRE(c.until([&] { return c.seen.contains(id) && pending(server) == 0; }));
        CHECK(server.command({"XINFO", "CONSUMERS", "changes", "sidecache"}).items.size() == 1);
    }
    CHECK(server.command({"XINFO", "CONSUMERS", "changes", "sidecache"}).items.empty());
}

TEST_CASE(
    "a key that is no stream: said once, tried again, and it goes on when that is put right") {
    redis_server server;
    server.command({"SET", "changes", "x"});
    consumer c(server);
    CHECK(c.until([&] { return c.metrics.events_connected == 0; }));
    server.command({"DEL", "changes"});
    auto const id = add(server, "key", "product:1");
    CHECK(c.until([&] { return c.seen.contains(id); }));
}
