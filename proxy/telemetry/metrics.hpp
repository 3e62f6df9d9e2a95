#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Metrics (design.md section 3): every family is declared once, in metrics.cpp's table with name,
/// help and labels. Counters live per worker (one writer, no shared cache line) and are summed when
/// Prometheus scrapes. Labels never hold ids, keys or URIs.
namespace sidecache::telemetry {

/// One writer, any reader.
class alignas(8) counter {
public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// Durations in seconds, fixed buckets (250 µs to 10 s). One writer, any reader.
class histogram {
public:
    static std::span<double const> bounds();
    void observe(std::chrono::nanoseconds d);
    static constexpr std::size_t bucket_count = 16;  // the last one is +Inf
    std::array<counter, bucket_count> buckets;
    counter sum_ns;
};

/// `result` of sidecache_requests_total.
enum class request_result : std::uint8_t { hit, stale, miss, coalesced, bypass, pass };
inline constexpr std::size_t request_results = 6;
std::string_view name(request_result r);

enum class hit_tier : std::uint8_t { near, store };
enum class purge_phase : std::uint8_t { begin, end, unchanged, unknown, pending, replayed };
inline constexpr std::size_t purge_phases = 6;
std::string_view name(purge_phase p);
enum class lock_outcome : std::uint8_t { acquired, waited, timeout, lost };
inline constexpr std::size_t lock_outcomes = 4;
std::string_view name(lock_outcome o);
inline constexpr std::size_t bypass_reasons = 16;

/// A rule's counters in one worker; rule index `rules` (one past the last) stands for "no rule"
/// (label rule="").
struct rule_metrics {
    std::array<counter, request_results> requests;
    std::array<counter, 2> hits;
    std::array<histogram, request_results> request_duration;
    histogram upstream_duration;
    std::array<counter, bypass_reasons> bypass;
    std::array<counter, lock_outcomes> fill_locks;
    histogram fill_lock_wait;
};

/// A purge's counters in one worker; the index one past the last is the path of unmatched
/// mutations (label purge="").
struct purge_metrics {
    std::array<counter, purge_phases> phases;
    counter purged_keys;
    histogram duration;
};

/// Commands as the store sees them: "read", "fill", "put", "begin", "end", "lock", "publish",
/// "heartbeat"; outcome "ok" or the name of the store_error.
enum class store_command : std::uint8_t { read, fill, put, begin, end, lock, publish, heartbeat };
inline constexpr std::size_t store_commands = 8;
inline constexpr std::size_t store_outcomes = 7;

/// Everything that one worker counts. One writer: that worker.
struct worker_metrics {
    explicit worker_metrics(std::size_t rules, std::size_t purges);
    std::vector<rule_metrics> rules;    // size: rules + 1
    std::vector<purge_metrics> purges;  // size: purges + 1
    std::array<counter, 600> upstream_responses;  // by status code; [0]: no response
    counter unmatched_mutations;
    std::array<std::array<counter, store_outcomes>, store_commands> store;
    histogram store_duration;
};

/// Gauges and rare counters of the process. Any thread.
struct process_metrics {
    std::atomic<std::int64_t> purges_pending{0};
    std::atomic<std::int64_t> store_up{0};
    std::atomic<std::int64_t> breaker_open{0};
    std::atomic<std::uint64_t> reloads_ok{0};
    std::atomic<std::uint64_t> reloads_failed{0};
};

/// Adds up and renders. Rule and purge names outlive reloads: a reload adds what is new, and
/// counters of a name go on (Prometheus counters never fall).
class registry {
public:
    registry();
    ~registry();
    process_metrics& process() { return process_; }
    /// Creates one worker's counters for a configuration; the registry keeps counting what
    /// earlier ones have counted. Any thread.
    std::shared_ptr<worker_metrics> make_worker(std::vector<std::string> rule_names,
                                                std::vector<std::string> purge_names);
    /// The text exposition format (version 0.0.4).
    std::string render() const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
    process_metrics process_;
};

}  // namespace sidecache::telemetry
