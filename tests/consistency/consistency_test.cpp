// Short runs of the checker with fixed seeds. `make soak` runs it long; see README.md.
#include "tests/consistency/run.hpp"

#include <doctest/doctest.h>

using namespace sidecache::consistency;

namespace {

outcome run_of(std::string_view faults, std::uint64_t seed, std::uint64_t reads, int seconds) {
    run_options o;
    o.faults = faults_named(faults);
    o.what.seed = seed;
    o.reads = reads;
    o.at_most = std::chrono::seconds(seconds);
    return run(o);
}

void holds(outcome const& o, double hit_ratio) {
    INFO(o.report());
    CHECK(o.what.violations.empty());
    CHECK(o.what.hit_ratio() >= hit_ratio);
    CHECK(o.what.checked > 500);
    CHECK(o.acknowledged > 5);
}

}  // namespace

TEST_CASE("consistency: without faults, and nearly everything is a hit") {
    run_options o;
    o.what.seed = 1;
    o.what.reads_per_write = 120;
    o.reads = 40'000;
    o.at_most = std::chrono::seconds(60);
    // `make soak` asks for more; on a machine that does other things beside, writes take longer.
    holds(run(o), 0.7);
}

TEST_CASE("consistency: replicas die, stop, leave and come back") {
    holds(run_of("kill,kill-in-mutation,kill-in-fill,stop,stop-long,leave", 2, 30'000, 25), 0.3);
}

TEST_CASE("consistency: links to Redis break, stall and crawl") {
    holds(run_of("cut-link,cut-link-shortly,hold-requests,hold-replies,slow-link,stalling-link",
                 3,
                 30'000,
                 25),
          0.1);
}

TEST_CASE("consistency: Redis stops, restarts from an old snapshot, evicts, forgets") {
    holds(run_of("stop-redis,restart-redis,forget-members,delete-entries,evict", 4, 30'000, 25),
          0.1);
}

TEST_CASE("consistency: the backend breaks, hangs, commits and then fails") {
    holds(run_of("backend-resets,backend-hangs,backend-commits-then-hangs,"
                 "backend-commits-then-resets,backend-commits-then-fails,backend-commits-then-503,"
                 "backend-commits-late,backend-is-slow,backend-truncates,kill-backend",
                 5,
                 30'000,
                 25),
          0.1);
}

TEST_CASE("consistency: FLUSHALL and deleted marks leave the first promise standing") {
    holds(run_of("flush,delete-keys", 6, 20'000, 25), 0.1);
}

TEST_CASE("consistency: everything, one after the other") {
    holds(run_of("strict", 7, 40'000, 30), 0.1);
}

TEST_CASE("consistency: on_down: forward, and Redis is back before the answers are due") {
    run_options o;
    o.where.on_down = "forward";
    o.faults = faults_named("stop-redis,cut-link,hold-requests,hold-replies");
    o.what.seed = 9;
    o.reads = 20'000;
    o.at_most = std::chrono::seconds(25);
    holds(run(o), 0.1);
}

TEST_CASE("consistency: Sentinels fail over, and the primary dies") {
    run_options o;
    o.where.store = topology::sentinels;
    o.faults = faults_named("failover,kill-primary", o.where.store);
    o.what.seed = 10;
    o.reads = 40'000;
    o.at_most = std::chrono::seconds(35);
    holds(run(o), 0.05);
}

TEST_CASE("consistency: a Cluster fails over, and its nodes die") {
    run_options o;
    o.where.store = topology::cluster;
    o.faults = faults_named("node-failover,kill-node,kill-home,stop-node", o.where.store);
    o.what.seed = 11;
    o.reads = 40'000;
    o.at_most = std::chrono::seconds(35);
    holds(run(o), 0.05);
}

TEST_CASE("consistency: slots of a Cluster move, replicas die") {
    run_options o;
    o.where.store = topology::cluster;
    o.faults =
        faults_named("move-slots,move-slowly,move-home,kill,kill-in-mutation,stop", o.where.store);
    o.what.seed = 12;
    o.reads = 40'000;
    o.at_most = std::chrono::seconds(30);
    holds(run(o), 0.05);
}

TEST_CASE("consistency: the same without near caches") {
    run_options o;
    o.faults = faults_named("strict");
    o.where.near_size = "0";
    o.what.seed = 8;
    o.reads = 20'000;
    o.at_most = std::chrono::seconds(20);
    holds(run(o), 0.1);
}
