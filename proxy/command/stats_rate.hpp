#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// What happened between two looks at /stats.
namespace sidecache::command {

struct request_counts {
    std::uint64_t all = 0;
    std::uint64_t hits = 0;  // stale ones as well
};

/// One look. Rules by name; requests that no rule matched under "".
struct stats_sample {
    std::map<std::string, request_counts, std::less<>> rules;
    std::uint64_t unmatched_mutations = 0;
    std::uint64_t pending = 0;
    bool store_up = false;
};

/// nullopt when the text is not what the admin port answers.
std::optional<stats_sample> read_sample(std::string_view reply);

struct request_rate {
    double all = 0;   // a second
    double hits = 0;  // a second
};

/// Rates by rule, and of all together under "*". Counters that went down are those of a program
/// that was started again: they count from 0.
using stats_rates = std::map<std::string, request_rate, std::less<>>;
stats_rates rates_between(stats_sample const& before,
                          stats_sample const& after,
                          std::chrono::duration<double> elapsed);

}  // namespace sidecache::command
