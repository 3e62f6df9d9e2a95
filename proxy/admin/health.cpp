#include "proxy/admin/health.hpp"

#include "proxy/store/store.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace sidecache::admin {

bool is_upstream_reachable(telemetry::process_metrics const& metrics, unix_ms now) {
    auto const failed_at = metrics.upstream_failed_at.load(std::memory_order_relaxed);
    return failed_at == 0 || now - failed_at > upstream_failure_counts_ms;
}

answer readiness(phase present, store::store_status const& store, bool upstream_reachable) {
    boost::json::object out;
    out["status"] = name(present);
    if (present != phase::ready) {
        return json(503, out);
    }
    boost::json::array degraded;
    if (!store.up || store.breaker_open) {
        degraded.emplace_back("store");
    }
    if (!upstream_reachable) {
        degraded.emplace_back("upstream");
    }
    out["degraded"] = std::move(degraded);
    return json(200, out);
}

}  // namespace sidecache::admin
