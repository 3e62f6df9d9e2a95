#pragma once

#include "proxy/store/redis_process.hpp"
#include "proxy/store/store.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace sidecache::store {

/// The Redis store of one process: what its workers' connections share, and their ends. Any thread.
class redis_hub final : public store_hub {
public:
    /// `metrics` and `ids` outlive the hub and its stores; any thread.
    redis_hub(redis_settings settings, telemetry::process_metrics& metrics, id_source& ids);
    ~redis_hub() override;

    std::unique_ptr<store> make_store(asio::io_context& worker, metrics_source metrics) override;
    void subscribe(asio::io_context& worker, event_sink sink, std::function<void()> lost) override;
    void announce(std::string fingerprint, std::vector<std::string> rule_names) override;
    void stop() override;

private:
    struct part {
        executor ex;
        std::function<void()> renew;  // posted to `ex`
        std::function<void()> stop;   // posted to `ex`
    };
    std::shared_ptr<redis_process> process_;
    std::mutex mutex_;
    std::vector<part> parts_;  // under mutex_
    bool has_carrier_ = false;
    bool stopped_ = false;
};

}  // namespace sidecache::store
