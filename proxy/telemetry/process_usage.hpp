#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What the operating system says of this process: the metrics that every Prometheus client library
/// calls by these names (process_resident_memory_bytes and so on), and how much memory there is.
namespace sidecache::telemetry {

struct process_usage {
    double cpu_seconds = 0;         ///< user and system time, all threads
    double start_time_seconds = 0;  ///< Unix time
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_files = 0;
    std::uint64_t max_files = 0;
    /// What this process may use: the limit of its control group, or what the machine has when
    /// there is none.
    std::uint64_t memory_limit_bytes = 0;
};

/// As it is now. What cannot be read stays 0. Any thread; a scrape's, since it opens some files.
process_usage read_process_usage();

/// The fields of /proc/PID/stat that count here (proc(5)), in the kernel's own units.
struct process_stat {
    std::uint64_t user_ticks = 0, system_ticks = 0;
    std::uint64_t start_ticks = 0;  ///< since the machine started
    std::uint64_t virtual_bytes = 0;
    std::uint64_t resident_pages = 0;
};
/// The program's name in it may hold anything, spaces and parentheses too. nullopt: it is cut off.
std::optional<process_stat> parse_process_stat(std::string_view text);

/// The limit that a control group's file says: a number of bytes, or "max" (version 2) or a number
/// near 2^63 (version 1), which are none.
std::optional<std::uint64_t> parse_memory_limit(std::string_view text);

}  // namespace sidecache::telemetry
