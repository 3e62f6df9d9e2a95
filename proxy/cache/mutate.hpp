#pragma once

#include "proxy/async/task.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace sidecache::http {
class downstream;
}

namespace sidecache::cache {

class asker;
struct snapshot;
struct worker_parts;

/// What the access log and the request counters want to know of a mutation.
struct mutation_report {
    /// The purges that it set off, "product-updated" or "a+b"; empty: none matched.
    std::string purges;
    /// changed, unchanged, unknown, refused, pending; why its content was refused; empty when the
    /// client went away before anything was done. A literal.
    std::string_view outcome;
    /// Sent to the upstream as X-Request-Id; empty: not asked.
    std::string request_id;
    /// How long the upstream took; 0: not asked.
    std::chrono::nanoseconds upstream{0};
};

/// The life of a request with an unsafe method (protocol.md section 3): reads its content, marks,
/// forwards once, gives what changed new generations, and answers `client` exactly once, unless
/// the client is gone. `snap` is the configuration that it keeps from beginning to end.
///
/// From the moment the first mark is set the work runs in `parts.background`: neither a client
/// that goes away nor a session that is cancelled stops the upstream request or the end.
///
/// Counts everything of a purge, the upstream's responses and durations; requests_total is the
/// caller's. `who`: its verified caller binds purges; null, or nobody verified: they widen. Where
/// no purge knows what the write did, it may have been a log-in, a log-out or a switch of
/// organizations: who the caller was is forgotten *before* the client has its answer, so that his
/// next request is not believed. `parts`, `client` and `who` outlive the call; `report` is complete
/// when it returns. On the worker's own thread.
task<void> mutate(worker_parts const& parts,
                  std::shared_ptr<snapshot const> snap,
                  http::downstream& client,
                  asker const* who,
                  mutation_report& report);

}  // namespace sidecache::cache
