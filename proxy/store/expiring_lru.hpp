#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/text_table.hpp"

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <string_view>
#include <utility>

namespace sidecache::store {

/// Values by key, each with an expiry and a weight, in the order of their last use. Under its
/// owner's lock; addresses of values stay good until the value is erased.
template <class Value>
class expiring_lru {
    struct fields : boost::intrusive::list_base_hook<
                        boost::intrusive::link_mode<boost::intrusive::normal_link>> {
        Value value{};
        unix_ms expires_at = 0;  // 0: none
        std::size_t weight = 0;
    };

public:
    using item = typename text_table<fields>::item;

    expiring_lru() = default;
    expiring_lru(expiring_lru const&) = delete;
    expiring_lru& operator=(expiring_lru const&) = delete;
    ~expiring_lru() { order_.clear(); }

    std::size_t size() const { return items_.size(); }
    std::size_t weight() const { return weight_; }

    /// Null when absent or past its expiry. Does not count as a use.
    item* find(std::string_view key, unix_ms now) {
        auto* const i = items_.find(key);
        if (i != nullptr && is_past(*i, now)) {
            erase(*i);
            return nullptr;
        }
        return i;
    }

    void touch(item& i) { order_.splice(order_.end(), order_, order_.iterator_to(i)); }

    /// Replaces what is there; counts as a use. `weight`: bytes the value owns, our own
    /// housekeeping not included.
    item& assign(std::string_view key, Value value, unix_ms expires_at, std::size_t weight) {
        auto const [i, is_new] = items_.find_or_make(key);
        if (is_new) {
            order_.push_back(i);
        } else {
            touch(i);
        }
        i.value = std::move(value);
        i.expires_at = expires_at;
        weigh(i, weight);
        return i;
    }

    /// After a change of the value in place.
    void weigh(item& i, std::size_t weight) {
        auto const all = weight + i.key().size() + text_table<fields>::item_bytes;
        weight_ += all - i.weight;
        i.weight = all;
    }

    bool erase(std::string_view key) {
        auto* const i = items_.find(key);
        if (i == nullptr) {
            return false;
        }
        erase(*i);
        return true;
    }

    /// Drops up to `most` of the least recently used ones that are past their expiry.
    void drop_past(unix_ms now, std::size_t most) {
        while (most-- > 0 && !order_.empty() && is_past(least_recent(), now)) {
            erase(least_recent());
        }
    }

    /// Drops the least recently used value that `may_go` allows, looking at `most` at the most.
    template <class Predicate>
    bool evict(Predicate may_go, std::size_t most) {
        for (auto place = order_.begin(); place != order_.end() && most-- > 0; ++place) {
            if (may_go(place->value)) {
                erase(static_cast<item&>(*place));
                return true;
            }
        }
        return false;
    }

private:
    static bool is_past(fields const& i, unix_ms now) {
        return i.expires_at != 0 && i.expires_at <= now;
    }
    item& least_recent() { return static_cast<item&>(order_.front()); }
    void erase(item& i) {
        weight_ -= i.weight;
        order_.erase(order_.iterator_to(i));
        items_.erase(i);
    }

    text_table<fields> items_;
    boost::intrusive::list<fields, boost::intrusive::constant_time_size<false>> order_;
    std::size_t weight_ = 0;
};

}  // namespace sidecache::store
