#pragma once

#include "config/model.hpp"
#include "proxy/async/clock.hpp"
#include "proxy/async/task.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sidecache::admin {
class process_state;
}
namespace sidecache::cache {
class mutation_watch;
}
namespace sidecache::rules {
class rule_set;
}
namespace sidecache::store {
class store_hub;
}
namespace sidecache::telemetry {
struct process_metrics;
}

namespace sidecache {

/// What this process says of its rules to the others.
std::vector<std::string> rule_names(rules::rule_set const& rules);

/// What lies between a reload's new rules and their taking effect (protocol.md section 3.8): others
/// learn of them first, and then the old ones go on for as long as a mutation may be under way that
/// has not marked what the new ones name. Whoever fetched by these now could keep what it is about
/// to change. That is the longest life of a mark where there are other replicas; of its own
/// mutations this one knows when they are over (tests/model, reload.quiet_period). `memory://` and
/// `store.quarantine: 0s` wait for nobody. One thread, that of `control`.
class quiet_period {
public:
    /// Everything outlives this.
    quiet_period(executor const& control,
                 admin::process_state& state,
                 telemetry::process_metrics& metrics);

    /// `over` is called once, on `control`, unless `end` or another `begin` comes before. Until
    /// then this replica announces the rules of both: everybody's mutations, its own, too, reach
    /// what either names. `hub` and `mutations` outlive the wait.
    void begin(store::store_hub& hub,
               cache::mutation_watch& mutations,
               std::shared_ptr<config::model const> before,
               std::shared_ptr<config::model const> after,
               std::function<void()> over);
    void end();

private:
    void told();
    void look();
    void finish();
    template <class Then>
    void wait_for(std::chrono::milliseconds how_long, Then then);

    executor control_;
    admin::process_state& state_;
    telemetry::process_metrics& metrics_;
    steady_timer timer_;
    std::uint64_t number_ = 0;  // of the wait under way: what belongs to another is out of date
    store::store_hub* hub_ = nullptr;
    cache::mutation_watch* mutations_ = nullptr;
    std::shared_ptr<config::model const> before_;
    std::shared_ptr<config::model const> after_;
    std::function<void()> over_;
    std::weak_ptr<void const> unaware_;  // own mutations that began before the announcement
    boot_clock::time_point others_over_{};
};

}  // namespace sidecache
