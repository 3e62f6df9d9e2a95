#include "proxy/admin/observer.hpp"

#include "config/model.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sidecache::admin {

observer::observer(telemetry::registry& metrics,
                   std::function<std::shared_ptr<config::model const>()> config)
    : metrics_(metrics), config_(std::move(config)) {
    tick(boot_clock::now());
}

void observer::tick(boot_clock::time_point now) {
    if (!past_.is_due(now)) {
        return;
    }
    auto const config = config_();
    std::vector<std::string> names;
    for (auto const& r : config->rules->rules()) {
        names.push_back(r.definition.name.value);
    }
    past_.take(metrics_.summarize(), names, system_now_ms(), now);
}

}  // namespace sidecache::admin
