#pragma once

#include "proxy/store/connect_error.hpp"
#include "proxy/store/stream.hpp"
#include "proxy/store/tls.hpp"

#include <chrono>

namespace sidecache::store {

/// Connects to one server, with TLS where the configuration says so. Any thread.
class connector {
public:
    /// `timeout`: for one connection, TLS handshake included; looking a name up is not in it.
    connector(config::store where, std::chrono::milliseconds timeout);

    /// Every address of a name is tried, each for its share of the time; of a unix socket `at` is
    /// not looked at. `to` is new and outlives the call; closing it ends the attempt.
    task<result<void, connect_error>> connect(stream& to, config::endpoint at);

    std::chrono::milliseconds timeout() const { return timeout_; }

private:
    config::store const where_;
    std::chrono::milliseconds const timeout_;
    tls_client tls_;
};

}  // namespace sidecache::store
