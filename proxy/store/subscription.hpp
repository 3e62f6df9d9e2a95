#pragma once

#include "proxy/store/redis_process.hpp"
#include "proxy/store/resp_reader.hpp"
#include "proxy/store/store.hpp"
#include "proxy/store/stream.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sidecache::store {

/// The subscription to the event channel and to this member's acknowledgements, on a socket of its
/// own (protocol.md section 4): half of the lease runs from its PINGs, since no PONG overtakes a
/// message. It stands at a primary only, the one that the commands go to. A server that is silent
/// for more than a lease has lost us. Comes back by itself. One worker only.
class subscription : public std::enable_shared_from_this<subscription> {
public:
    subscription(executor const& ex,
                 std::shared_ptr<redis_process> process,
                 event_sink sink,
                 std::function<void()> lost);
    void start();
    void stop();

private:
    using time_point = boot_clock::time_point;

    task<void> run(std::shared_ptr<subscription> self);
    task<void> serve();
    void append_opening(std::string& out, credentials const& who);
    /// Takes one reply; false: give this connection up.
    bool take(reply const& r);
    /// One of those before the subscription stands.
    bool take_greeting(reply const& r);
    bool deliver(reply const& r);
    void schedule_beat(std::uint64_t connection);
    /// False: the connection is of no more use.
    bool beat();

    executor ex_;
    std::shared_ptr<redis_process> process_;
    event_sink sink_;
    std::function<void()> lost_;
    steady_timer rest_;
    stream way_;
    steady_timer beat_;
    std::string ping_;

    // Of the present connection.
    std::uint64_t connection_ = 0;  // its number
    std::size_t greeting_ = 0;      // replies still to come before those of INFO
    std::optional<std::string> server_info_;
    std::optional<id128> server_;  // once it has said who it is
    std::size_t channels_ = 0;     // subscribed to
    bool stands_ = false;
    std::optional<time_point> ping_sent_;  // of the one that is on its way
    bool is_writing_ = false;
    std::string refusal_;  // the last one that was logged
    bool stopped_ = false;
};

}  // namespace sidecache::store
