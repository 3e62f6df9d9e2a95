#pragma once

#include "proxy/store/memory_map.hpp"
#include "proxy/store/store.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sidecache::store {

struct memory_options {
    std::uint64_t bytes = 256ULL << 20;
    std::function<unix_ms()> now = system_now_ms;  // any thread
};

/// `memory://`: the embedded store of one replica, with the behaviour of the Redis one. Its
/// identity is the process's: what it held is gone with it, so there is nothing to quarantine.
class memory_hub final : public store_hub {
public:
    /// `ids` outlives the hub and its stores; any thread.
    memory_hub(memory_options options, id_source& ids);
    ~memory_hub() override;

    void serve_near(std::function<void()> empty) override;
    void leave_near() override;
    id128 member() const override { return server_; }
    void acknowledge(id128 round, id128 member) override;

    std::unique_ptr<store> make_store(asio::io_context& worker, metrics_source metrics) override;
    void subscribe(asio::io_context& worker, event_sink sink, std::function<void()> lost) override;
    void announce(std::string fingerprint,
                  std::vector<std::string> rule_names,
                  std::function<void()> confirmed = {}) override;
    void forget_older() override;
    void count_keys(counted_source source) override { counted_.set(std::move(source)); }
    lease const& near_lease() const override { return lease_; }
    void stop() override;
    membership::status standing() const;

    memory_map& map() { return map_; }
    counted_tags const& counted() const { return counted_; }
    answered_by by() const;
    unix_ms now() const { return options_.now(); }
    id_source& ids() { return ids_; }
    /// Delivers to every subscriber, each on its own worker. Any thread.
    void deliver(std::string_view payload);

private:
    struct subscriber {
        executor ex;
        std::shared_ptr<event_sink> sink;
    };

    memory_options options_;
    id_source& ids_;
    lease lease_;
    id128 server_;
    memory_map map_;
    std::atomic<bool> serves_near_{false};
    counted_tags counted_;
    std::mutex mutex_;
    std::vector<subscriber> subscribers_;  // under mutex_
    std::vector<std::string> rule_names_;  // under mutex_
};

}  // namespace sidecache::store
