#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/near_tags.hpp"
#include "proxy/store/tag_value.hpp"

#include <span>
#include <string_view>

namespace sidecache::cache {

/// The publish-and-wait step of a mutation (protocol.md section 3.3): drop the tags from the near
/// cache, tell every replica, wait until each has said so or its lease must have run out. Any
/// thread.
class replicas {
public:
    virtual ~replicas() = default;
    /// Returns when no near cache of any replica can serve what was there before.
    virtual task<void> publish_and_wait(store::mutation_id id,
                                        std::span<std::string_view const> tags) = 0;
};

/// Nobody else holds a near cache: what is to be dropped is dropped here, and nobody waited for.
class own_near_cache_only final : public replicas {
public:
    /// `tags` outlives it.
    explicit own_near_cache_only(near_tags& tags) : tags_(tags) {}
    task<void> publish_and_wait(store::mutation_id,
                                std::span<std::string_view const> tags) override {
        tags_.drop(tags);
        co_return;
    }

private:
    near_tags& tags_;
};

}  // namespace sidecache::cache
