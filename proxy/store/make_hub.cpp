#include "proxy/store/make_hub.hpp"

#include "proxy/store/memory_store.hpp"
#include "proxy/store/redis_hub.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <algorithm>

namespace sidecache::store {

namespace {

redis_settings settings_of(config::model const& config) {
    redis_settings s;
    s.where = config.store;
    s.lease = config.near_cache.lease;
    if (config.store.quarantine) {
        s.quarantine = *config.store.quarantine;
        return s;
    }
    // The longest that a marker may live: a mutation's own, or what a purge's `settle` adds.
    s.quarantine = config.marker_life();
    if (config.rules) {
        for (auto const& p : config.rules->purges()) {
            s.quarantine = std::max(s.quarantine, p.definition.settle);
        }
    }
    return s;
}

}  // namespace

std::unique_ptr<store_hub> make_hub(config::model const& config,
                                    telemetry::process_metrics& metrics,
                                    id_source& ids) {
    switch (config.store.what) {
        case config::store::kind::memory:
            metrics.store_up.store(1, std::memory_order_relaxed);
            return std::make_unique<memory_hub>(memory_options{config.store.memory_size}, ids);
        case config::store::kind::redis_tcp:
        case config::store::kind::redis_unix:
            break;
    }
    return std::make_unique<redis_hub>(settings_of(config), metrics, ids);
}

}  // namespace sidecache::store
