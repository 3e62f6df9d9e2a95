#pragma once

#include "proxy/store/store.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <chrono>
#include <utility>

namespace sidecache::store {

/// Counts what a store was asked, in its worker's own counters. One worker only.
class meter {
public:
    explicit meter(metrics_source source) : source_(std::move(source)) {}

    void count(telemetry::store_command command, store_error outcome) const {
        if (source_) {
            auto& m = source_();
            m.store[static_cast<std::size_t>(command)][static_cast<std::size_t>(outcome)].add();
        }
    }
    void count(telemetry::store_command command,
               store_error outcome,
               std::chrono::nanoseconds took) const {
        if (source_) {
            auto& m = source_();
            m.store[static_cast<std::size_t>(command)][static_cast<std::size_t>(outcome)].add();
            m.store_duration.observe(took);
        }
    }

private:
    metrics_source source_;
};

}  // namespace sidecache::store
