#include "proxy/store/redis_hub.hpp"

#include "proxy/store/cluster_store.hpp"
#include "proxy/store/node.hpp"
#include "proxy/store/redis_store.hpp"
#include "proxy/store/sentinel_watch.hpp"
#include "proxy/store/subscription.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace sidecache::store {

redis_hub::redis_hub(redis_settings settings, telemetry::process_metrics& metrics, id_source& ids)
    : process_(std::make_shared<redis_process>(std::move(settings), metrics, ids)) {}

redis_hub::~redis_hub() = default;

void redis_hub::serve_near(std::function<void()> empty) {
    process_->members.serve_near(std::move(empty));
}

void redis_hub::leave_near() {
    if (process_->members.leave_near()) {
        std::scoped_lock const guard(mutex_);
        renew_soon();
    }
}

void redis_hub::acknowledge(id128 round, id128 member) {
    std::scoped_lock const guard(mutex_);
    if (!carrier_) {
        return;
    }
    // Usually on that very thread: many in one turn of its loop go out in one write.
    asio::dispatch(carrier_->ex,
                   [tell = carrier_->acknowledge, round, member] { tell(round, member); });
}

/// REQUIRES: mutex_. The first connection carries.
template <class Connection>
void redis_hub::add(executor const& ex, std::shared_ptr<Connection> const& made) {
    std::weak_ptr<Connection> const weak = made;
    if (!carrier_) {
        auto acknowledge = [weak](id128 round, id128 member) {
            if (auto const alive = weak.lock()) {
                alive->acknowledge(round, member);
            }
        };
        auto renew = [weak] {
            if (auto const alive = weak.lock()) {
                alive->beat_soon();
            }
        };
        carrier_ = carrier{ex, std::move(acknowledge), std::move(renew)};
    }
    auto stop = [weak] {
        if (auto const alive = weak.lock()) {
            alive->stop();
        }
    };
    parts_.push_back({ex, std::move(stop)});
}

/// REQUIRES: mutex_.
std::unique_ptr<store> redis_hub::make_cluster_store(executor const& ex, metrics_source metrics) {
    auto const made = std::make_shared<cluster>(ex, process_, std::move(metrics), !carrier_);
    add(ex, made);
    auto store = std::make_unique<cluster_store>(made);
    made->start();
    return store;
}

std::unique_ptr<store> redis_hub::make_store(asio::io_context& worker, metrics_source metrics) {
    auto const ex = worker.get_executor();
    std::scoped_lock const guard(mutex_);
    if (process_->settings.where.is_cluster()) {
        return make_cluster_store(ex, std::move(metrics));
    }
    bool const carries = !carrier_;
    auto const n = std::make_shared<node>(ex, process_, meter(metrics), carries);
    add(ex, n);
    auto made = std::make_unique<redis_store>(n, std::move(metrics));
    n->start();
    if (carries && process_->dial.directory() != nullptr) {
        auto const& p = process_;
        auto const watch = std::make_shared<sentinel_watch>(
            ex, p, *p->dial.directory(), p->dial.way(), [p] { p->primary_named(); });
        std::weak_ptr<sentinel_watch> const watching = watch;
        auto stop_watch = [watching] {
            if (auto const alive = watching.lock()) {
                alive->stop();
            }
        };
        parts_.push_back({ex, std::move(stop_watch)});
        watch->start();
    }
    return made;
}

void redis_hub::subscribe(asio::io_context& worker, event_sink sink, std::function<void()> lost) {
    auto const ex = worker.get_executor();
    auto const made =
        std::make_shared<subscription>(ex, process_, std::move(sink), std::move(lost));
    std::weak_ptr<subscription> const weak = made;
    auto stop = [weak] {
        if (auto const alive = weak.lock()) {
            alive->stop();
        }
    };
    std::scoped_lock const guard(mutex_);
    parts_.push_back({ex, std::move(stop)});
    made->start();
}

void redis_hub::announce(std::string fingerprint,
                         std::vector<std::string> rule_names,
                         std::function<void()> confirmed) {
    process_->announce({std::move(fingerprint), std::move(rule_names)}, std::move(confirmed));
    std::scoped_lock const guard(mutex_);
    renew_soon();
}

// REQUIRES: mutex_.
void redis_hub::renew_soon() {
    if (!carrier_) {
        return;
    }
    asio::post(carrier_->ex, carrier_->renew);
}

void redis_hub::count_keys(counted_source source) {
    process_->counted.set(std::move(source));
}

void redis_hub::stop() {
    std::scoped_lock const guard(mutex_);
    if (std::exchange(stopped_, true)) {
        return;
    }
    for (auto const& p : parts_) {
        asio::post(p.ex, p.stop);
    }
}

}  // namespace sidecache::store
