#pragma once

#include "proxy/store/redis_process.hpp"
#include "proxy/store/resp_reader.hpp"
#include "proxy/store/store.hpp"

namespace sidecache::store {

/// Whom a drop has to reach, from HGETALL's reply of `sidecache:members`, read after the publish
/// (protocol.md section 3.3). REQUIRES: an array.
audience read_audience(reply const& all, redis_process& process);

}  // namespace sidecache::store
