#pragma once

#include "proxy/admin/answer.hpp"

#include <boost/json/fwd.hpp>

namespace sidecache::cache {
class warmer;
}
namespace sidecache::config {
struct model;
}
namespace sidecache::store {
struct store_status;
}
namespace sidecache::telemetry {
class registry;
}

namespace sidecache::admin {

class process_state;

/// `GET /stats`: the state of this process for people and for `sidecache stats`. Counts are since
/// the process began and this replica's only. Holds no secret: of the store its URL without
/// credentials, of the configuration its name and its warnings. `latency`: as history::latency
/// says it.
answer stats(process_state const& state,
             config::model const& config,
             store::store_status const& store,
             telemetry::registry& metrics,
             boost::json::object latency,
             cache::warmer const* warmer);

}  // namespace sidecache::admin
