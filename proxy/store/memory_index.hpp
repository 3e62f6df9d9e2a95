#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/text_table.hpp"

#include <boost/intrusive/set.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
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
    struct expiry : boost::intrusive::set_base_hook<
                        boost::intrusive::link_mode<boost::intrusive::normal_link>,
                        boost::intrusive::optimize_size<true>> {
        unix_ms expires_at = 0;
        bool operator<(expiry const& other) const { return expires_at < other.expires_at; }
    };
    struct many {
        ~many() { by_expiry.clear(); }
        text_table<expiry> by_key;
        boost::intrusive::multiset<expiry, boost::intrusive::constant_time_size<false>> by_expiry;
    };

    std::vector<noted>::iterator find(std::string_view key);
    void add_to_many(std::string_view key, unix_ms expires_at);
    void erase_from_many(text_table<expiry>::item& i);

    std::vector<noted> few_;
    std::unique_ptr<many> many_;
    std::size_t weight_ = 0;
};

}  // namespace sidecache::store
