#pragma once

#include "tests/support/demo_backend.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_sentinels.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sidecache_process.hpp"
#include "tests/support/tcp_relay.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace sidecache::consistency {

/// What the replicas' store is.
enum class topology : std::uint8_t { single, sentinels, cluster };

struct cluster_options {
    unsigned replicas = 3;
    int products = 24;
    std::string near_size = "16MiB";
    /// In the settings of the store; under `forward` a mutation's answer is held until Redis is
    /// back.
    std::string on_down = "refuse";
    std::vector<std::string> redis_arguments{};
    /// To a primary that Sentinels name, and to a Cluster, replicas go without relays on the way.
    topology store = topology::single;
    tests::launch how{};
};

/// Replicas with the shipped rules in front of the demo backend, each behind a relay of its own to
/// the one Redis (or to Sentinels, or a Redis Cluster), with times short enough to see deadlines
/// pass. What changes it is called from the thread that made it; ports are for any thread.
class cluster {
public:
    static constexpr unsigned most = 8;
    static constexpr std::chrono::milliseconds lease{300};
    static constexpr std::chrono::milliseconds upstream_timeout{1'000};
    static constexpr std::chrono::milliseconds margin{3'000};
    /// How long a marker lives.
    static constexpr std::chrono::milliseconds marker_life = upstream_timeout + margin;

    explicit cluster(cluster_options options);

    unsigned size() const { return options_.replicas; }
    /// Where replica `i` listens now; 0 while it is down.
    std::uint16_t port(unsigned i) const { return ports_.at(i).load(); }

    tests::redis_server& redis() { return redis_; }
    /// REQUIRES: topology::sentinels.
    tests::redis_sentinels& group() { return *group_; }
    /// REQUIRES: topology::cluster.
    tests::redis_cluster& nodes() { return *nodes_; }
    tests::demo_backend& backend() { return backend_; }
    tests::tcp_relay& link(unsigned i) { return links_.at(i); }
    tests::sidecache_process& replica(unsigned i) { return *replicas_.at(i); }

    void kill(unsigned i);
    void start(unsigned i);

private:
    std::string yaml(unsigned i) const;

    cluster_options options_;
    tests::redis_server redis_;
    std::unique_ptr<tests::redis_sentinels> group_;
    std::unique_ptr<tests::redis_cluster> nodes_;
    tests::demo_backend backend_;
    std::deque<tests::tcp_relay> links_;
    std::array<std::unique_ptr<tests::sidecache_process>, most> replicas_;
    std::array<std::atomic<std::uint16_t>, most> ports_{};
};

}  // namespace sidecache::consistency
