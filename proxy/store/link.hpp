#pragma once

#include "proxy/store/pipeline.hpp"
#include "proxy/store/stream.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace sidecache::store {

/// One connection to Redis, from connected to closed: the pipeline with a socket and a timer.
/// Commands asked for in one turn of the loop go out in one write. One worker only.
class link : public std::enable_shared_from_this<link> {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// `socket` is connected. `patience`: how long beyond a deadline a silent server is waited for
    /// before the connection is given up.
    link(stream way, std::chrono::milliseconds patience);

    /// Starts reading. `closed` is called once, from the loop, when the connection is over.
    void start(std::function<void()> closed);
    bool is_open() const { return open_; }
    /// Once it is over: why, for people.
    std::string const& why_broken() const { return why_; }

    /// Where the commands of the next `ask` are appended, with no suspension in between.
    std::string& commands() { return pipeline_.waiting(); }
    /// Sends what was appended, `count` commands, and waits for that many replies or the deadline.
    /// Ends with `unreachable` when the connection breaks. Not cancelled by its caller's
    /// cancellation: the deadline bounds it.
    auto ask(std::size_t count, time_point deadline) {
        constexpr asio::use_awaitable_t<executor> token;
        return asio::async_initiate<asio::use_awaitable_t<executor> const,
                                    void(store_error, reply_set)>(
            [this, count, deadline](waiter w) { submit(count, deadline, std::move(w)); }, token);
    }
    void recycle(reply_set set) { pipeline_.recycle(std::move(set)); }

    /// Ends every caller with `unreachable`, each in a turn of its own.
    void close();

private:
    using waiter = asio::async_result<asio::use_awaitable_t<executor>,
                                      void(store_error, reply_set)>::handler_type;
    using machine = pipeline<waiter>;

    void submit(std::size_t count, time_point deadline, waiter w);
    void flush();
    void read();
    void on_bytes();
    void arm();
    void on_timer();
    void fail_all();
    std::string read_error(error_code ec) const;
    void broke(std::string why);

    stream way_;
    steady_timer timer_;
    machine pipeline_;
    std::string writing_;
    std::function<void()> closed_;
    std::string why_ = "the connection was closed";
    bool has_heard_ = false;           // anything at all from the server
    std::optional<time_point> armed_;  // when the timer fires
    bool open_ = true;
    bool flush_posted_ = false;
    bool is_writing_ = false;
};

}  // namespace sidecache::store
