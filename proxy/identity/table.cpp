#include "proxy/identity/table.hpp"

#include <algorithm>
#include <utility>

namespace sidecache::identity {

table::table(std::size_t max)
    : shard_count_(max < 16 * most_shards ? 1 : most_shards),
      most_verified_(std::max<std::size_t>(1, (max - max / 4) / shard_count_)),
      most_refused_(std::max<std::size_t>(1, max / 4 / shard_count_)) {}

std::optional<table::known> table::find(rules::credential_hash const& of,
                                        boot_clock::time_point now) {
    auto& s = shard_of(of);
    std::lock_guard const lock(s.mutex);
    auto const place = s.places.find(of);
    if (place == s.places.end() || place->second->until <= now) {
        return std::nullopt;
    }
    auto& order = s.order_of(place->second->who);
    order.splice(order.begin(), order, place->second);
    return known{place->second->who};
}

void table::put(rules::credential_hash const& of,
                std::shared_ptr<verified const> who,
                boot_clock::time_point until,
                boot_clock::time_point asked_at) {
    auto& s = shard_of(of);
    std::lock_guard const lock(s.mutex);
    if (asked_at <= s.forgotten_at) {
        return;
    }
    auto& order = s.order_of(who);
    auto const [place, is_new] = s.places.try_emplace(of);
    if (is_new) {
        place->second = order.emplace(order.begin());
        place->second->of = of;
    } else if (asked_at < place->second->asked_at) {
        return;
    } else {
        order.splice(order.begin(), s.order_of(place->second->who), place->second);
    }
    auto const most = who ? most_verified_ : most_refused_;
    place->second->who = std::move(who);
    place->second->until = until;
    place->second->asked_at = asked_at;
    if (order.size() > most) {
        s.places.erase(order.back().of);
        order.pop_back();
    }
}

void table::forget(boot_clock::time_point now) {
    for (auto& s : shards_) {
        std::lock_guard const lock(s.mutex);
        s.forgotten_at = now;
        s.places.clear();
        s.verified_order.clear();
        s.refused_order.clear();
    }
}

// It stays as somebody of whom nothing is known any longer: an answer that is still on its way, to
// an earlier question, finds that.
void table::forget(rules::credential_hash const& of, boot_clock::time_point now) {
    put(of, nullptr, now, now + boot_clock::duration(1));
}

std::size_t table::size() const {
    std::size_t out = 0;
    for (auto const& s : shards_) {
        std::lock_guard const lock(s.mutex);
        out += s.places.size();
    }
    return out;
}

}  // namespace sidecache::identity
