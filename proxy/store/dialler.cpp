#include "proxy/store/dialler.hpp"

namespace sidecache::store {

dialler::dialler(config::store const& where,
                 std::chrono::milliseconds timeout,
                 std::string_view key)
    : address_(where.address), way_(where, timeout), slot_(key_slot(key)) {
    if (where.is_cluster()) {
        cluster_.emplace(where, way_);
    }
    if (!where.sentinel_addresses.empty()) {
        directory_.emplace(where, way_);
    }
}

task<result<config::endpoint, connect_error>> dialler::connect(stream& to) {
    auto at = address_;
    if (directory_) {
        auto const named = co_await directory_->ask(to.get_executor());
        if (!named) {
            co_return named.error();
        }
        at = *named;
    }
    if (cluster_) {
        auto const map = co_await cluster_->ask(to.get_executor());
        if (!map) {
            co_return map.error();
        }
        auto const* const owner = (*map)->owner(slot_);
        if (owner == nullptr) {
            co_return connect_error{store_error::unreachable, "nobody in the Cluster has the slot"};
        }
        at = *owner;
    }
    auto const reached = co_await way_.connect(to, at);
    if (!reached) {
        auto error = reached.error();
        if (directory_) {
            error.text = "the primary by the Sentinels' word, " + at.text() + ": " + error.text;
        }
        co_return error;
    }
    co_return at;
}

}  // namespace sidecache::store
