// A real Prometheus scrapes two replicas under some traffic, evaluates the rules and answers what
// the dashboard asks.
#include "tests/monitoring/prometheus_server.hpp"
#include "tests/monitoring/promql.hpp"
#include "tests/monitoring/queries.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/stack.hpp"

#include <boost/json/array.hpp>
#include <doctest/doctest.h>

#include <csignal>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace sidecache::tests;

namespace {

/// A hit, a miss, a bypass, a write that a purge matches and one that none does, on each replica.
void some_traffic(stack& s) {
    for (std::size_t i = 0; i < s.size(); ++i) {
        for (int n = 0; n < 3; ++n) {
            s[i].get("/products/1");
        }
        s[i].get("/products/1?odd=1");
        s[i].get("/nothing");
        s[i].request(
            "PATCH", "/products/1", {{"Content-Type", "application/json"}}, R"({"name": "a"})");
        s[i].request("POST", "/nothing");
    }
}

std::string status_of(boost::json::object const& answer) {
    auto const* const error = answer.if_contains("error");
    return error != nullptr ? std::string(error->as_string())
                            : std::string(answer.at("status").as_string());
}

/// LABEL="VALUE" of everything that is exposed.
std::set<std::string> exposed_labels(std::string const& text) {
    std::set<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('#')) {
            continue;
        }
        for (auto const& s : selectors_of(line)) {
            for (auto const& m : s.matchers) {
                out.insert(m.label + "=" + m.value);
            }
        }
    }
    return out;
}

/// What of a matcher's alternatives (hit|stale) is no value of that label; values that depend on
/// the service (rules, purges, codes, buckets) and the target's own labels left out.
std::vector<std::string> unknown_values(std::string const& expression,
                                        std::set<std::string> const& known) {
    std::set<std::string> const free{
        "rule", "purge", "code", "le", "namespace", "job", "pod", "instance", "fingerprint"};
    std::vector<std::string> out;
    for (auto const& s : selectors_of(expression)) {
        for (auto const& m : s.matchers) {
            if (!s.name.starts_with("ALERTS") && !free.contains(m.label)) {
                std::istringstream in(m.value);
                for (std::string value; std::getline(in, value, '|');) {
                    if (!known.contains(m.label + "=" + value)) {
                        out.push_back(s.name + "{" + m.label + "=\"" + value + "\"}");
                    }
                }
            }
        }
    }
    return out;
}

}  // namespace

TEST_CASE("a real Prometheus scrapes, evaluates the rules and answers the dashboard") {
    if (!prometheus_server::is_installed()) {
        MESSAGE("SKIPPED: prometheus is not installed (package prometheus)");
        return;
    }
    stack s({.replicas = 2, .store = "timeout: 1s, margin: 10s"});
    some_traffic(s);  // every series is there from the first scrape on
    prometheus_server prometheus({s[0].admin_port(), s[1].admin_port()});
    REQUIRE(eventually([&] { return prometheus.value("sum(up)") == 2.0; }));

    // rate() needs two scrapes with an increase between them.
    auto const before = prometheus.value("sum(sidecache_requests_total{result=\"hit\"})");
    some_traffic(s);
    REQUIRE(eventually([&] {
        return prometheus.value("sum(sidecache_requests_total{result=\"hit\"})") > before;
    }));

    CHECK(prometheus.value("count(sidecache_build_info)") == 2.0);
    CHECK(prometheus.value("min(sidecache_store_up)") == 1.0);
    CHECK(prometheus.value("count(count by (fingerprint) (sidecache_config_info))") == 1.0);
    CHECK(prometheus.value("min(process_resident_memory_bytes)") > 1e6);
    CHECK(prometheus.value("min(time() - process_start_time_seconds)") < 600);
    // Both have told of a write by now, and found each other.
    CHECK(prometheus.value("max(sidecache_members)") == 2.0);

    // Recorded.
    CHECK(eventually([&] {
        auto const ratio = prometheus.value(
            "namespace_job_rule:sidecache_hit_ratio:rate5m{rule=\"product-details\"}");
        return ratio > 0.0 && ratio < 1.0;
    }));
    CHECK(eventually([&] {
        return prometheus.value("namespace_job:sidecache_store_error_ratio:rate5m") == 0.0 &&
               prometheus.value("namespace_job:sidecache_upstream_error_ratio:rate5m") == 0.0 &&
               prometheus.value("namespace_job:sidecache_request_duration_seconds:p99_5m") > 0.0;
    }));
    for (auto const& r : recorded_series()) {
        CAPTURE(r.where);
        auto const recorded = [&] {
            auto const answer = prometheus.query(r.where);
            return !answer.at("data").as_object().at("result").as_array().empty();
        };
        CHECK(eventually(recorded));
    }

    // Every rule was evaluated without an error, and one alert found what is amiss here.
    auto const rules = prometheus.get("/api/v1/rules").at("data").as_object();
    std::size_t evaluated = 0;
    for (auto const& group : rules.at("groups").as_array()) {
        for (auto const& rule : group.as_object().at("rules").as_array()) {
            CAPTURE(rule.as_object().at("name").as_string());
            CHECK(rule.as_object().at("health").as_string() == "ok");
            ++evaluated;
        }
    }
    CHECK(evaluated == recorded_series().size() + alerts().size());
    CHECK(eventually([&] {
        return prometheus.value(
                   "ALERTS{alertname=\"SidecacheUnmatchedMutations\","
                   "alertstate=\"firing\"}") == 1.0;
    }));

    // The dashboard.
    for (auto const& q : dashboard_queries()) {
        CAPTURE(q.where);
        CAPTURE(q.expression);
        CHECK(status_of(prometheus.query(q.expression)) == "success");
    }
    for (auto const& v : dashboard_variables()) {
        CAPTURE(v.expression);
        auto const answer = prometheus.query("count by (" + v.where + ") (" + v.expression + ")");
        CHECK(status_of(answer) == "success");
        CHECK_FALSE(answer.at("data").as_object().at("result").as_array().empty());
    }
    CHECK(status_of(prometheus.query("sum(rate(x[5m])")) != "success");

    // Matchers name values that exist.
    auto const known = exposed_labels(s[0].admin("GET", "/metrics").body);
    auto everything = dashboard_queries();
    for (auto const& a : alerts()) {
        everything.push_back({a.name, a.expression});
    }
    for (auto const& r : recorded_series()) {
        everything.push_back(r);
    }
    for (auto const& q : everything) {
        CAPTURE(q.where);
        CHECK(unknown_values(q.expression, known) == std::vector<std::string>{});
    }
    CHECK(unknown_values("sidecache_requests_total{result=~\"hit|stail\"}", known) ==
          std::vector<std::string>{"sidecache_requests_total{result=\"stail\"}"});

    prometheus.server().terminate();
    CHECK(prometheus.server().wait() == exit_status{});
}
