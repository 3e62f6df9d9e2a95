#pragma once

#include "proxy/store/redis_process.hpp"
#include "proxy/store/redis_socket.hpp"
#include "proxy/store/resp_reader.hpp"
#include "proxy/store/store.hpp"

#include <functional>
#include <memory>
#include <string>

namespace sidecache::store {

/// The subscription to the event channel, on a socket of its own (protocol.md section 4): PING at
/// least every half lease; a server that is silent for a whole one has lost us. Comes back by
/// itself. One worker only.
class subscription : public std::enable_shared_from_this<subscription> {
public:
    subscription(executor const& ex,
                 std::shared_ptr<redis_process> process,
                 event_sink sink,
                 std::function<void()> lost);
    void start();
    void stop();

private:
    task<void> run(std::shared_ptr<subscription> self);
    task<void> serve();
    /// Takes one reply; false: not one of a subscription.
    bool deliver(reply const& r);
    void schedule_ping(std::uint64_t connection);

    executor ex_;
    std::shared_ptr<redis_process> process_;
    event_sink sink_;
    std::function<void()> lost_;
    steady_timer rest_;
    stream_socket socket_;
    steady_timer beat_;
    std::string ping_;
    std::chrono::steady_clock::time_point heard_{};
    bool is_subscribed_ = false;
    bool is_writing_ = false;
    bool stopped_ = false;
    std::uint64_t connection_ = 0;  // number of the present one
};

}  // namespace sidecache::store
