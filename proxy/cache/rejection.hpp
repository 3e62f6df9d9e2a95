#pragma once

#include "proxy/cache/parts.hpp"
#include "proxy/http/downstream.hpp"

#include <string_view>

namespace sidecache::cache {

/// Counts a request that is refused for the way in which it was sent (no HTTP, too large, too
/// late), and lets its answer say so: `Cache-Status: sidecache; detail=bad_request`. Returns that
/// detail, a literal. One worker only.
std::string_view count_rejection(worker_parts const& parts,
                                 unsigned status,
                                 http::response_head& answer);

/// The same for one that no rule gets to see, with its line in the access log: method and path only
/// where they were understood. One worker only.
void reject(worker_parts const& parts,
            http::downstream const& client,
            unsigned status,
            http::response_head& answer);

}  // namespace sidecache::cache
