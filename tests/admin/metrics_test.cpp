#include "proxy/telemetry/metrics.hpp"

#include "proxy/store/store.hpp"
#include "proxy/telemetry/families.hpp"
#include "proxy/version.hpp"
#include "rules/storable.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace sidecache;
using namespace sidecache::telemetry;

// The store counts by its own enum, which telemetry may not include.
#define SAME_OUTCOME(name)                                 \
    static_assert(static_cast<int>(store_outcome::name) == \
                  static_cast<int>(store::store_error::name))
SAME_OUTCOME(ok);
SAME_OUTCOME(unreachable);
SAME_OUTCOME(timeout);
SAME_OUTCOME(breaker_open);
SAME_OUTCOME(not_primary);
SAME_OUTCOME(refused);
SAME_OUTCOME(malformed);

namespace {

/// The sample line that begins with `series` and a space; its value. Empty: no such line.
std::string value_of(std::string const& exposition, std::string const& series) {
    std::istringstream in(exposition);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(series + " ")) {
            return line.substr(series.size() + 1);
        }
    }
    return "";
}

counter& requests(worker_metrics& w, std::size_t rule, request_result r) {
    return w.rules[rule].requests[static_cast<std::size_t>(r)];
}

std::string read_file(std::string const& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// A registry in which something of every kind has happened.
struct busy {
    registry all;
    std::shared_ptr<worker_metrics> worker = all.make_worker({"details"}, {"changed"});
    busy() {
        auto& rule = worker->rules[0];
        requests(*worker, 0, request_result::hit).add(3);
        rule.hits[static_cast<std::size_t>(hit_tier::store)].add(3);
        rule.request_duration[0].observe(200us);
        rule.request_duration[0].observe(300us);
        rule.request_duration[0].observe(1min);
        rule.bypass[1].add();
        rule.not_stored[static_cast<std::size_t>(rules::not_stored::max_keys)].add(2);
        rule.overloaded.add(2);
        rule.fill_locks[static_cast<std::size_t>(lock_outcome::acquired)].add();
        rule.fill_lock_wait.observe(20ms);
        rule.background[0][static_cast<std::size_t>(background_outcome::stored)].add(2);
        rule.upstream_duration.observe(5ms);
        requests(*worker, 1, request_result::pass).add(7);
        worker->purges[0].phases[static_cast<std::size_t>(purge_phase::begin)].add(2);
        worker->purges[0].purged_keys.add(40);
        worker->purges[0].duration.observe(1ms);
        worker->upstream_responses[200].add(9);
        worker->upstream_responses[0].add();
        worker->unmatched_mutations.add();
        worker->purge_ack_wait.observe(2ms);
        worker->store[0][0].add(5);
        worker->store_duration.observe(100us);
        all.process().store_up = 1;
        all.process().members = 3;
        all.process().purges_pending = 2;
        all.process().reloads_ok = 1;
        all.process().last_reload_ok = false;
        all.process().config_fingerprint = 0x0123456789abcdef;
        all.process().near_limit_bytes = 67'108'864;
        all.process().key_reloads_failed = 2;
        all.process().warmed[static_cast<std::size_t>(warm_outcome::fresh)] = 4;
        all.process().has_events = true;
        all.process().events[static_cast<std::size_t>(event_outcome::applied)] = 5;
        all.process().events_lag = 6;
    }
};

}  // namespace

TEST_CASE("a scrape adds up what every worker has counted") {
    registry all;
    auto const one = all.make_worker({"details", "list"}, {});
    auto const two = all.make_worker({"details", "list"}, {});
    requests(*one, 0, request_result::hit).add(2);
    requests(*two, 0, request_result::hit).add(5);
    requests(*two, 1, request_result::miss).add();

    auto const text = all.render();
    CHECK(value_of(text, R"(sidecache_requests_total{rule="details",result="hit"})") == "7");
    CHECK(value_of(text, R"(sidecache_requests_total{rule="list",result="miss"})") == "1");
    // Known from the start, so that rate() sees the first one.
    CHECK(value_of(text, R"(sidecache_requests_total{rule="list",result="hit"})") == "0");
}

TEST_CASE("a counter of a name goes on over reloads and never falls") {
    registry all;
    auto before = all.make_worker({"details", "list"}, {"changed"});
    requests(*before, 0, request_result::hit).add(10);
    requests(*before, 1, request_result::hit).add(4);
    before->purges[0].phases[0].add(3);
    before->upstream_responses[200].add(6);

    SUBCASE("while a request still holds the old configuration") {
        auto const after = all.make_worker({"new", "list"}, {"changed"});
        requests(*after, 1, request_result::hit).add();
        requests(*before, 1, request_result::hit).add();  // that request ends
        CHECK(value_of(all.render(), R"(sidecache_requests_total{rule="list",result="hit"})") ==
              "6");
    }
    SUBCASE("after the last one has let go of it, also for a rule that is gone") {
        auto const after = all.make_worker({"new", "list"}, {"changed"});
        requests(*after, 1, request_result::hit).add();
        after->purges[0].phases[0].add();
        after->upstream_responses[200].add();
        before.reset();
        auto const text = all.render();
        CHECK(value_of(text, R"(sidecache_requests_total{rule="details",result="hit"})") == "10");
        CHECK(value_of(text, R"(sidecache_requests_total{rule="list",result="hit"})") == "5");
        CHECK(value_of(text, R"(sidecache_requests_total{rule="new",result="hit"})") == "0");
        CHECK(value_of(text, R"(sidecache_purges_total{purge="changed",phase="begin"})") == "4");
        CHECK(value_of(text, R"(sidecache_upstream_responses_total{code="200"})") == "7");
    }
    SUBCASE("and a worker's counters may outlive the registry") {
        auto short_lived = std::make_unique<registry>();
        auto const worker = short_lived->make_worker({"a"}, {});
        short_lived.reset();
        requests(*worker, 0, request_result::hit).add();
        CHECK(requests(*worker, 0, request_result::hit).value() == 1);
    }
}

TEST_CASE("a duration falls into the first bucket whose bound is not below it") {
    struct row {
        std::chrono::nanoseconds observed;
        std::size_t bucket;
    };
    row const rows[] = {
        {0ns, 0},
        {-5ns, 0},  // a clock that was set: counted, not trusted
        {250us, 0},
        {250'001ns, 1},
        {1ms, 2},
        {10s, 14},
        {10'000'000'001ns, 15},
        {24h, 15},
    };
    for (auto const& r : rows) {
        histogram h;
        h.observe(r.observed);
        CAPTURE(r.observed.count());
        CHECK(h.buckets[r.bucket].value() == 1);
    }
    CHECK(histogram::bounds().size() == histogram::bucket_count - 1);
}

TEST_CASE("the exposition is pinned to its golden file") {
    busy const b;
    // Version and compiler change with every build of another kind.
    auto text = std::regex_replace(b.all.render(),
                                   std::regex(R"re(\{version="[^"]+",compiler="[^"]+"\})re"),
                                   R"({version="V",compiler="C"})");
    // ... and what the system says of the process, with every moment.
    text = std::regex_replace(
        text, std::regex(R"re(\n((process_\w+|sidecache_memory_limit_bytes) )\S+)re"), "\n$1N");
    std::istringstream actual(text);
    std::istringstream golden(read_file(SIDECACHE_TEST_FOLDER "/exposition.prom"));
    for (std::string is, expected; std::getline(golden, expected);) {
        std::getline(actual, is);
        REQUIRE(is == expected);
    }
    CHECK(actual.peek() == std::istringstream::traits_type::eof());
}

TEST_CASE("every declared family is exposed under its labels, and nothing else is") {
    busy const b;
    auto const text = b.all.render();
    for (auto const& f : families()) {
        CAPTURE(f.name);
        auto const at =
            text.find("# TYPE " + std::string(f.name) + " " + std::string(name(f.type)));
        CHECK(at != std::string::npos);
        auto const suffix = f.type == family_type::histogram ? "_count" : "";
        auto const sample =
            text.find("\n" + std::string(f.name) + suffix + (f.labels().empty() ? " " : "{"));
        REQUIRE(sample != std::string::npos);
        auto const line = text.substr(sample + 1, text.find('\n', sample + 1) - sample - 1);
        for (auto const label : f.labels()) {
            CHECK(line.find(std::string(label) + "=\"") != std::string::npos);
        }
    }
    std::regex const type("# TYPE (\\S+)");
    auto const declared = std::distance(std::sregex_iterator(text.begin(), text.end(), type), {});
    CHECK(static_cast<std::size_t>(declared) == families().size());
}

TEST_CASE("the build says its version") {
    CHECK(registry().render().find("sidecache_build_info{version=\"" + std::string(version)) !=
          std::string::npos);
}

TEST_CASE("promtool finds nothing to complain of") {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
        MESSAGE("SKIPPED: promtool is not installed (package prometheus)");
        return;
    }
    tests::temp_dir const folder;
    busy const b;
    auto const file = folder.write("metrics", b.all.render());
    auto const checked =
        tests::run({.argv = {"sh", "-c", "promtool check metrics < '" + file + "'"}});
    CHECK(checked.out + checked.err == "");
    CHECK(checked.status == tests::exit_status{});
}

TEST_CASE("scrapes and reloads run beside workers that count") {
    // Its worth shows under the thread sanitizer; here it shows that nothing is lost.
    constexpr std::uint64_t each = 20'000;
    registry all;
    std::atomic<int> working{2};
    auto const work = [&] {
        auto mine = all.make_worker({"details"}, {"changed"});
        for (std::uint64_t i = 0; i < each; ++i) {
            requests(*mine, 0, request_result::hit).add();
            mine->rules[0].request_duration[0].observe(1ms);
            if (i % 1'000 == 999) {
                mine = all.make_worker({"details"}, {"changed"});  // a reload
            }
        }
        mine.reset();
        --working;
    };
    std::jthread const one(work);
    std::jthread const two(work);
    std::uint64_t last = 0;
    while (working != 0) {
        auto const value =
            value_of(all.render(), R"(sidecache_requests_total{rule="details",result="hit"})");
        auto const now = value.empty() ? 0 : static_cast<std::uint64_t>(std::stod(value));
        CHECK(now >= last);
        last = now;
    }
    CHECK(value_of(all.render(), R"(sidecache_requests_total{rule="details",result="hit"})") ==
          std::to_string(2 * each));
}

TEST_CASE("a summary holds the same numbers for /stats") {
    busy const b;
    auto const sum = b.all.summarize();
    REQUIRE(sum.rules.size() == 2);
    CHECK(sum.rules[0].rule == "");
    CHECK(sum.rules[0].requests[static_cast<std::size_t>(request_result::pass)] == 7);
    CHECK(sum.rules[1].rule == "details");
    CHECK(sum.rules[1].requests[static_cast<std::size_t>(request_result::hit)] == 3);
    REQUIRE(sum.purges.size() == 2);
    CHECK(sum.purges[1].purge == "changed");
    CHECK(sum.purges[1].purged_keys == 40);
    CHECK(sum.unmatched_mutations == 1);
}

TEST_CASE("the upstream counts as failed from its last failure until it answers again") {
    process_metrics p;
    CHECK(p.upstream_failed_at == 0);
    p.upstream_failed(1'000);
    CHECK(p.upstream_failed_at == 1'000);
    p.upstream_answered();
    CHECK(p.upstream_failed_at == 0);
}
