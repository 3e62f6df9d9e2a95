#pragma once

#include "proxy/async/event.hpp"
#include "proxy/store/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::test {

/// A real store (`memory://`) with doors: a test holds a command before it reaches the store, or
/// its reply before it reaches the caller, makes commands fail, and reads what was asked. One
/// thread.
class stepped_store final : public store::store {
public:
    using error = sidecache::store::store_error;

    stepped_store(executor ex, std::unique_ptr<sidecache::store::store> inner)
        : executor_(ex), inner_(std::move(inner)) {}

    /// The commands in order: "read product:1", "begin_fill product:1", "put product:1",
    /// "release_lock product:1:lock stored"...
    std::vector<std::string> calls;
    std::size_t count(std::string_view command) const;

    /// A command that waits at its door until `open`.
    struct door {
        explicit door(executor ex) : opened(ex) {}
        void open() {
            is_open = true;
            opened.notify_all();
        }
        event opened;
        bool is_open = false;
        bool reached = false;
    };
    /// The next command of that name (its first word in `calls`) stops before the store sees it.
    std::shared_ptr<door> hold(std::string command) { return add(std::move(command), false); }
    /// ... stops with the store's reply in its hands: what it tells is from before the door opens.
    std::shared_ptr<door> hold_reply(std::string command) { return add(std::move(command), true); }

    /// Opens every door, those that nobody has reached yet, too.
    void open_all();

    /// Every command fails with it, as long as it is set.
    std::optional<error> down;
    /// ... only the commands of that name.
    std::string down_command;
    /// Replies tell an identity that was last checked that long ago.
    std::chrono::milliseconds checked_before{0};
    /// Replies to `begin_fill` tell of a quarantine.
    bool quarantined = false;

    task<sidecache::result<sidecache::store::reading>> read(std::string_view key,
                                                            rules::tag_list const& tags) override;
    task<sidecache::result<sidecache::store::fill_ground>> begin_fill(
        sidecache::store::fill_request const& r) override;
    task<sidecache::result<void>> put(sidecache::store::put_request const& r) override;
    task<sidecache::result<void>> release_lock(std::string_view lock_key,
                                               sidecache::store::id128 token,
                                               sidecache::store::fill_outcome outcome) override;
    task<sidecache::result<bool>> extend_lock(std::string_view lock_key,
                                              sidecache::store::id128 token,
                                              std::chrono::milliseconds ttl) override;
    task<sidecache::result<bool>> lock_held(std::string_view lock_key) override;
    task<sidecache::result<sidecache::store::begun>> begin(
        sidecache::store::mutation_id id,
        std::span<sidecache::store::begin_mark const> marks,
        std::chrono::milliseconds life,
        std::chrono::milliseconds keep_tags) override;
    task<sidecache::result<sidecache::store::ended>> end(
        sidecache::store::mutation_id id,
        std::span<sidecache::store::end_mark const> marks,
        std::chrono::milliseconds life,
        std::chrono::milliseconds keep_tags) override;
    task<sidecache::result<void>> publish(std::string_view payload) override;
    std::optional<sidecache::store::id128> server() const override { return inner_->server(); }
    sidecache::store::store_status status() const override { return inner_->status(); }

private:
    struct held {
        std::string command;
        bool reply;
        std::shared_ptr<door> at;
    };
    std::shared_ptr<door> add(std::string command, bool reply);
    task<void> pass(std::string_view command, bool reply);
    std::optional<error> failure_of(std::string_view command) const;

    executor executor_;
    std::unique_ptr<sidecache::store::store> inner_;
    std::vector<held> doors_;                     // not reached yet
    std::vector<std::shared_ptr<door>> reached_;  // reached: somebody may wait there
};

}  // namespace sidecache::test
