#include "proxy/admin/history.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>

namespace sidecache::admin {

namespace {

using telemetry::request_result;
using telemetry::request_results;

std::uint32_t difference(std::uint64_t now, std::uint64_t before) {
    auto const d = now < before ? 0 : now - before;
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(d, std::numeric_limits<std::uint32_t>::max()));
}

telemetry::latency_totals difference(telemetry::latency_totals const& now,
                                     telemetry::latency_totals const& before) {
    telemetry::latency_totals out;
    for (std::size_t b = 0; b < out.buckets.size(); ++b) {
        out.buckets[b] = now.buckets[b] - std::min(before.buckets[b], now.buckets[b]);
    }
    out.sum_ns = now.sum_ns - std::min(before.sum_ns, now.sum_ns);
    return out;
}

void add(telemetry::latency_totals& into, telemetry::latency_totals const& more) {
    std::ranges::transform(into.buckets, more.buckets, into.buckets.begin(), std::plus<>());
    into.sum_ns += more.sum_ns;
}

std::uint64_t count_of(telemetry::latency_totals const& t) {
    return std::accumulate(t.buckets.begin(), t.buckets.end(), std::uint64_t{0});
}

/// Microseconds are more than a histogram knows.
double rounded(double seconds) {
    return static_cast<double>(static_cast<std::int64_t>(seconds * 1e6 + 0.5)) / 1e6;
}

}  // namespace

double quantile(telemetry::latency_totals const& of, double q) {
    auto const bounds = telemetry::histogram::bounds();
    auto const wanted = q * static_cast<double>(count_of(of));
    double below = 0;
    for (std::size_t b = 0; b < of.buckets.size(); ++b) {
        auto const here = static_cast<double>(of.buckets[b]);
        if (here > 0 && below + here >= wanted) {
            if (b == 0) {
                return bounds.front();
            }
            if (b == bounds.size()) {
                return bounds.back();
            }
            return bounds[b - 1] + (bounds[b] - bounds[b - 1]) * (wanted - below) / here;
        }
        below += here;
    }
    return 0;
}

history::history() = default;

void history::take(telemetry::summary counted,
                   std::vector<std::string> const& rules,
                   unix_ms at,
                   boot_clock::time_point now) {
    using std::chrono::milliseconds;
    // By when it should have been, so that a late tick delays no others; not after a long pause.
    next_ = std::max(next_ + interval, now + interval / 2);
    follow(rules);
    if (!std::exchange(has_before_, true)) {
        before_ = std::move(counted);
        before_at_ = now;
        return;
    }
    auto const slot = taken_ % length;
    for (auto& s : rules_) {
        s.past[slot] = {};
    }
    others_.past[slot] = {};
    no_rule_.past[slot] = {};
    for (auto const& r : counted.rules) {
        auto const before = std::ranges::find(before_.rules, r.rule, &telemetry::rule_totals::rule);
        auto& into = series_of(r.rule).past[slot];
        for (std::size_t i = 0; i < request_results; ++i) {
            into[i] +=
                difference(r.requests[i], before == before_.rules.end() ? 0 : before->requests[i]);
        }
    }
    auto& m = moments_[slot];
    m.at = at;
    m.took_ms = static_cast<std::uint32_t>(
        std::chrono::duration_cast<milliseconds>(now - before_at_).count());
    for (std::size_t i = 0; i < request_results; ++i) {
        m.latency[i] = difference(counted.latency[i], before_.latency[i]);
    }
    ++taken_;
    before_ = std::move(counted);
    before_at_ = now;
}

// After a reload: what is still there keeps its past, what has gone is among the others.
void history::follow(std::vector<std::string> const& rules) {
    auto const wanted = std::min(rules.size(), most_rules);
    if (std::ranges::equal(rules_,
                           std::ranges::subrange(
                               rules.begin(), rules.begin() + static_cast<std::ptrdiff_t>(wanted)),
                           {},
                           &series::name)) {
        return;
    }
    ++shape_;
    auto before = std::exchange(rules_, {});
    for (std::size_t i = 0; i < wanted; ++i) {
        auto const old = std::ranges::find(before, rules[i], &series::name);
        if (old == before.end()) {
            rules_.push_back({rules[i]});
        } else {
            rules_.push_back(std::move(*old));
            before.erase(old);
        }
    }
    for (auto const& gone : before) {
        for (std::size_t s = 0; s < length; ++s) {
            std::ranges::transform(
                others_.past[s], gone.past[s], others_.past[s].begin(), std::plus<>());
        }
    }
}

history::series& history::series_of(std::string const& rule) {
    if (rule.empty()) {
        return no_rule_;
    }
    auto const found = std::ranges::find(rules_, rule, &series::name);
    return found == rules_.end() ? others_ : *found;
}

boost::json::object history::since(std::uint64_t first) const {
    first = std::clamp(first, oldest(), taken_);
    boost::json::object out;
    out["interval_seconds"] = interval.count();
    out["kept"] = length;
    out["shape"] = shape_;
    out["first"] = first;
    out["next"] = taken_;
    boost::json::array at;
    boost::json::array took;
    for (auto n = first; n < taken_; ++n) {
        at.emplace_back(moments_[n % length].at);
        took.emplace_back(moments_[n % length].took_ms);
    }
    out["at_ms"] = std::move(at);
    out["took_ms"] = std::move(took);
    boost::json::array rules;
    auto const add_series = [&](series const& s, std::string_view kind, bool always) {
        boost::json::object o;
        o["name"] = s.name;
        o["kind"] = kind;
        bool any = false;
        for (std::size_t i = 0; i < request_results; ++i) {
            boost::json::array column;
            std::uint64_t sum = 0;
            for (auto n = first; n < taken_; ++n) {
                column.emplace_back(s.past[n % length][i]);
                sum += s.past[n % length][i];
            }
            if (sum != 0) {
                any = true;
                o[telemetry::name(static_cast<request_result>(i))] = std::move(column);
            }
        }
        if (any || always) {
            rules.push_back(std::move(o));
        }
    };
    for (auto const& s : rules_) {
        add_series(s, "rule", true);
    }
    add_series(others_, "others", false);
    add_series(no_rule_, "no_rule", false);
    out["rules"] = std::move(rules);
    return out;
}

boost::json::object history::latency(std::chrono::seconds window) const {
    auto const samples = static_cast<std::uint64_t>(window / interval);
    auto const first = std::max(oldest(), taken_ - std::min(taken_, samples));
    boost::json::object results;
    for (std::size_t i = 0; i < request_results; ++i) {
        telemetry::latency_totals sum;
        for (auto n = first; n < taken_; ++n) {
            add(sum, moments_[n % length].latency[i]);
        }
        auto const n = count_of(sum);
        if (n == 0) {
            continue;
        }
        boost::json::object o;
        o["count"] = n;
        o["mean_seconds"] = rounded(static_cast<double>(sum.sum_ns) / 1e9 / static_cast<double>(n));
        o["p50_seconds"] = rounded(quantile(sum, 0.5));
        o["p90_seconds"] = rounded(quantile(sum, 0.9));
        o["p99_seconds"] = rounded(quantile(sum, 0.99));
        results[telemetry::name(static_cast<request_result>(i))] = std::move(o);
    }
    boost::json::object out;
    out["window_seconds"] = window.count();
    out["results"] = std::move(results);
    return out;
}

}  // namespace sidecache::admin
