#pragma once

#include "proxy/cache/miss.hpp"
#include "proxy/http/message.hpp"

namespace sidecache::cache {

/// What the backend's answer to a HEAD tells of the entry that the request found (RFC 9111 section
/// 4.3.5): where a validator or the length differs, the resource has changed by a write that nobody
/// told of, and its path is made stale behind the answer, as if a write had just named it. Where
/// they are the same nothing is updated: what is stored was fetched whole, under its own snapshot.
/// A store that cannot be reached leaves the entry to its time.
void note_head(worker_parts const& parts, lookup const& at, http::response_head const& answer);

}  // namespace sidecache::cache
