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

    void serve_near(std::function<void()> empty) override;
    lease const& near_lease() const override { return process_->members.held(); }
    void leave_near() override;
    id128 member() const override { return process_->member; }
    void acknowledge(id128 round, id128 member) override;

    std::unique_ptr<store> make_store(asio::io_context& worker, metrics_source metrics) override;
    void subscribe(asio::io_context& worker, event_sink sink, std::function<void()> lost) override;
    void announce(std::string fingerprint,
                  std::vector<std::string> rule_names,
                  std::function<void()> confirmed = {}) override;
    void forget_older() override { process_->rules.forget_older(); }
    void stay_listed() override { process_->stays_listed = true; }
    void rules_changed_untold() override { process_->rules.join_anew(); }
    boot_clock::time_point others_over(std::chrono::nanoseconds life) const override {
        return process_->rules.others_over(life);
    }
    void count_keys(counted_source source) override;
    void stop() override;

private:
    struct part {
        executor ex;
        std::function<void()> stop;  // posted to `ex`
    };
    /// The first store's connection: its renewals carry the lease, acknowledgements go over it.
    struct carrier {
        executor ex;
        std::function<void(id128 round, id128 member)> acknowledge;  // called on `ex`
        std::function<void()> renew;
    };
    template <class Connection>
    void add(executor const& ex, std::shared_ptr<Connection> const& made);
    std::unique_ptr<store> make_cluster_store(executor const& ex, metrics_source metrics);
    void renew_soon();

    std::shared_ptr<redis_process> process_;
    std::mutex mutex_;
    std::vector<part> parts_;         // under mutex_
    std::optional<carrier> carrier_;  // under mutex_ until it is set, then fixed
    bool stopped_ = false;
};

}  // namespace sidecache::store
