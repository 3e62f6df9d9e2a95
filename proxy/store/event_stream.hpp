#pragma once

#include "config/model.hpp"
#include "proxy/async/task.hpp"
#include "proxy/store/dialler.hpp"
#include "proxy/store/resp_tree.hpp"
#include "proxy/store/stream.hpp"
#include "proxy/store/stream_messages.hpp"
#include "proxy/store/tag_value.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sidecache::telemetry {
struct process_metrics;
}

namespace sidecache::store {

/// One consumer of a Redis Stream (`events`): takes messages of its group, one batch at a time, on
/// a connection of its own, and acknowledges them (XACK) only after `handle` has said that they are
/// done. So each message is handled at least once, by one of the replicas:
///
/// - The group is made where there is none, at the beginning of what the stream holds: handling too
///   much is harmless, missing something is not.
/// - What this consumer was given before its connection broke it reads again first.
/// - What a consumer that has died was given is claimed (XAUTOCLAIM) once it has lain for
///   `claim_after`; consumers that are gone and owe nothing are forgotten.
/// - While `handle` fails the batch stays, and is tried again.
///
/// Redis from 6.2 on. Comes back by itself. One worker only.
class event_stream {
public:
    /// Whether all of the batch is done; false: it is given again.
    using handler = std::function<task<bool>(std::vector<stream_message> const&)>;

    /// `consumer` names this process in the group. All references outlive `run`.
    event_stream(executor const& ex,
                 config::store const& where,
                 config::events const& what,
                 id128 consumer,
                 telemetry::process_metrics& metrics,
                 handler handle);
    event_stream(event_stream const&) = delete;
    event_stream& operator=(event_stream const&) = delete;

    /// Runs until `stop`; spawn it once.
    task<void> run();
    /// The batch at hand is finished, then `run` returns: within `block` when there is none.
    void stop();

    /// How long a read waits for messages, and so a stop for it.
    static constexpr std::chrono::milliseconds block{500};
    /// A reply may have so many bytes; a message that alone has more counts as malformed.
    static constexpr std::size_t most_bytes = std::size_t{16} << 20;

private:
    using time_point = std::chrono::steady_clock::time_point;

    task<void> serve();
    task<bool> open();
    task<bool> make_group();
    task<bool> read_own();
    task<bool> read_new();
    task<bool> claim();
    task<bool> look();
    task<bool> skip_oversized();
    task<bool> take(std::vector<stream_message> const& batch);
    task<bool> acknowledge(std::vector<stream_message> const& batch);
    task<void> leave();
    /// One command; nullopt: the connection is of no more use.
    task<std::optional<resp_tree>> ask(std::string command, std::chrono::milliseconds patience);
    task<void> rest(std::chrono::milliseconds how_long);
    void say(std::string_view what, std::string const& error);

    executor ex_;
    config::store const& where_;
    config::events const& what_;
    std::string const name_;
    telemetry::process_metrics& metrics_;
    handler handle_;
    dialler dial_;
    stream way_;
    steady_timer rest_;
    std::optional<tree_reader> reader_;
    std::size_t batch_;          // how many messages the next read asks for
    bool is_oversized_ = false;  // the last reply was larger than `most_bytes`
    bool stopped_ = false;
    bool has_served_ = false;  // since the last failure that was said
    time_point claim_at_{};
    time_point look_at_{};
};

}  // namespace sidecache::store
