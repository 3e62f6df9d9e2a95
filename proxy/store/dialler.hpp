#pragma once

#include "proxy/store/connector.hpp"
#include "proxy/store/sentinels.hpp"

#include <optional>

namespace sidecache::store {

/// The way to the primary, wherever it is now: the server that the configuration names, or the one
/// that the Sentinels name. Any thread.
class dialler {
public:
    /// `timeout`: for each connection.
    dialler(config::store const& where, std::chrono::milliseconds timeout);
    dialler(dialler const&) = delete;
    dialler& operator=(dialler const&) = delete;

    /// `to` is new and outlives the call; closing it ends the attempt, or the next step of it. The
    /// address that it leads to.
    task<result<config::endpoint, connect_error>> connect(stream& to);

    connector& way() { return way_; }
    /// Null without Sentinels.
    sentinels* directory() { return directory_ ? &*directory_ : nullptr; }

private:
    config::endpoint const address_;
    connector way_;
    std::optional<sentinels> directory_;
};

}  // namespace sidecache::store
