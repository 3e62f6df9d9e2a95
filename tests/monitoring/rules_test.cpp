// The rules and the dashboard for Prometheus, as files: each asks only for what exists, each alert
// says what to do and is proved to fire.
#include "tests/docs/markdown.hpp"
#include "tests/monitoring/promql.hpp"
#include "tests/monitoring/queries.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace sidecache::tests;

namespace {

std::string const source = SIDECACHE_SOURCE;
std::string const unit_tests = source + "/tests/monitoring/rules_test.yaml";

bool has_promtool() {
    // Before there is a second thread.
    return std::system("command -v promtool >/dev/null 2>&1") == 0;  // NOLINT
}

/// Its own databases, one a test, go to memory where there is such a folder: on a busy disk they
/// take ten times as long.
finished promtool(std::vector<std::string> words) {
    words.insert(words.begin(), "promtool");
    process_options how{.argv = std::move(words)};
    if (std::filesystem::is_directory("/dev/shm")) {
        how.environment.emplace_back("TMPDIR", "/dev/shm");
    }
    return run(std::move(how), std::chrono::minutes(3));
}

/// The tests of that name alone, beside a changed rules.yaml.
std::string tests_named(std::string const& name) {
    YAML::Node all = YAML::LoadFile(unit_tests);
    YAML::Node some;
    for (auto const& test : all["tests"]) {
        if (test["name"].as<std::string>() == name) {
            some.push_back(test);
        }
    }
    REQUIRE(some.size() == 1);
    all["tests"] = some;
    all["rule_files"] = std::vector<std::string>{"rules.yaml"};
    YAML::Emitter out;
    out << all;
    return out.c_str();
}

}  // namespace

TEST_CASE("promtool accepts the rules and finds each alert firing when it should") {
    if (!has_promtool()) {
        MESSAGE("SKIPPED: promtool is not installed (package prometheus)");
        return;
    }
    auto const checked = promtool({"check", "rules", source + "/k8s/monitoring/rules.yaml"});
    CAPTURE(checked.out + checked.err);
    CHECK(checked.status == exit_status{});
    auto const tested = promtool({"test", "rules", unit_tests});
    CAPTURE(tested.out + tested.err);
    CHECK(tested.status == exit_status{});
}

TEST_CASE("the tests of the rules leave no alert out") {
    std::set<std::string> fired;
    for (auto const& test : YAML::LoadFile(unit_tests)["tests"]) {
        for (auto const& q : test["promql_expr_test"]) {
            for (auto const& sample : q["exp_samples"]) {
                fired.insert(sample["labels"].as<std::string>());
            }
        }
    }
    for (auto const& a : alerts()) {
        CAPTURE(a.name);
        CHECK(fired.contains("{alertname=\"" + a.name + "\"}"));
    }
}

TEST_CASE("the tests of the rules see an alert that is changed") {
    if (!has_promtool()) {
        MESSAGE("SKIPPED: promtool is not installed (package prometheus)");
        return;
    }
    struct mutant {
        char const* test;
        char const* from;
        char const* to;
    };
    // A threshold, a patience, a condition that spares those who are well.
    mutant const mutants[] = {
        {"invalidations that the store has not had",
         "sidecache_purges_pending > 0",
         "sidecache_purges_pending > 5"},
        {"two replicas that are well raise nothing", "rate5m > 0.01", "rate5m > 0.0001"},
        {"one replica with memory:// has nobody to know",
         "(sidecache_build_info) > 1)",
         "(sidecache_build_info))"},
        {"a replica that has no near cache needs no lease",
         " and sidecache_near_limit_bytes > 0",
         ""},
        {"files that are nearly used up, and those of another program",
         "and on (namespace, job, instance) sidecache_build_info",
         ""},
        {"a backend that refuses one time in ten is well",
         "code=~\"5..|none\"",
         "code=~\"[45]..|none\""},
        {"responses that are not stored for other reasons",
         "reason=\"max_keys\"",
         "reason=~\".+\""},
        {"a store that is gone",
         "sidecache_store_up == 0\n        for: 1m",
         "sidecache_store_up == 0\n        for: 0s"},
    };
    auto const rules = monitoring_file("rules.yaml");
    temp_dir const folder;
    for (auto const& m : mutants) {
        CAPTURE(std::string(m.from));
        auto changed = rules;
        auto const at = changed.find(m.from);
        REQUIRE(at != std::string::npos);
        changed.replace(at, std::string(m.from).size(), m.to);
        folder.write("rules.yaml", changed);
        auto const tested =
            promtool({"test", "rules", folder.write("rules_test.yaml", tests_named(m.test))});
        CAPTURE(tested.out + tested.err);
        CHECK(tested.status.code == 1);
        CHECK(tested.err.find("FAILED") != std::string::npos);
    }
}

TEST_CASE("each alert says how bad it is, what happens, what to do and where to read on") {
    auto const& anchors = page("k8s/monitoring/README.md").anchors;
    std::string const at = "k8s/monitoring/README.md#";
    CHECK(alerts().size() >= 20);
    for (auto const& a : alerts()) {
        CAPTURE(a.name);
        CHECK(a.name.starts_with("Sidecache"));
        CHECK((a.severity == "critical" || a.severity == "warning" || a.severity == "info"));
        CHECK(a.summary.ends_with('.'));
        CHECK(a.description.size() > 60);
        CHECK(a.runbook == at + anchor_of(a.name));
        CHECK(std::ranges::find(anchors, anchor_of(a.name)) != anchors.end());
    }
}

TEST_CASE("rules and dashboard ask only for metrics and labels that exist") {
    for (auto const& r : recorded_series()) {
        CAPTURE(r.where);
        CHECK(unknown_names(r.expression) == std::vector<std::string>{});
    }
    for (auto const& a : alerts()) {
        CAPTURE(a.name);
        CHECK(unknown_names(a.expression) == std::vector<std::string>{});
    }
    auto const shown = dashboard_queries();
    CHECK(shown.size() >= 40);
    for (auto const& q : shown) {
        CAPTURE(q.where);
        CAPTURE(q.expression);
        CHECK(unknown_names(q.expression) == std::vector<std::string>{});
    }
    auto const chosen = dashboard_variables();
    CHECK(chosen.size() == 5);
    for (auto const& v : chosen) {
        CHECK(unknown_names(v.expression + " * " + selectors_of(v.expression)[0].name + "{" +
                            v.where + "=\"\"}") == std::vector<std::string>{});
    }
}

TEST_CASE("a metric or a label that does not exist is found") {
    using list = std::vector<std::string>;
    CHECK(unknown_names("rate(sidecache_request_total[5m])") == list{"sidecache_request_total"});
    CHECK(unknown_names("sum by (nothing) (sidecache_hits_total{tier=\"near\"}) / on (job) "
                        "sidecache_hits_totals > 0.5") == list{"sidecache_hits_totals"});
    CHECK(unknown_names("sidecache_hits_total{result=\"hit\", rule!=\"sidecache_x\"}") ==
          list{"sidecache_hits_total{result}"});
    // A histogram's parts have names, not it itself; the quantile needs `le`.
    CHECK(unknown_names("sidecache_request_duration_seconds") ==
          list{"sidecache_request_duration_seconds"});
    CHECK(unknown_names("sidecache_request_duration_seconds_bucket{le=\"1\"}") == list{});
    CHECK(unknown_names("sidecache_request_duration_seconds_count{le=\"1\"}") ==
          list{"sidecache_request_duration_seconds_count{le}"});
    CHECK(unknown_names("namespace_job:sidecache_hit_ratio:rate5m{rule=\"a\"}") ==
          list{"namespace_job:sidecache_hit_ratio:rate5m{rule}"});
    CHECK(unknown_names("go_goroutines or vector(0) > bool 2e3 offset 5m") ==
          list{"go_goroutines"});
}

TEST_CASE("the operator's PrometheusRule is what generate makes of the rules") {
    auto const made = run({.argv = {source + "/k8s/monitoring/generate"}});
    CHECK(made.status == exit_status{});
    auto const text = monitoring_file("prometheusrule.yaml");
    CHECK(made.out == text);
    auto const document = YAML::Load(text);
    CHECK(document["kind"].as<std::string>() == "PrometheusRule");
    YAML::Emitter theirs;
    YAML::Emitter ours;
    theirs << document["spec"];
    ours << YAML::Load(monitoring_file("rules.yaml"));
    CHECK(std::string(theirs.c_str()) == ours.c_str());
}
