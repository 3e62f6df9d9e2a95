#include "proxy/store/make_hub.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "tests/store/redis_fixture.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace sidecache;
using namespace sidecache::store;
using namespace sidecache::tests;
using namespace std::chrono_literals;

// What these look for is found by the thread sanitizer, or as a wrong outcome.

namespace {

constexpr int rounds = 60;

/// One worker's life: fills and mutations under tags that all workers share.
void work(store_hub& hub, unsigned number, std::atomic<int>& failures, std::latch& done) {
    asio::io_context io{1};
    auto const made = hub.make_store(io);
    auto& s = *made;
    auto const tags = tags_of({"rule:details", "product:1*"});
    for (int i = 0; i < rounds; ++i) {
        auto const key = "product:1:" + std::to_string(i % 7);
        fill_request const f{key, &tags, 1h, "", {}, 0ms};
        put_request const p{key, "SCE1", 60s, &tags, "", {}};
        mutation_id const id{number, static_cast<std::uint64_t>(i)};
        std::vector<begin_mark> const marks{{"product:1*", mark_kind::marker}};
        std::vector<end_mark> const ends{{"product:1*", end_action::bump, ""}};
        bool ok = test::run_task(io, s.begin_fill(f)).has_value();
        ok = test::run_task(io, s.put(p)).has_value() && ok;
        ok = test::run_task(io, s.begin(id, marks, 35s, 1h)).has_value() && ok;
        auto const during = test::run_task(io, s.read(key, tags));
        ok = ok && during.has_value() && during->tags[1].marker;
        auto const ended = test::run_task(io, s.end(id, ends, 35s, 1h));
        ok = ok && ended.has_value() && ended->had_mark[0];
        (void)s.status();
        failures += ok ? 0 : 1;
    }
    done.arrive_and_wait();  // the hub posts to every worker: none goes before it has
}

void work_all(store_hub& hub) {
    std::atomic<int> failures = 0;
    std::latch done(5);
    std::vector<std::jthread> workers;
    for (unsigned n = 1; n <= 4; ++n) {
        workers.emplace_back([&hub, n, &failures, &done] { work(hub, n, failures, done); });
    }
    hub.announce("fingerprint", {"details"});
    done.arrive_and_wait();
    workers.clear();
    CHECK(failures == 0);
}

}  // namespace

TEST_CASE("several workers at once on memory://") {
    telemetry::process_metrics metrics;
    config::model model;
    model.store.what = config::store::kind::memory;
    auto const hub = make_hub(model, metrics, random_ids());
    work_all(*hub);
    CHECK(metrics.store_up == 1);
}

TEST_CASE("several workers at once on Redis") {
    redis_server server;
    telemetry::process_metrics metrics;
    config::model model;
    model.store.address = {"127.0.0.1", server.port()};
    model.store.timeout = 5s;
    auto const hub = make_hub(model, metrics, random_ids());
    work_all(*hub);
    CHECK(metrics.store_up == 0);  // each worker's connection went with it
}
