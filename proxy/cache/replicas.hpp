#pragma once

#include "proxy/async/task.hpp"
#include "proxy/store/tag_value.hpp"

#include <span>
#include <string_view>

namespace sidecache::cache {

/// The publish-and-wait step of a mutation (protocol.md section 3.3): drop the tags from the near
/// cache, tell every replica, wait until each has said so or its lease must have run out. Where no
/// replica holds a near cache there is nobody to wait for. Any thread.
class replicas {
public:
    virtual ~replicas() = default;
    /// Returns when no near cache of any replica can serve what was there before.
    virtual task<void> publish_and_wait(store::mutation_id id,
                                        std::span<std::string_view const> tags) = 0;
};

/// Every hit comes from the store: nothing to drop, nobody to wait for.
class no_near_caches final : public replicas {
public:
    task<void> publish_and_wait(store::mutation_id, std::span<std::string_view const>) override {
        co_return;
    }
};

}  // namespace sidecache::cache
