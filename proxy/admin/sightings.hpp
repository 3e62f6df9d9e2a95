#pragma once

#include "proxy/admin/answer.hpp"
#include "proxy/async/clock.hpp"

namespace sidecache::telemetry {
class watches;
}

/// What was seen lately, for the status page: keys and paths as they are, so nothing that a
/// stranger's web page may read (guard.hpp).
namespace sidecache::admin {

/// `GET /stats/keys`: the keys that this replica is asked for most.
answer hottest_keys(telemetry::watches const& seen, boot_clock::time_point now);

/// `GET /stats/mutations`: the last mutations and purges by hand, the latest first.
answer latest_mutations(telemetry::watches const& seen);

}  // namespace sidecache::admin
