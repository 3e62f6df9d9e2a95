#pragma once

#include "proxy/store/connect_error.hpp"
#include "proxy/store/stream.hpp"
#include "proxy/store/tls.hpp"

#include <chrono>
#include <string>

namespace sidecache::store {

/// Connects to the server that the configuration names, with TLS where it says so. Any thread.
class dialler {
public:
    /// `timeout`: for one connection, TLS handshake included; looking a name up is not in it.
    dialler(config::store where, std::chrono::milliseconds timeout);

    /// Every address of a name is tried, each for its share of the time. `to` is new and outlives
    /// the call; closing it ends the attempt.
    task<result<void, connect_error>> connect(stream& to);

private:
    config::store const where_;
    std::chrono::milliseconds const timeout_;
    tls_client tls_;
};

}  // namespace sidecache::store
