#pragma once

#include "proxy/telemetry/hot_keys.hpp"
#include "proxy/telemetry/recent_mutations.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace sidecache::telemetry {

/// What one worker leaves for the status page beside its counters. Not for Prometheus: keys and
/// paths are no labels.
struct watch {
    explicit watch(std::uint64_t seed, boot_clock::time_point now) : keys(seed, now) {}
    hot_keys keys;
    recent_mutations mutations;
};

/// Every worker's; outlives them. Any thread.
class watches {
public:
    explicit watches(std::size_t workers);

    std::size_t size() const { return all_.size(); }
    watch& of_worker(std::size_t i) { return *all_[i]; }

    /// Of all workers together, the most asked for first.
    std::vector<hot_key> hottest(std::size_t at_most, boot_clock::time_point now) const;
    /// Of all workers together, the latest first.
    std::vector<mutation_record> latest_mutations(std::size_t at_most) const;

private:
    std::vector<std::unique_ptr<watch>> all_;
};

}  // namespace sidecache::telemetry
