#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

namespace sidecache::telemetry {

/// Takes one line without its line end; called on the writer's own thread only.
using line_sink = std::function<void(std::string_view line)>;

/// A bounded queue of lines and the thread that writes them, a hundredth of a second's at a time: a
/// reader of stdout that stands still costs old lines, never a request's time. Any thread.
class line_writer {
public:
    virtual ~line_writer() = default;
    /// Queues a copy; when the queue is full, the oldest line goes.
    virtual void write(std::string_view line) = 0;
    /// How many lines were dropped so far.
    virtual std::size_t dropped() const = 0;
};

/// `sink` empty: stdout. The destructor writes what is queued, then ends the thread.
std::unique_ptr<line_writer> make_line_writer(std::size_t queue_lines, line_sink sink = {});

}  // namespace sidecache::telemetry
