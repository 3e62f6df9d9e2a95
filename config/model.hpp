#pragma once

#include "config/identity.hpp"
#include "rules/definition.hpp"
#include "rules/rule_set.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The whole configuration as immutable values with defaults (design.md section 2). Built whole,
/// validated whole, swapped whole; a request keeps the one it began with.
namespace sidecache::config {

using std::chrono::milliseconds;

struct endpoint {
    std::string host;  // without brackets
    std::uint16_t port = 0;
    std::string text() const;
    bool operator==(endpoint const&) const = default;
};

struct admin {
    endpoint listen{"127.0.0.1", 9090};
    std::string token;  // empty: POSTs need none
};

struct upstream {
    endpoint address{"127.0.0.1", 3000};
    std::string host_header = "127.0.0.1:3000";  // authority of the url, for our own requests
    std::string fixed_host;                      // Host of every request; empty: the client's
    std::vector<std::string> strip_headers;      // fields that the backend does not get
    std::vector<std::string> trusted_headers;    // fields that whoever is in front of us sets
    milliseconds connect_timeout{1'000};
    milliseconds timeout{30'000};
    std::size_t max_idle = 64;          // pooled idle connections a worker
    milliseconds idle_timeout{15'000};  // before we close one
    std::size_t max_concurrent = 512;   // fills in flight at once in one process; the rest queue
    std::size_t max_queue = 1'024;      // ... and what does not fit in the queue gets 503
    std::size_t max_background = 32;    // ... without a client; of one rule half as many
};

/// How a store behind TLS is told from another, and who we are to it. Files are PEM, and read again
/// for the next connection when they have changed.
struct store_tls {
    bool verify = true;
    std::string ca_file;              // empty: the system's
    std::string cert_file, key_file;  // ours; empty: none
    std::string server_name;          // what its certificate has to name; empty: the URL's host
};

/// Who we are to Sentinels.
struct store_sentinel {
    std::string user, password;
    std::string password_file;
};

struct store {
    enum class kind { redis_tcp, redis_unix, memory };
    kind what = kind::redis_tcp;
    endpoint address{"127.0.0.1", 6379};
    /// Sentinels that name the address (redis+sentinel://); none: it is `address`.
    std::vector<endpoint> sentinel_addresses;
    std::string master_name;
    store_sentinel sentinel;
    /// Nodes of a Cluster that tell of the others (redis+cluster://); none: it is no Cluster.
    std::vector<endpoint> cluster_seeds;
    bool is_cluster() const { return !cluster_seeds.empty(); }
    std::string path;  // unix
    std::string user, password;
    std::string password_file;  // instead of a password; read for each connection
    bool is_tls = false;        // rediss://
    store_tls tls;
    unsigned database = 0;
    std::string description = "redis://127.0.0.1:6379/0";  // the url without credentials
    milliseconds timeout{50};
    unsigned retry_attempts = 2;
    milliseconds retry_backoff{5};
    unsigned breaker_failures = 5;
    milliseconds breaker_open_for{2'000};
    bool refuse_on_down = false;
    milliseconds on_down_hold{1'000};
    milliseconds margin{5'000};
    /// nullopt: auto (upstream.timeout + margin).
    std::optional<milliseconds> quarantine;
    std::uint64_t memory_size = 256ULL << 20;  // bound of memory://
};

struct near_cache {
    std::uint64_t size = 64ULL << 20;
    milliseconds lease{500};
};

/// Every limit, its default, and the answer to what exceeds it (design.md section 7).
struct limits {
    std::size_t max_connections = 20'000;              // further ones wait in the listen queue
    std::size_t max_header = 32 << 10;                 // 431
    std::size_t max_target = 8 << 10;                  // 414
    std::uint64_t max_body = 0;                        // 413; 0: no limit (bodies stream)
    std::uint64_t max_mutation_body = 1ULL << 20;      // more is not looked at: the purge widens
    std::uint64_t max_mutation_response = 1ULL << 20;  // more is not held back
    milliseconds header_timeout{10'000};               // 408
    milliseconds body_timeout{30'000};                 // between two pieces of a body: 408
    milliseconds write_timeout{30'000};                // a client that does not read
    milliseconds idle_timeout{75'000};                 // between requests
    milliseconds drain_delay{0};                       // SIGTERM: still accepted for so long
    milliseconds drain_timeout{30'000};  // ... and then what is in flight by then is cut
};

struct access_log {
    bool enabled = true;
    bool hits = false;  // hits are not logged unless asked for
};

struct log {
    std::string level = "info";
    access_log access;
};

/// What is fetched before it is asked for.
struct warm {
    std::vector<std::string> paths;  // those of `paths`, then those of `file`
    std::string file;
    std::vector<std::string>
        hosts;                 // Host of the requests, each path for each; empty: the backend's
    unsigned rate = 50;        // requests a second
    unsigned concurrency = 4;  // at once
    std::vector<std::pair<std::string, std::string>> headers;  // of each request; secret
    bool at_start = true;
};

/// Invalidations from outside: a Redis Stream on the store's server.
struct events {
    std::string stream;
    std::string group = "sidecache";
    std::size_t batch = 64;              // messages at once
    milliseconds claim_after{30'000};    // what a dead replica was given goes to another
    std::size_t max_message = 64 << 10;  // a larger one is passed over
    bool operator==(events const&) const = default;
};

/// Immutable once loaded; any thread.
struct model {
    endpoint listen{"0.0.0.0", 8080};
    unsigned workers = 0;           // 0: one a core
    bool reload_on_change = false;  // without a signal
    config::admin admin;
    config::upstream upstream;
    config::store store;
    config::near_cache near_cache;
    config::limits limits;
    config::log log;
    std::optional<config::identity> identity;
    std::optional<config::warm> warm;
    std::optional<config::events> events;
    std::shared_ptr<rules::rule_set const> rules;

    /// Markers live for upstream.timeout + store.margin (protocol.md section 1).
    milliseconds marker_life() const { return upstream.timeout + store.margin; }
    /// A tag outlives every entry filled under it, however slow the fill.
    milliseconds tag_life() const;
};

}  // namespace sidecache::config
