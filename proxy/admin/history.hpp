#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <boost/json/object.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sidecache::admin {

/// What the counters did in the last ten minutes, two seconds at a time, so that a page that is
/// opened shows the past at once. Differences of the counters as they are: nothing is counted for
/// it. Of at most 62 rules each for itself, in the order of the file; the rest together. Half a
/// megabyte when it is full. One thread at a time.
class history {
public:
    static constexpr std::size_t length = 300;
    static constexpr std::chrono::seconds interval{2};
    static constexpr std::size_t most_rules = 62;

    history();

    bool is_due(boot_clock::time_point now) const { return now >= next_; }
    /// Takes what has been counted since the last call; the first call only remembers it. `rules`:
    /// the names in the configuration in effect. `at`: `now` for people.
    void take(telemetry::summary counted,
              std::vector<std::string> const& rules,
              unix_ms at,
              boot_clock::time_point now);

    /// Samples taken, those that are no longer kept too: the number of the next one.
    std::uint64_t taken() const { return taken_; }

    /// `GET /stats/history`: the samples from number `first` on, oldest first, as columns. Of a
    /// rule, results without a request are left out.
    boost::json::object since(std::uint64_t first) const;
    /// Of each result that occurred in the last `window`: how many, the mean, and quantiles.
    boost::json::object latency(std::chrono::seconds window) const;

private:
    using counts = std::array<std::uint32_t, telemetry::request_results>;
    struct series {
        std::string name;
        std::vector<counts> past = std::vector<counts>(length);
    };
    struct moment {
        unix_ms at = 0;
        std::uint32_t took_ms = 0;
        std::array<telemetry::latency_totals, telemetry::request_results> latency{};
    };

    void follow(std::vector<std::string> const& rules);
    series& series_of(std::string const& rule);
    std::uint64_t oldest() const { return taken_ < length ? 0 : taken_ - length; }

    std::vector<moment> moments_ = std::vector<moment>(length);
    std::vector<series> rules_;
    series others_;   // rules beyond most_rules, and those that a reload has removed
    series no_rule_;  // what no rule matched
    std::uint64_t taken_ = 0;
    std::uint64_t shape_ = 0;  // another one whenever `rules_` has other names
    bool has_before_ = false;
    telemetry::summary before_;
    boot_clock::time_point before_at_{};
    boot_clock::time_point next_{};
};

/// The duration below which the share `q` of observations lies, in seconds: within a bucket by
/// linear interpolation, but for the first (its upper bound, 250 µs) and the last (its lower one,
/// 10 s). 0 for none.
double quantile(telemetry::latency_totals const& of, double q);

}  // namespace sidecache::admin
