#pragma once

#include "proxy/telemetry/metrics.hpp"
#include "proxy/telemetry/process_usage.hpp"

#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <vector>

/// From counters to what prometheus-cpp serializes. Private to telemetry.
namespace sidecache::telemetry {

/// Everything counted, per name of rule and purge: one owner, so its counters have one writer.
struct totals {
    std::map<std::string, rule_metrics> rules;
    std::map<std::string, purge_metrics> purges;
    worker_metrics rest{0, 0};  // what has no name; its vectors stay empty of meaning

    /// Adds one worker's counters. Names are those it was made with.
    void add(worker_metrics const& worker,
             std::vector<std::string> const& rule_names,
             std::vector<std::string> const& purge_names);
    void add(totals const& other);
};

/// Every family of `families()`, in its order. Counters of a known rule or purge are there from
/// the start, so that `rate()` sees their first increase; histograms, which cost 18 lines each,
/// and requests without a rule appear with their first observation.
std::vector<prometheus::MetricFamily> collect(totals const& sum,
                                              process_metrics const& process,
                                              process_usage const& usage);

}  // namespace sidecache::telemetry
