#pragma once

#include "proxy/async/task.hpp"
#include "proxy/store/store.hpp"
#include "proxy/store/tag_value.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sidecache::cache {

/// Who has acknowledged what (protocol.md section 3.3). Acknowledgements come in on one worker's
/// thread, mutations wait on any. Any thread.
class ack_book {
    struct page;

public:
    ack_book() = default;
    ack_book(ack_book const&) = delete;
    ack_book& operator=(ack_book const&) = delete;

    /// One publishing that is waited for, from before the message is sent until this goes. One
    /// worker only.
    class round {
    public:
        round(round const&) = delete;
        round& operator=(round const&) = delete;
        ~round();

        /// Whom the message should have reached; whoever has answered already counts.
        void expect(std::span<store::near_member const> members);
        /// The longest lease among those who have not answered; nullopt: everybody has.
        std::optional<std::chrono::nanoseconds> longest_missing() const;
        /// Those who have not, for `store::dismiss`.
        std::vector<store::near_member> missing() const;
        /// Returns at `until`, or when `longest_missing` has changed, or for no reason: look again.
        task<void> wait(std::chrono::steady_clock::time_point until);

    private:
        friend class ack_book;
        round(ack_book& book, store::id128 id, executor ex);
        ack_book& book_;
        store::id128 const id_;
        std::shared_ptr<page> page_;
    };

    /// REQUIRES: `id` was never used before.
    round open(store::id128 id, executor ex) { return round(*this, id, ex); }

    /// An acknowledgement came in; of what nobody waits for any more it is forgotten.
    void acknowledged(store::id128 id, store::id128 member);

    /// Rounds under way.
    std::size_t size() const;

private:
    struct id_hash {
        std::size_t operator()(store::id128 const& id) const noexcept {
            return static_cast<std::size_t>(id.low);  // random already
        }
    };
    mutable std::mutex mutex_;
    std::unordered_map<store::id128, std::shared_ptr<page>, id_hash> pages_;
};

}  // namespace sidecache::cache
