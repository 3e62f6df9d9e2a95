#pragma once

#include "proxy/store/tag_value.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::store {

/// What `begin` has learnt of each of a mutation's tags, until its `end`. Bounded: a mutation that
/// never ends is forgotten in its turn. One worker's; one thread.
template <class What>
class noted {
public:
    void note(mutation_id id, std::string_view tag, What keys) {
        auto [at, inserted] = mutations_.try_emplace(id);
        if (inserted) {
            order_.push_back(id);
            if (order_.size() > most_mutations) {
                mutations_.erase(order_.front());
                order_.pop_front();
            }
        }
        at->second.insert_or_assign(std::string(tag), std::move(keys));
    }
    /// nullopt: nothing was noted, or it was taken already.
    std::optional<What> take(mutation_id id, std::string_view tag) {
        auto const at = mutations_.find(id);
        if (at == mutations_.end()) {
            return std::nullopt;
        }
        auto const keys = at->second.find(tag);
        if (keys == at->second.end()) {
            return std::nullopt;
        }
        auto taken = std::move(keys->second);
        at->second.erase(keys);
        return taken;
    }
    /// Null: nothing was noted.
    What const* find(mutation_id id, std::string_view tag) const {
        auto const at = mutations_.find(id);
        if (at == mutations_.end()) {
            return nullptr;
        }
        auto const one = at->second.find(tag);
        return one == at->second.end() ? nullptr : &one->second;
    }
    void forget(mutation_id id) {
        if (mutations_.erase(id) > 0) {
            std::erase(order_, id);
        }
    }

private:
    static constexpr std::size_t most_mutations = 1'024;
    std::map<mutation_id, std::map<std::string, What, std::less<>>> mutations_;
    std::deque<mutation_id> order_;
};

/// The keys in the indexes of a mutation's tags, so that `end` removes them in the same round trip
/// as the marks.
using noted_keys = noted<std::vector<std::string>>;

}  // namespace sidecache::store
