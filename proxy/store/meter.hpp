#pragma once

#include "proxy/store/store.hpp"
#include "proxy/telemetry/metrics.hpp"

#include <chrono>
#include <utility>

namespace sidecache::store {

/// Telemetry stands below the store and declares the outcomes once more.
constexpr bool names_the_same(store_error e, telemetry::store_outcome o) {
    return static_cast<int>(e) == static_cast<int>(o);
}
static_assert(names_the_same(store_error::ok, telemetry::store_outcome::ok));
static_assert(names_the_same(store_error::unreachable, telemetry::store_outcome::unreachable));
static_assert(names_the_same(store_error::timeout, telemetry::store_outcome::timeout));
static_assert(names_the_same(store_error::breaker_open, telemetry::store_outcome::breaker_open));
static_assert(names_the_same(store_error::not_primary, telemetry::store_outcome::not_primary));
static_assert(names_the_same(store_error::refused, telemetry::store_outcome::refused));
static_assert(names_the_same(store_error::malformed, telemetry::store_outcome::malformed));

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
