#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/async/task.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/store/stream_messages.hpp"

#include <cstddef>
#include <vector>

namespace sidecache::cache {

/// Invalidates what a batch of messages names, as `POST /purge` does (protocol.md section 3.9):
/// bumps, publishes, waits, and only then returns true. All messages go by one bump, since the
/// order of invalidations does not matter. What cannot be understood is counted, said in the log
/// (the first time, then at most once a minute) and done with: it would never be understood later.
/// Where a message was trimmed before anybody could read it, everything is invalidated. False: the
/// store did not take it, wholly or in part; doing it again is harmless. On the worker's own
/// thread; `batch` outlives the call.
class event_consumer {
public:
    /// `parts` outlive it. A message of more than `most_bytes` is passed over.
    event_consumer(worker_parts const& parts, std::size_t most_bytes)
        : parts_(parts), most_bytes_(most_bytes) {}
    task<bool> take(std::vector<store::stream_message> const& batch);

private:
    worker_parts const& parts_;
    std::size_t const most_bytes_;
    boot_clock::time_point said_at_{};
    bool has_said_ = false;
};

}  // namespace sidecache::cache
