#include "proxy/admin/process_state.hpp"

#include <utility>

namespace sidecache::admin {

std::string_view name(phase p) {
    switch (p) {
        case phase::starting:
            return "starting";
        case phase::ready:
            return "ready";
        case phase::draining:
            return "draining";
    }
    return "";
}

process_state::process_state(std::string config_file, unsigned workers) : workers_(workers) {
    configuration_.file = std::move(config_file);
}

void process_state::loaded(std::vector<std::string> warnings, std::string effective) {
    std::lock_guard const lock(mutex_);
    configuration_.loaded_at = system_now_ms();
    configuration_.warnings = std::move(warnings);
    configuration_.refused.clear();
    effective_ = std::move(effective);
}

void process_state::reload_refused(std::vector<std::string> findings) {
    std::lock_guard const lock(mutex_);
    configuration_.refused = std::move(findings);
}

void process_state::rules_wait(std::optional<unix_ms> until) {
    std::lock_guard const lock(mutex_);
    configuration_.waits_until = until;
}

process_state::configuration process_state::configured() const {
    std::lock_guard const lock(mutex_);
    return configuration_;
}

std::string process_state::effective() const {
    std::lock_guard const lock(mutex_);
    return effective_;
}

std::chrono::seconds process_state::uptime() const {
    return std::chrono::duration_cast<std::chrono::seconds>(boot_clock::now() - started_);
}

}  // namespace sidecache::admin
