#pragma once

#include "proxy/store/redis_hub.hpp"
#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "tests/store/fixtures.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_server.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace sidecache::tests {

/// Connections come and go here on purpose.
inline bool const is_quiet = (log::set_level(log::level::off), true);

/// How the suite's stores are set up; generous with time, since the machine may be busy.
inline store::redis_settings settings_for(std::uint16_t port) {
    store::redis_settings s;
    s.where.address = {"127.0.0.1", port};
    s.where.description = "redis://127.0.0.1:" + std::to_string(port) + "/0";
    s.where.timeout = std::chrono::seconds(2);
    return s;
}

inline store::redis_settings settings_for(redis_cluster const& group) {
    auto s = settings_for(0);
    s.where.description = group.url();
    for (auto const port : group.ports()) {
        s.where.cluster_seeds.push_back({"127.0.0.1", port});
    }
    return s;
}

/// One sidecache process, as far as the store is concerned, with one worker.
struct replica {
    asio::io_context io{1};
    telemetry::process_metrics process;
    telemetry::worker_metrics counters{0, 0};
    store::redis_hub hub;
    std::unique_ptr<store::store> made;
    store::store& s;

    explicit replica(store::redis_settings settings)
        : hub(std::move(settings), process, store::random_ids()),
          made(hub.make_store(io, [this]() -> telemetry::worker_metrics& { return counters; })),
          s(*made) {}
    /// Everything ends by itself once the hub is stopped: connections, heartbeats, coroutines.
    ~replica() {
        hub.stop();
        io.restart();
        io.run_for(std::chrono::seconds(10));
        CHECK_MESSAGE(io.stopped(), "something of the store still runs");
    }
    replica(replica const&) = delete;
    replica& operator=(replica const&) = delete;

    template <class T>
    T run(task<T> work) {
        return test::run_task(io, std::move(work));
    }
    template <class Condition>
    void run_until(Condition const& condition) {
        auto const until = std::chrono::steady_clock::now() + std::chrono::seconds(15);
        io.restart();
        while (!condition()) {
            REQUIRE(std::chrono::steady_clock::now() < until);
            io.run_one_for(std::chrono::milliseconds(2));
        }
    }
    /// How often a command had that outcome.
    std::uint64_t counted(telemetry::store_command c, store::store_error e) const {
        return counters.store[static_cast<std::size_t>(c)][static_cast<std::size_t>(e)].value();
    }
};

/// A real redis-server and one replica.
struct redis_fixture {
    redis_server server;
    replica one{settings_for(server.port())};
    store::store& s = one.s;

    template <class T>
    T run(task<T> work) {
        return one.run(std::move(work));
    }
    template <class Condition>
    void run_until(Condition const& condition) {
        one.run_until(condition);
    }
    bool has_entry(std::string const& key) { return server.exists(key); }
    std::size_t present(std::vector<std::string> keys) {
        keys.insert(keys.begin(), "EXISTS");
        return static_cast<std::size_t>(server.command(keys).number());
    }
    bool is_indexed(std::string const& tag, std::string const& key) {
        return server.cli({"ZRANGE", "sidecache:index:" + tag, "0", "-1"}) == key;
    }
    /// By the server's clock, which is the one that counts.
    void wait_until_past(std::chrono::milliseconds time) {
        auto const until = now_ms() + time.count();
        run_until([&] { return now_ms() > until; });
    }
    long long now_ms() {
        auto const t = server.command({"TIME"});
        return t.items[0].number() * 1000 + t.items[1].number() / 1000;
    }
    void subscribe(store::event_sink sink) {
        auto const stands = std::make_shared<bool>(false);
        one.hub.subscribe(one.io, std::move(sink), [stands] { *stands = true; });
        run_until([&] { return *stands; });
    }
};

/// A Cluster for the whole run of this program, emptied: it takes seconds to find together.
inline redis_cluster& emptied_cluster() {
    static redis_cluster group;
    for (std::size_t i = 0; i < group.size(); ++i) {
        group.node(i).command({"FLUSHALL"});
    }
    return group;
}

/// A real Cluster and one replica.
struct cluster_fixture {
    redis_cluster& group = emptied_cluster();
    replica one{settings_for(group)};
    store::store& s = one.s;

    template <class T>
    T run(task<T> work) {
        return one.run(std::move(work));
    }
    template <class Condition>
    void run_until(Condition const& condition) {
        one.run_until(condition);
    }
    bool has_entry(std::string const& key) { return group.exists(key); }
    std::size_t present(std::vector<std::string> const& keys) {
        return static_cast<std::size_t>(std::count_if(
            keys.begin(), keys.end(), [this](auto const& key) { return group.exists(key); }));
    }
    bool is_indexed(std::string const& tag, std::string const& key) {
        auto const index = "sidecache:index:" + tag;
        auto const all = group.command(index, {"ZRANGE", index, "0", "-1"});
        return all.items.size() == 1 && all.items[0].text == key;
    }
    /// By the nodes' clock: it is one machine's.
    void wait_until_past(std::chrono::milliseconds time) {
        auto const until = now_ms() + time.count();
        run_until([&] { return now_ms() > until; });
    }
    long long now_ms() {
        auto const t = group.node(0).command({"TIME"});
        return t.items[0].number() * 1000 + t.items[1].number() / 1000;
    }
    void subscribe(store::event_sink sink) {
        auto const stands = std::make_shared<bool>(false);
        one.hub.subscribe(one.io, std::move(sink), [stands] { *stands = true; });
        run_until([&] { return *stands; });
    }
};

}  // namespace sidecache::tests
