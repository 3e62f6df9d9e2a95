#pragma once

#include "proxy/admin/answer.hpp"
#include "proxy/admin/process_state.hpp"
#include "proxy/async/clock.hpp"

namespace sidecache::store {
struct store_status;
}
namespace sidecache::telemetry {
struct process_metrics;
}

namespace sidecache::admin {

/// How long after its last failed exchange the upstream counts as unreachable when no other
/// exchange has shown anything since.
inline constexpr unix_ms upstream_failure_counts_ms = 30'000;

/// Whether the upstream answered when it was last asked.
bool is_upstream_reachable(telemetry::process_metrics const& metrics, unix_ms now);

/// `/readyz`: 503 while starting or draining. A lost store or upstream leaves it ready, since a
/// restart would help with neither and every replica loses them together; they are named in
/// `degraded`.
answer readiness(phase present, store::store_status const& store, bool upstream_reachable);

}  // namespace sidecache::admin
