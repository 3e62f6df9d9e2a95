#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
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
std::string_view name(hit_tier t);
enum class purge_phase : std::uint8_t { begin, end, unchanged, unknown, pending, replayed };
inline constexpr std::size_t purge_phases = 6;
std::string_view name(purge_phase p);
enum class lock_outcome : std::uint8_t { acquired, waited, timeout, lost };
inline constexpr std::size_t lock_outcomes = 4;
std::string_view name(lock_outcome o);
/// How callers who carry a credential were verified.
enum class identity_outcome : std::uint8_t {
    cached,   ///< known, verified
    refused,  ///< known, not verified
    joined,   ///< shared another request's inquiry
    verified,
    rejected,     ///< the credential is not good
    failed,       ///< nobody could tell
    busy,         ///< too many inquiries under way: not asked
    confirmed,    ///< asked again before others shared what was fetched: still the same
    unconfirmed,  ///< ... not the same, or nobody could tell: nobody shares it
};
inline constexpr std::size_t identity_outcomes = 9;
std::string_view name(identity_outcome o);
/// What a fill without a client is for.
enum class background_purpose : std::uint8_t {
    refresh,  ///< an entry whose life is nearly over
};
inline constexpr std::size_t background_purposes = 1;
/// How a fill without a client ended. Up to `hindered` the upstream was not asked.
enum class background_outcome : std::uint8_t {
    dropped,     ///< as many are under way as may be, or no room at the gate before the upstream
    found,       ///< the store holds an entry that is new enough
    under_way,   ///< somebody fetches that key already, in this process or in another
    hindered,    ///< nothing may be stored now: a write under way, a quarantine, no store, no room
    not_stored,  ///< its response was not for the cache, or the store did not take it
    failed,      ///< no response, one that broke off, or a backend in trouble
    stored,
};
inline constexpr std::size_t background_outcomes = 7;
std::string_view name(background_outcome o);
/// What became of messages of the stream of events.
enum class event_outcome : std::uint8_t {
    applied,
    unmatched,  ///< a write that no purge matches: its path was invalidated
    malformed,  ///< passed over
    lost,       ///< trimmed before it was read: everything was invalidated
    failed,     ///< the store did not take the invalidation: tried again
};
inline constexpr std::size_t event_outcomes = 5;
std::string_view name(event_outcome o);
/// What became of URIs that were to be fetched before anybody asks.
enum class warm_outcome : std::uint8_t {
    stored,
    fresh,    ///< it lay in the store already, or somebody was fetching it
    skipped,  ///< its rule, or no rule, keeps it
    failed,
};
inline constexpr std::size_t warm_outcomes = 4;
std::string_view name(warm_outcome o);
inline constexpr std::size_t bypass_reasons = 16;
/// `reason` of sidecache_rejected_requests_total, and the detail in Cache-Status: requests
/// refused for the way in which they were sent, by the status that they were answered with.
enum class rejection : std::uint8_t {
    bad_request,        ///< 400
    bad_method,         ///< 405: CONNECT
    request_timeout,    ///< 408
    request_too_large,  ///< 413
    target_too_long,    ///< 414
    bad_expectation,    ///< 417
    header_too_large,   ///< 431
    bad_coding,         ///< 501
    bad_version,        ///< 505
};
inline constexpr std::size_t rejections = 9;
std::string_view name(rejection r);
rejection rejection_of(unsigned status);
inline constexpr std::size_t not_stored_reasons = 14;

/// A rule's counters in one worker; rule index `rules` (one past the last) stands for "no rule"
/// (label rule="").
struct rule_metrics {
    std::array<counter, request_results> requests;
    std::array<counter, 2> hits;
    std::array<histogram, request_results> request_duration;
    histogram upstream_duration;
    std::array<counter, bypass_reasons> bypass;
    std::array<counter, not_stored_reasons> not_stored;
    std::array<counter, lock_outcomes> fill_locks;
    histogram fill_lock_wait;
    std::array<std::array<counter, background_outcomes>, background_purposes> background;
    counter overloaded;
};

/// A purge's counters in one worker; the index one past the last is the path of unmatched
/// mutations (label purge="").
struct purge_metrics {
    std::array<counter, purge_phases> phases;
    counter purged_keys;
    histogram duration;
};

/// Commands as the store's interface sees them, whatever each sends to the server.
enum class store_command : std::uint8_t { read, fill, put, begin, end, lock, publish, heartbeat };
inline constexpr std::size_t store_commands = 8;
std::string_view name(store_command c);

/// The values of store::store_error, in its order (a test holds the two together): telemetry stands
/// below the store and may not include it.
enum class store_outcome : std::uint8_t {
    ok,
    unreachable,
    timeout,
    breaker_open,
    not_primary,
    refused,
    malformed
};
inline constexpr std::size_t store_outcomes = 7;
std::string_view name(store_outcome o);

/// Everything that one worker counts. One writer: that worker.
struct worker_metrics {
    explicit worker_metrics(std::size_t rules, std::size_t purges);
    std::vector<rule_metrics> rules;              // size: rules + 1
    std::vector<purge_metrics> purges;            // size: purges + 1
    std::array<counter, 600> upstream_responses;  // by status code; [0]: no response, code="none"
    counter unmatched_mutations;
    std::array<counter, rejections> rejected;
    histogram purge_ack_wait;
    std::array<std::array<counter, store_outcomes>, store_commands> store;
    histogram store_duration;
    std::array<counter, identity_outcomes> identity;
};

/// Gauges and rare counters of the process. Any thread.
struct process_metrics {
    std::atomic<std::int64_t> purges_pending{0};
    std::atomic<std::int64_t> store_up{0};
    std::atomic<std::int64_t> breaker_open{0};
    /// Replicas that were listed when last looked, this one included.
    std::atomic<std::int64_t> members{0};
    std::atomic<std::uint64_t> reloads_ok{0};
    std::atomic<std::uint64_t> reloads_failed{0};
    std::atomic<std::uint64_t> reloads_waited{0};  // taken, and held back for a while
    /// Whether the file as last read is what is in effect.
    std::atomic<bool> last_reload_ok{true};
    /// `rule_set::fingerprint` of what is in effect, as the number that its 16 hex digits are.
    std::atomic<std::uint64_t> config_fingerprint{0};
    /// What the near caches of all workers hold.
    std::atomic<std::int64_t> near_bytes{0};
    std::atomic<std::int64_t> near_entries{0};
    /// ... and may hold; 0: there is none.
    std::atomic<std::int64_t> near_limit_bytes{0};
    /// Whether near hits may be served now; asked at each scrape, on its thread. Set before any
    /// worker runs; empty: there is no near cache.
    std::function<bool()> near_lease_holds;
    std::atomic<std::uint64_t> key_reloads_ok{0};
    std::atomic<std::uint64_t> key_reloads_failed{0};
    /// The stream of events, where the configuration names one.
    std::atomic<bool> has_events{false};
    std::atomic<int> events_connected{0};
    std::array<std::atomic<std::uint64_t>, event_outcomes> events{};
    /// Messages that the group has not done with; -1: not known yet.
    std::atomic<std::int64_t> events_lag{-1};
    /// The last message that was done with here: `MS-NUMBER`.
    std::atomic<std::uint64_t> events_last_ms{0};
    std::atomic<std::uint64_t> events_last_number{0};
    std::array<std::atomic<std::uint64_t>, warm_outcomes> warmed{};
    /// Unix ms of the last exchange without a response, 0 when one was answered since: what
    /// `/readyz` calls the upstream degraded by.
    std::atomic<std::int64_t> upstream_failed_at{0};

    /// An upstream exchange had a response. Reads only, unless the upstream had failed: no cache
    /// line goes back and forth between workers.
    void upstream_answered() {
        if (upstream_failed_at.load(std::memory_order_relaxed) != 0) {
            upstream_failed_at.store(0, std::memory_order_relaxed);
        }
    }
    /// An upstream exchange ended without a response at `now` (Unix ms).
    void upstream_failed(std::int64_t now) {
        upstream_failed_at.store(now, std::memory_order_relaxed);
    }
};

/// What a rule and a purge have counted so far, all workers and all configurations together.
struct rule_totals {
    std::string rule;  // "": requests that no rule matched
    std::array<std::uint64_t, request_results> requests{};
    std::array<std::uint64_t, 2> hits{};  // by tier
    std::array<std::uint64_t, bypass_reasons> bypass{};
    std::array<std::uint64_t, not_stored_reasons> not_stored{};
};
struct purge_totals {
    std::string purge;  // "": mutations that no purge matched
    std::array<std::uint64_t, purge_phases> phases{};
    std::uint64_t purged_keys = 0;
};
/// Durations of all requests with one result.
struct latency_totals {
    std::array<std::uint64_t, histogram::bucket_count> buckets{};
    std::uint64_t sum_ns = 0;
};
struct summary {
    std::vector<rule_totals> rules;    // by name
    std::vector<purge_totals> purges;  // by name
    std::array<latency_totals, request_results> latency{};
    std::uint64_t unmatched_mutations = 0;
};

/// Adds up and renders. Rule and purge names outlive reloads: a reload adds what is new, and
/// counters of a name go on (Prometheus counters never fall).
class registry {
public:
    registry();
    ~registry();
    process_metrics& process() { return process_; }
    /// Creates one worker's counters for a configuration. When its last owner lets go of it, its
    /// totals are added, per name, to what the registry keeps; it may outlive the registry. Any
    /// thread.
    std::shared_ptr<worker_metrics> make_worker(std::vector<std::string> rule_names,
                                                std::vector<std::string> purge_names);
    /// The text exposition format (version 0.0.4). Any thread.
    std::string render() const;
    /// For `/stats`. Any thread.
    summary summarize() const;

private:
    struct impl;
    std::shared_ptr<impl> impl_;
    process_metrics process_;
};

}  // namespace sidecache::telemetry
