#pragma once

#include "proxy/store/cluster_directory.hpp"
#include "proxy/store/connector.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/sentinels.hpp"

#include <optional>

namespace sidecache::store {

/// The way to the primary, wherever it is now: the server that the configuration names, or the one
/// that the Sentinels name, or of a Cluster the node that has a certain key. Any thread.
class dialler {
public:
    /// `timeout`: for each connection.
    /// `key`: of a Cluster, whose node is meant.
    dialler(config::store const& where,
            std::chrono::milliseconds timeout,
            std::string_view key = names::members);
    dialler(dialler const&) = delete;
    dialler& operator=(dialler const&) = delete;

    /// `to` is new and outlives the call; closing it ends the attempt, or the next step of it. The
    /// address that it leads to.
    task<result<config::endpoint, connect_error>> connect(stream& to);

    connector& way() { return way_; }
    /// Null without Sentinels.
    sentinels* directory() { return directory_ ? &*directory_ : nullptr; }
    /// Null without a Cluster.
    cluster_directory* cluster() { return cluster_ ? &*cluster_ : nullptr; }

private:
    config::endpoint const address_;
    connector way_;
    std::uint16_t const slot_;
    std::optional<sentinels> directory_;
    std::optional<cluster_directory> cluster_;
};

}  // namespace sidecache::store
