// What the status page is shown of the past.
#include "proxy/admin/history.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sidecache;
using namespace std::chrono_literals;
using admin::history;
using telemetry::request_result;

namespace {

constexpr boot_clock::time_point start{1'000s};

struct source {
    explicit source(std::vector<std::string> names = {}) : rules(std::move(names)) {}

    telemetry::summary now;
    std::vector<std::string> rules;
    history past;
    std::int64_t steps = 0;

    void count(std::string const& rule, request_result r, std::uint64_t n) {
        auto it = std::ranges::find(now.rules, rule, &telemetry::rule_totals::rule);
        if (it == now.rules.end()) {
            it = now.rules.insert(it, telemetry::rule_totals{.rule = rule});
        }
        it->requests[static_cast<std::size_t>(r)] += n;
    }
    void took(request_result r, std::size_t bucket, std::uint64_t n, std::uint64_t ns_each) {
        auto& l = now.latency[static_cast<std::size_t>(r)];
        l.buckets[bucket] += n;
        l.sum_ns += n * ns_each;
    }
    void step() {
        past.take(now, rules, 1'000'000 + steps * 2'000, start + steps * 2s);
        ++steps;
    }
};

boost::json::value series(history const& past, std::string_view name, std::uint64_t first = 0) {
    auto const all = past.since(first);
    for (auto const& r : all.at("rules").as_array()) {
        if (r.at("name").as_string() == name) {
            return r;
        }
    }
    return nullptr;
}

}  // namespace

TEST_CASE("a sample is what has been counted since the one before") {
    source s({"a", "b"});
    s.count("a", request_result::hit, 1'000);  // before anybody looked
    s.step();
    CHECK(s.past.taken() == 0);
    s.count("a", request_result::hit, 5);
    s.step();
    s.count("a", request_result::hit, 7);
    s.count("a", request_result::miss, 1);
    s.count("", request_result::pass, 3);
    s.step();
    auto const all = s.past.since(0);
    CHECK(all.at("first") == 0);
    CHECK(all.at("next") == 2);
    CHECK(all.at("interval_seconds") == 2);
    CHECK(all.at("at_ms") == boost::json::array{1'002'000, 1'004'000});
    CHECK(all.at("took_ms") == boost::json::array{2'000, 2'000});
    auto const a = series(s.past, "a");
    CHECK(a.at("hit") == boost::json::array{5, 7});
    CHECK(a.at("miss") == boost::json::array{0, 1});
    CHECK_FALSE(a.as_object().contains("bypass"));  // there was none
    CHECK(series(s.past, "b").at("kind") == "rule");
    CHECK(series(s.past, "").at("kind") == "no_rule");
    CHECK(series(s.past, "").at("pass") == boost::json::array{0, 3});
}

TEST_CASE("who has seen some of it gets the rest") {
    source s({"a"});
    s.step();
    for (int i = 1; i <= 5; ++i) {
        s.count("a", request_result::hit, static_cast<std::uint64_t>(i));
        s.step();
    }
    CHECK(series(s.past, "a", 3).at("hit") == boost::json::array{4, 5});
    CHECK(s.past.since(5).at("at_ms").as_array().empty());
    CHECK(s.past.since(99).at("first") == 5);  // of another process
}

TEST_CASE("ten minutes are kept") {
    source s({"a"});
    s.step();
    for (std::size_t i = 1; i <= history::length + 10; ++i) {
        s.count("a", request_result::hit, i);
        s.step();
    }
    auto const hits = series(s.past, "a").at("hit").as_array();
    CHECK(hits.size() == history::length);
    CHECK(hits.front() == 11);
    CHECK(hits.back() == history::length + 10);
    CHECK(s.past.since(0).at("first") == 10);
}

TEST_CASE("a sample is due every two seconds, a late one delays no others") {
    history past;
    CHECK(past.is_due(start));
    past.take({}, {}, 0, start);
    CHECK_FALSE(past.is_due(start + 900ms));
    CHECK(past.is_due(start + 2s));
    past.take({}, {}, 0, start + 2s + 300ms);
    CHECK_FALSE(past.is_due(start + 3s));
    CHECK(past.is_due(start + 4s));
    // After an hour's pause there is one sample, not eighteen hundred.
    past.take({}, {}, 0, start + 1h);
    CHECK_FALSE(past.is_due(start + 1h + 900ms));
    CHECK(past.since(0).at("took_ms").as_array().back() == 3'597'700);
}

TEST_CASE("after a reload a rule keeps its past, and what has gone is among the others") {
    source s({"a", "b"});
    s.step();
    s.count("a", request_result::hit, 2);
    s.count("b", request_result::miss, 3);
    s.step();
    auto const shape = s.past.since(0).at("shape");
    s.rules = {"c", "b"};
    s.count("c", request_result::hit, 4);
    s.count("a", request_result::hit, 1);  // a request that began before the reload
    s.step();
    CHECK(s.past.since(0).at("shape") != shape);
    CHECK(series(s.past, "a") == nullptr);
    CHECK(series(s.past, "b").at("miss") == boost::json::array{3, 0});
    CHECK(series(s.past, "c").at("hit") == boost::json::array{0, 4});
    auto const others = series(s.past, "");
    CHECK(others.at("kind") == "others");
    CHECK(others.at("hit") == boost::json::array{2, 1});
}

TEST_CASE("of very many rules the last ones are kept together") {
    source s;
    for (std::size_t i = 0; i < 1'000; ++i) {
        s.rules.push_back("rule-" + std::to_string(i));
    }
    s.step();
    for (auto const& r : s.rules) {
        s.count(r, request_result::hit, 1);
    }
    s.step();
    auto const all = s.past.since(0);
    CHECK(all.at("rules").as_array().size() == history::most_rules + 1);
    CHECK(series(s.past, "").at("hit") == boost::json::array{1'000 - history::most_rules});
}

TEST_CASE("latencies are those of the window") {
    source s({"a"});
    s.step();
    s.took(request_result::hit, 14, 1'000, 9'000'000'000);  // long ago
    s.step();
    for (int i = 0; i < 30; ++i) {
        s.took(request_result::hit, 0, 100, 50'000);
        s.took(request_result::miss, 5, 10, 7'500'000);
        s.step();
    }
    auto const l = s.past.latency(60s);
    CHECK(l.at("window_seconds") == 60);
    auto const& hit = l.at("results").at("hit");
    CHECK(hit.at("count") == 3'000);
    CHECK(hit.at("mean_seconds").as_double() == doctest::Approx(0.00005));
    CHECK(hit.at("p50_seconds").as_double() == doctest::Approx(0.00025));  // its bucket's end
    auto const& miss = l.at("results").at("miss");
    CHECK(miss.at("p50_seconds").as_double() == doctest::Approx(0.0075));
    CHECK(miss.at("p99_seconds").as_double() == doctest::Approx(0.00995));
    CHECK_FALSE(l.at("results").as_object().contains("stale"));
}

TEST_CASE("quantiles of a histogram") {
    telemetry::latency_totals t;
    CHECK(admin::quantile(t, 0.5) == 0);
    t.buckets[1] = 50;  // 250 to 500 µs
    t.buckets[3] = 49;  // 1 to 2.5 ms
    t.buckets[15] = 1;  // above 10 s
    CHECK(admin::quantile(t, 0.25) == doctest::Approx(0.000375));
    CHECK(admin::quantile(t, 0.5) == doctest::Approx(0.0005));
    CHECK(admin::quantile(t, 0.99) == doctest::Approx(0.0025));
    CHECK(admin::quantile(t, 1.0) == doctest::Approx(10));
}
