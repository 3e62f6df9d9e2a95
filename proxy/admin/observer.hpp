#pragma once

#include "proxy/admin/history.hpp"

#include <functional>
#include <memory>

namespace sidecache::config {
struct model;
}
namespace sidecache::telemetry {
class registry;
}

namespace sidecache::admin {

/// Looks at the counters every two seconds and keeps what it saw. The admin port's worker only.
class observer {
public:
    /// `config`: the configuration in effect. Both outlive this.
    observer(telemetry::registry& metrics,
             std::function<std::shared_ptr<config::model const>()> config);

    /// At least every `history::interval`.
    void tick(boot_clock::time_point now);
    history const& past() const { return past_; }

private:
    telemetry::registry& metrics_;
    std::function<std::shared_ptr<config::model const>()> config_;
    history past_;
};

}  // namespace sidecache::admin
