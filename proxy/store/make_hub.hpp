#pragma once

#include "config/model.hpp"
#include "proxy/store/store.hpp"

#include <memory>

namespace sidecache::telemetry {
struct process_metrics;
}

namespace sidecache::store {

class id_source;

/// The store that the configuration names: Redis over TCP or a unix socket, or `memory://`. Opens
/// nothing yet: connections belong to the workers. `config` is copied from; `metrics` and `ids`
/// outlive the hub. Start-up only.
std::unique_ptr<store_hub> make_hub(config::model const& config,
                                    telemetry::process_metrics& metrics,
                                    id_source& ids);

}  // namespace sidecache::store
