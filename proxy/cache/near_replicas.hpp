#pragma once

#include "proxy/cache/ack_book.hpp"
#include "proxy/cache/replicas.hpp"
#include "proxy/store/store.hpp"

#include <atomic>
#include <cstdint>
#include <string_view>

namespace sidecache::cache {

class event_channel;

/// The replicas of one store, over its event channel: tells them what to drop and waits for their
/// word; hears what they tell and gives its own. Any thread.
class near_replicas final : public replicas {
public:
    /// Everything outlives this. `ids`: any thread.
    near_replicas(near_tags& tags,
                  store::store_hub& hub,
                  store::id_source& ids,
                  event_channel& fills);

    task<bool> publish_and_wait(worker_parts const& parts,
                                std::span<std::string_view const> tags) override;
    std::unique_ptr<notice> compose(worker_parts const& parts,
                                    std::span<std::string_view const> tags) override;
    task<bool> wait(worker_parts const& parts,
                    notice& sent,
                    std::span<std::string_view const> tags) override;

    /// Where the subscription delivers. A drop has taken effect in every thread when it is
    /// acknowledged; what cannot be read might have been one, so everything is dropped.
    void on_message(std::string_view payload);

private:
    struct letter;
    task<void> wait_for_acks(worker_parts const& parts, letter& sent);

    near_tags& tags_;
    store::store_hub& hub_;
    store::id_source& ids_;
    event_channel& fills_;
    ack_book acks_;
};

}  // namespace sidecache::cache
