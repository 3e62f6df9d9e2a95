#pragma once

#include "proxy/async/task.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sidecache::cache {

/// What a message told somebody who waits for another replica's fill. It only wakes: the store is
/// read again, as for any hit (protocol.md section 2).
enum class fill_news : std::uint8_t {
    none,
    stored,      ///< an entry was stored and the lock released
    not_stored,  ///< the lock was released without: nothing to wait for
    lost,        ///< messages may have been missed
};

/// Brings the messages of the event channel to those who wait for a lock, on whichever worker.
/// Any thread; touched only by fills that take a lock, and once a message.
class event_channel {
    struct listener;

public:
    event_channel() = default;
    event_channel(event_channel const&) = delete;
    event_channel& operator=(event_channel const&) = delete;

    /// Listening for one lock key, from construction to destruction. One worker only.
    class listening {
    public:
        listening(listening&&) noexcept = default;
        listening& operator=(listening&&) = delete;
        ~listening();
        /// Returns with the news, also those that came before the call, or `none` at `until`.
        task<fill_news> wait(std::chrono::steady_clock::time_point until);

    private:
        friend class event_channel;
        listening(event_channel& channel, std::shared_ptr<listener> me);
        event_channel* channel_;
        std::shared_ptr<listener> me_;
    };

    /// Call it before asking for the lock, so that no release is missed in between.
    listening listen(std::string_view lock_key, executor ex);

    /// A message came in; what is not a fill_done of a known version is ignored.
    void dispatch(std::string_view payload);
    /// The subscription broke, or stands again: everybody looks for himself.
    void lost();

    std::size_t listeners() const;

private:
    static void tell(std::shared_ptr<listener> who, fill_news what);
    void forget(listener const& who);

    mutable std::mutex mutex_;
    std::unordered_multimap<std::string, std::shared_ptr<listener>> listeners_;
};

}  // namespace sidecache::cache
