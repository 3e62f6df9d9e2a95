#pragma once

#include "proxy/async/clock.hpp"

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sidecache::store {

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept {
        return std::hash<std::string_view>{}(s);
    }
};

/// Values by key, each with an expiry and a weight, in the order of their last use. Under its
/// owner's lock; addresses of values stay good until the value is erased.
template <class Value>
class expiring_lru {
public:
    struct item {
        Value value{};
        unix_ms expires_at = 0;  // 0: none
        std::size_t weight = 0;
        std::list<std::string_view>::iterator place;
    };

    std::size_t size() const { return items_.size(); }
    std::size_t weight() const { return weight_; }

    /// Null when absent or past its expiry. Does not count as a use.
    item* find(std::string_view key, unix_ms now) {
        auto const at = items_.find(key);
        if (at == items_.end()) {
            return nullptr;
        }
        if (is_past(at->second, now)) {
            erase(at);
            return nullptr;
        }
        return &at->second;
    }

    void touch(item& i) { order_.splice(order_.end(), order_, i.place); }

    /// Replaces what is there; counts as a use. `weight`: bytes the value takes, our own
    /// housekeeping not included.
    item& assign(std::string_view key, Value value, unix_ms expires_at, std::size_t weight) {
        auto [at, inserted] = items_.try_emplace(std::string(key));
        auto& i = at->second;
        if (inserted) {
            i.place = order_.insert(order_.end(), at->first);
        } else {
            touch(i);
        }
        i.value = std::move(value);
        i.expires_at = expires_at;
        reweigh(i, weight + key.size() + overhead);
        return i;
    }

    /// After a change of the value in place.
    void weigh(item& i, std::string_view key, std::size_t weight) {
        reweigh(i, weight + key.size() + overhead);
    }

    bool erase(std::string_view key) {
        auto const at = items_.find(key);
        if (at == items_.end()) {
            return false;
        }
        erase(at);
        return true;
    }

    /// Drops up to `most` of the least recently used ones that are past their expiry.
    void drop_past(unix_ms now, std::size_t most) {
        while (most-- > 0 && !order_.empty()) {
            auto const at = items_.find(order_.front());
            if (!is_past(at->second, now)) {
                return;
            }
            erase(at);
        }
    }

    /// Drops the least recently used value that `may_go` allows, looking at `most` at the most.
    template <class Predicate>
    bool evict(Predicate may_go, std::size_t most) {
        for (auto place = order_.begin(); place != order_.end() && most-- > 0; ++place) {
            auto const at = items_.find(*place);
            if (may_go(at->second.value)) {
                erase(at);
                return true;
            }
        }
        return false;
    }

private:
    /// Node, list node, bucket and allocator headers, roughly.
    static constexpr std::size_t overhead = 160;
    using map = std::unordered_map<std::string, item, text_hash, std::equal_to<>>;

    static bool is_past(item const& i, unix_ms now) {
        return i.expires_at != 0 && i.expires_at <= now;
    }
    void reweigh(item& i, std::size_t weight) {
        weight_ += weight - i.weight;
        i.weight = weight;
    }
    void erase(typename map::iterator at) {
        weight_ -= at->second.weight;
        order_.erase(at->second.place);
        items_.erase(at);
    }

    map items_;
    std::list<std::string_view> order_;  // least recently used first; views of the map's keys
    std::size_t weight_ = 0;
};

}  // namespace sidecache::store
