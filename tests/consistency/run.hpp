#pragma once

#include "tests/consistency/analysis.hpp"
#include "tests/consistency/faults.hpp"
#include "tests/consistency/workload.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sidecache::consistency {

struct run_options {
    cluster_options where{};
    load what{};
    std::vector<fault> faults{};
    /// The run ends with so many answers to reads, or after `at_most`.
    std::uint64_t reads = 20'000;
    std::chrono::seconds at_most{60};
    /// At least that share of the checked answers are hits; else nothing was shown.
    double least_hit_ratio = 0;
    /// Called with what is going on, for people.
    void (*say)(std::string const&) = nullptr;
};

struct outcome {
    verdict what;
    std::uint64_t writes = 0, acknowledged = 0;
    std::vector<std::string> happened;  // the faults, in their order
    double seconds = 0;
    bool enough_hits = true;
    bool passed() const { return what.violations.empty() && enough_hits; }
    /// Several lines, for people.
    std::string report() const;
};

/// A cluster, the load, one fault after the other as the seed says, and the verdict.
outcome run(run_options const& options);

}  // namespace sidecache::consistency
