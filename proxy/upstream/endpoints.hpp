#pragma once

#include "config/model.hpp"
#include "proxy/async/event.hpp"
#include "proxy/async/scope.hpp"

#include <boost/asio/ip/basic_resolver.hpp>

#include <chrono>
#include <functional>
#include <vector>

namespace sidecache::upstream {

/// The addresses behind the upstream's name. A literal address costs nothing; a name is looked up
/// when it is needed and its answer is kept for a while, the last good one also when a later
/// look-up fails. One worker only.
class endpoints {
public:
    explicit endpoints(executor const& ex);

    /// Another name; what is known of the old one is forgotten.
    void name(config::endpoint const& where);

    /// Addresses to try, in order; empty when the name cannot be resolved or `given_up` became true
    /// meanwhile (ask `wake` to look at it again). getaddrinfo cannot be interrupted: the waiter
    /// goes, the look-up goes on behind it.
    task<std::vector<tcp::endpoint>> find(std::function<bool()> given_up);
    void wake() { resolved_.notify_all(); }
    /// Returns when no look-up is under way.
    task<void> join();

private:
    using resolver = asio::ip::basic_resolver<tcp, executor>;
    static constexpr std::chrono::seconds keep{10};

    task<void> look_up(unsigned generation);

    executor ex_;
    config::endpoint where_;
    std::vector<tcp::endpoint> known_;
    bool literal_ = false;
    std::chrono::steady_clock::time_point known_until_{};
    unsigned generation_ = 0;
    bool looking_ = false;
    unsigned looked_up_ = 0;  // how many look-ups have ended
    event resolved_;
    scope look_ups_;
};

}  // namespace sidecache::upstream
