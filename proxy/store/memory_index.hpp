#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/expiring_lru.hpp"

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sidecache::store {

/// The keys of one tag that `memory://` has noted, each until its entry's expiry. Most tags are one
/// entry's alone: their few keys lie in a row; many are found by key and by expiry. Under its
/// owner's lock.
class memory_index {
public:
    /// Notes the key, in place of what was noted of it.
    void note(std::string_view key, unix_ms expires_at);
    bool erase(std::string_view key);
    bool contains(std::string_view key) const;
    /// Any key, taken out. REQUIRES: size() > 0.
    std::string take();
    /// Drops up to `most` keys that are past their expiry, the first ones first.
    void drop_past(unix_ms now, std::size_t most);

    std::size_t size() const { return many_ ? many_->by_key.size() : few_.size(); }
    /// Bytes, roughly.
    std::size_t weight() const { return weight_; }

private:
    /// Beyond so many they are no longer few; a tag that had many stays with that.
    static constexpr std::size_t few = 8;
    struct noted {
        std::string key;
        unix_ms expires_at = 0;
    };
    struct many {
        std::unordered_map<std::string, unix_ms, text_hash, std::equal_to<>> by_key;
        std::set<std::pair<unix_ms, std::string_view>> by_expiry;  // views of the map's keys
    };

    std::vector<noted>::iterator find(std::string_view key);
    void add_to_many(std::string key, unix_ms expires_at);

    std::vector<noted> few_;
    std::unique_ptr<many> many_;
    std::size_t weight_ = 0;
};

}  // namespace sidecache::store
