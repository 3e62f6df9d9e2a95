#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/cache/near_tags.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::rules {
struct decision;
struct rule;
}  // namespace sidecache::rules

namespace sidecache::cache {

/// Names an entry beyond its life: `near_cache::find_again` tells whether it is still there.
struct near_name {
    std::uint64_t hash = 0;
    std::uint64_t serial = 0;
};

/// A response held in memory, ready to be written: head and body lie in the bytes of the store's
/// entry, which are kept alive; what was a piece of a larger reply is copied once. One worker only.
///
/// Its times are by CLOCK_BOOTTIME, taken before its store read was sent: what a hit needs is one
/// reading of one clock, and a system clock that is set neither revives nor ages it.
class near_entry {
public:
    /// "HTTP/1.1 200 OK\r\n" and every field line, without the empty one.
    std::string_view head() const { return part(head_); }
    std::string_view body() const { return part(body_); }
    std::string_view full_key() const { return part(key_); }
    unsigned status() const { return status_; }
    /// The request fields that it was selected by, with their values.
    std::span<std::pair<std::string_view, std::string_view> const> vary() const { return vary_; }
    near_name name() const { return {hash_, serial_}; }
    /// RFC 9111 section 4.2.3.
    std::uint64_t age_seconds(boot_clock::time_point now) const {
        return initial_age_ +
               static_cast<std::uint64_t>(
                   std::chrono::duration_cast<std::chrono::seconds>(now - fetched_).count());
    }
    /// Whether less than that is left of its life.
    bool is_due(std::chrono::milliseconds ahead, boot_clock::time_point now) const {
        return fresh_until_ - now < ahead;
    }
    /// Whether it carries tags beside those that its request tells: of its groups.
    bool has_more_tags(std::size_t of_request) const { return tags_.size() > of_request; }
    /// Remaining freshness, rounded down.
    std::int64_t ttl_seconds(boot_clock::time_point now) const {
        return std::chrono::duration_cast<std::chrono::seconds>(fresh_until_ - now).count();
    }

private:
    friend class near_cache;
    friend class near_hold;
    friend class near_queue;

    /// A piece of `bytes_`. Entries of 4 GiB do not get in here.
    struct piece {
        std::uint32_t at = 0;
        std::uint32_t size = 0;
    };
    /// Whether it was judged by those rules, and carries the tags that they give the request.
    bool answers(rules::decision const& wanted, std::uint64_t snapshot) const;
    std::string_view part(piece p) const { return {text_ + p.at, p.size}; }

    // What a hit looks at comes first, in as few cache lines as it fits in.
    near_entry* next_ = nullptr;  // of the same bucket
    std::uint64_t serial_ = 0;    // no other entry of its cache ever has it
    std::uint64_t hash_ = 0;
    std::uint64_t checked_ = 0;     // `near_tags::changes` when its tags were last looked at
    boot_clock::time_point until_;  // fresh, and before any intent's deadline
    boot_clock::time_point fetched_;
    boot_clock::time_point fresh_until_;
    char const* text_ = nullptr;  // of `bytes_`
    piece head_;
    piece body_;
    std::uint32_t initial_age_ = 0;
    std::uint32_t holders_ = 0;
    std::uint16_t status_ = 0;
    std::uint8_t hits_ = 0;  // saturates at 3
    bool in_main_ = false;
    bool gone_ = false;  // evicted or dropped: the last holder frees it

    piece key_;
    std::shared_ptr<std::string const> bytes_;
    near_entry* older_ = nullptr;  // in its queue
    near_entry* newer_ = nullptr;
    near_tags::ticket since_ = 0;
    std::uint64_t snapshot_ = 0;  // whose rules it was judged under
    rules::rule const* rule_ = nullptr;
    std::vector<piece> tags_;               // of the request, in its order; of its groups
    std::vector<near_tags::place> places_;  // one a tag
    std::vector<std::pair<std::string_view, std::string_view>> vary_;  // views of `bytes_`
    std::uint32_t weight_ = 0;
};

/// Keeps an entry while its bytes are being written, though it may be evicted or dropped meanwhile.
/// Counts without an atomic: it never leaves its worker. The cache may go first.
class near_hold {
public:
    near_hold() = default;
    explicit near_hold(near_entry& e) : entry_(&e) { ++e.holders_; }
    near_hold(near_hold&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    near_hold& operator=(near_hold&& other) noexcept {
        std::swap(entry_, other.entry_);
        return *this;
    }
    ~near_hold() {
        if (entry_ != nullptr && --entry_->holders_ == 0 && entry_->gone_) {
            delete entry_;
        }
    }
    explicit operator bool() const { return entry_ != nullptr; }
    near_entry const& operator*() const { return *entry_; }
    near_entry const* operator->() const { return entry_; }

private:
    near_entry* entry_ = nullptr;
};

}  // namespace sidecache::cache
