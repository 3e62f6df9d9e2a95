#pragma once

#include "proxy/async/task.hpp"
#include "proxy/store/tag_value.hpp"

#include <span>
#include <string_view>

namespace sidecache::cache {

class near_tags;
struct worker_parts;

/// The publish-and-wait step of a mutation (protocol.md section 3.3): drop the tags from the near
/// caches of this process, tell every replica, wait until each has said so or its lease must have
/// run out. Any thread.
class replicas {
public:
    virtual ~replicas() = default;
    /// True: no near cache of any replica can serve what was there before. False: the store did
    /// not take the message, so that others have not heard of it and nobody was waited for.
    /// REQUIRES: what it is about has happened in the store (the marks stand, the generations are
    /// new). On the worker's own thread; `parts` and `tags` outlive the call.
    virtual task<bool> publish_and_wait(worker_parts const& parts,
                                        std::span<std::string_view const> tags) = 0;
};

/// Nobody but this process: `memory://`.
class own_near_cache_only final : public replicas {
public:
    explicit own_near_cache_only(near_tags& tags) : tags_(tags) {}
    task<bool> publish_and_wait(worker_parts const& parts,
                                std::span<std::string_view const> tags) override;

private:
    near_tags& tags_;
};

}  // namespace sidecache::cache
