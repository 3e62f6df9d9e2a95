#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/async/task.hpp"
#include "proxy/store/store.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sidecache::cache {

class near_tags;
struct worker_parts;

/// A drop that travels in a batch of the mutation's own: sent there, waited for by
/// `replicas::wait`.
struct notice {
    virtual ~notice() = default;
    std::string payload;
    std::optional<store::audience> told;  // of the batch's reply; nullopt: it was not taken
    boot_clock::time_point since{};       // when that came, at the earliest
};

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

    /// The same in two halves: `payload` is published behind what it is about, by whoever asks;
    /// then `wait`, with that reply. Null: there is nobody to tell, `publish_and_wait` does it all.
    virtual std::unique_ptr<notice> compose(worker_parts const& /*parts*/,
                                            std::span<std::string_view const> /*tags*/) {
        return nullptr;
    }
    /// REQUIRES: `sent` is of `compose` with these tags. As `publish_and_wait` from there on.
    virtual task<bool> wait(worker_parts const& parts,
                            notice& sent,
                            std::span<std::string_view const> tags);
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
