// The checker sees: with one protective step of the protocol switched off it reports violations,
// and without it does not.
#include "tests/consistency/run.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sidecache::consistency;

namespace {

outcome weakened_run(std::string_view weakness, std::string_view faults, std::uint64_t seed) {
    run_options o;
    o.where.how.program = WEAKENED_PROGRAM;
    o.where.how.environment = {{"SIDECACHE_WEAKNESS", std::string(weakness)}};
    o.faults = faults_named(faults);
    o.what.seed = seed;
    o.what.reads_per_write = 15;
    o.reads = 25'000;
    o.at_most = std::chrono::seconds(10);
    return run(o);
}

/// Which moment a run hits is the machine's to say: a few runs, each with a seed of its own.
bool found_out(std::string_view weakness, std::string_view faults) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        if (!weakened_run(weakness, faults, seed).what.violations.empty()) {
            return true;
        }
    }
    return false;
}

}  // namespace

TEST_CASE("weakness: none, and nothing is found") {
    auto const o = weakened_run("none", "backend-is-slow,backend-commits-then-hangs", 1);
    INFO(o.report());
    CHECK(o.what.violations.empty());
    CHECK(o.what.hits > 100);
}

TEST_CASE("weakness: begin leaves no mark") {
    CHECK(found_out("no_marker", "backend-is-slow"));
}

TEST_CASE("weakness: purge only before") {
    CHECK(found_out("purge_only_before", "backend-is-slow"));
}

TEST_CASE("weakness: no new generation at the end") {
    CHECK(found_out("no_bump", "none"));
}

TEST_CASE("weakness: no answer counts as a refusal") {
    CHECK(found_out("unknown_is_unchanged", "backend-commits-then-hangs"));
}

TEST_CASE("weakness: forwarded while the store is down") {
    CHECK(found_out("forward_while_down", "cut-link,stop-redis,hold-requests"));
}

TEST_CASE("weakness: hits under markers") {
    CHECK(found_out("ignore_markers", "backend-is-slow"));
}

TEST_CASE("weakness: hits of other generations") {
    CHECK(found_out("ignore_generations", "none"));
}

TEST_CASE("weakness: generations of another server count") {
    CHECK(found_out("ignore_server", "restart-redis"));
}

TEST_CASE("weakness: a fill takes its generations after the fetch") {
    CHECK(found_out("late_snapshot", "backend-is-slow"));
}

TEST_CASE("weakness: other replicas do not hear of a change") {
    CHECK(found_out("tell_nobody", "none"));
}

TEST_CASE("weakness: they hear of it, and are not waited for") {
    CHECK(found_out("wait_for_nobody", "slow-link,stalling-link,hold-replies"));
}

TEST_CASE("weakness: near entries outlive the drop of their tags") {
    CHECK(found_out("keep_dropped", "none"));
}

TEST_CASE("weakness: near hits without the lease") {
    CHECK(found_out("ignore_lease", "hold-replies,stop"));
}

TEST_CASE("weakness: a drop does not reach reads of the store under way") {
    CHECK(found_out("insert_blindly", "slow-link,stalling-link,hold-replies"));
}

TEST_CASE("weakness: a fetch is joined whatever it stands on") {
    CHECK(found_out("careless_join", "backend-is-slow"));
}
