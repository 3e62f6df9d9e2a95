#pragma once

#include "proxy/telemetry/line_writer.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

namespace sidecache::config {
struct log;
}

namespace sidecache::telemetry {

/// One line a request. Views: copied into the line at once.
struct access_record {
    std::string_view method;
    std::string_view path;  // without the query: queries hold what people search for
    std::string_view peer;
    std::string_view request_id;
    std::string_view rule;       // empty: none
    std::string_view result;     // hit, stale, miss, coalesced, bypass, pass
    std::string_view reason;     // of a bypass, or why a miss was not stored; may be empty
    std::uint64_t key_hash = 0;  // xxh3 of the key: never the key itself
    unsigned status = 0;
    std::uint64_t bytes = 0;
    std::chrono::nanoseconds duration{0};
    std::chrono::nanoseconds upstream{0};  // 0: not asked
};

/// JSON lines on stdout; never blocks the caller: when its queue is full the oldest lines go. Any
/// thread.
class access_log {
public:
    virtual ~access_log() = default;
    /// Hits are off by default: asked before a record is put together.
    virtual bool wants(bool is_hit) const = 0;
    /// One line: {"time":...,"level":"info","msg":"request","method":...} with every field of the
    /// record under its name, durations in seconds, `key_hash` as 16 hex digits.
    virtual void write(access_record const& r) = 0;
};

/// `sink` empty: stdout. Lines are of level info: a higher `log.level` turns them off. One for the
/// process is enough; the destructor writes what is queued.
std::unique_ptr<access_log> make_access_log(config::log const& how, line_sink sink = {});

}  // namespace sidecache::telemetry
