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

/// Which keys `begin` has seen in the indexes of a mutation's tags, until its `end` removes them in
/// the same round trip as the marks. Bounded: a mutation that never ends is forgotten in its turn.
/// One worker's; one thread.
class noted_keys {
public:
    void note(mutation_id id, std::string_view tag, std::vector<std::string> keys) {
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
    /// nullopt: that tag's index was not read, or its keys were taken already.
    std::optional<std::vector<std::string>> take(mutation_id id, std::string_view tag) {
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
    void forget(mutation_id id) {
        if (mutations_.erase(id) > 0) {
            std::erase(order_, id);
        }
    }

private:
    static constexpr std::size_t most_mutations = 1'024;
    std::map<mutation_id, std::map<std::string, std::vector<std::string>, std::less<>>> mutations_;
    std::deque<mutation_id> order_;
};

}  // namespace sidecache::store
