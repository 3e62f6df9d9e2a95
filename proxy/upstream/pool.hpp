#pragma once

#include "config/model.hpp"
#include "proxy/async/arrival.hpp"
#include "proxy/async/deadline.hpp"
#include "proxy/http/read_buffer.hpp"
#include "proxy/http/response_parser.hpp"
#include "proxy/upstream/endpoints.hpp"
#include "proxy/upstream/exchange.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace sidecache::upstream {

class http_exchange;

/// One connection to the upstream.
struct connection {
    explicit connection(executor const& ex) : socket(ex), incoming(socket) {}
    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;
    tcp_socket socket;
    http::read_buffer buffer;
    /// Watches while it lies idle: where nothing has come in, not even the end, it may be used.
    arrival incoming;
    sweeper::clock::time_point idle_since{};
};

/// What an exchange works with, used again by the next one.
struct exchange_space {
    /// The upstream's heads are bounded too, generously: it is ours, but it may be broken.
    static constexpr std::size_t max_header = 64 << 10;

    std::string out;  ///< the request's head
    http::response_parser parser{max_header};
    http::response_head head;
    http::read_buffer taken;  ///< what `take_ready` gave out, when its connection has gone on
};

/// The client of one worker: connections kept alive between exchanges. The one used last is used
/// next, so that the rest grow old and close.
class pool final : public client {
public:
    pool(executor const& ex, sweeper& sweep, config::upstream const& settings);
    /// REQUIRES: no exchange is open, and `join` has returned.
    ~pool() override;

    std::unique_ptr<exchange> open(repeat how, std::chrono::milliseconds deadline) override;
    std::size_t idle() const override { return idle_.size(); }

    /// Other settings from a reload; connections to another address are dropped.
    void configure(config::upstream const& settings);
    /// Closes what has been idle for too long. Called at every tick of the sweeper.
    void tick();
    /// Breaks every open exchange off, and closes what is idle.
    void abort();
    task<void> join();

private:
    friend class http_exchange;

    /// The idle connection used last that is still alive; null when there is none.
    std::unique_ptr<connection> take();
    void give(std::unique_ptr<connection> c);
    std::unique_ptr<exchange_space> borrow_space();
    void give_back(std::unique_ptr<exchange_space> used);
    /// The place among the open ones.
    std::size_t enter(http_exchange& e);
    void leave(http_exchange& e);

    executor ex_;
    sweeper& sweep_;
    config::upstream settings_;
    endpoints endpoints_;
    std::vector<std::unique_ptr<connection>> idle_;  // the one used last is at the back
    std::vector<std::unique_ptr<exchange_space>> spaces_;
    std::vector<http_exchange*> open_;
    unsigned generation_ = 0;  // connections of an earlier one are not taken back
};

}  // namespace sidecache::upstream
