#include "proxy/store/redis_process.hpp"

#include "proxy/store/redis_names.hpp"
#include "proxy/telemetry/metrics.hpp"

namespace sidecache::store {

redis_process::redis_process(redis_settings s, telemetry::process_metrics& metrics, id_source& i)
    : settings(std::move(s)),
      dial(settings.where, settings.connect_timeout()),
      ids(i),
      member(i.next()),
      members(settings.lease, boot_clock::now()),
      rules(settings.quarantine),
      metrics_(metrics) {}

result<credentials, connect_error> redis_process::who() const {
    auto const& where = settings.where;
    return read_credentials(where.user, where.password, where.password_file);
}

std::string_view redis_process::identity_key() const {
    return settings.where.is_cluster() ? names::cluster_identity : names::identity;
}

std::string redis_process::quarantine_key(id128 identity) const {
    auto const prefix = settings.where.is_cluster() ? names::cluster_quarantine : names::quarantine;
    return std::string(prefix) + identity.hex();
}

void redis_process::on_primary_named(std::function<void()> look) {
    std::scoped_lock const guard(mutex_);
    lookers_.push_back(std::move(look));
}

bool redis_process::has_tried_rights(id128 server) const {
    std::scoped_lock const guard(mutex_);
    return rights_tried_at_ == server;
}

void redis_process::tried_rights(id128 server) {
    std::scoped_lock const guard(mutex_);
    rights_tried_at_ = server;
}

void redis_process::primary_named() const {
    std::vector<std::function<void()>> told;
    {
        std::scoped_lock const guard(mutex_);
        told = lookers_;
    }
    for (auto const& look : told) {
        look();
    }
}

std::shared_ptr<announcement const> redis_process::announced() const {
    std::scoped_lock const guard(mutex_);
    return announced_;
}

void redis_process::announce(announcement a, std::function<void()> confirmed) {
    auto next = std::make_shared<announcement>(std::move(a));
    std::scoped_lock const guard(mutex_);
    next->number = announced_ ? announced_->number + 1 : 1;
    if (confirmed) {
        awaited_.push_back({next->number, std::move(confirmed)});
    }
    announced_ = std::move(next);
    rules.announced();
}

bool redis_process::is_awaited() const {
    std::scoped_lock const guard(mutex_);
    return !awaited_.empty();
}

void redis_process::confirm(announcement const& a) {
    std::vector<std::function<void()>> told;
    {
        std::scoped_lock const guard(mutex_);
        std::erase_if(awaited_, [&](awaited& w) {
            if (w.number > a.number) {
                return false;
            }
            told.push_back(std::move(w.confirmed));
            return true;
        });
    }
    for (auto const& t : told) {
        t();
    }
}

void redis_process::quarantined_until(boot_clock::time_point until) {
    auto const ticks = until.time_since_epoch().count();
    auto present = quarantined_until_.load(std::memory_order_relaxed);
    while (present < ticks &&
           !quarantined_until_.compare_exchange_weak(present, ticks, std::memory_order_relaxed)) {
    }
}

bool redis_process::is_quarantined(boot_clock::time_point now) const {
    return now.time_since_epoch().count() < quarantined_until_.load(std::memory_order_relaxed);
}

void redis_process::note_members(std::size_t listed) {
    metrics_.members.store(static_cast<std::int64_t>(listed), std::memory_order_relaxed);
}

void redis_process::count_up(int change) {
    auto const up = up_.fetch_add(change, std::memory_order_relaxed) + change;
    metrics_.store_up.store(up > 0 ? 1 : 0, std::memory_order_relaxed);
}

void redis_process::count_open(int change) {
    auto const open = open_.fetch_add(change, std::memory_order_relaxed) + change;
    metrics_.breaker_open.store(open > 0 ? 1 : 0, std::memory_order_relaxed);
}

}  // namespace sidecache::store
