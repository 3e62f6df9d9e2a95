#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace sidecache::cache {

/// What near caches of this process have been told to forget (protocol.md sections 3.3 and 4), for
/// all workers at once. One rule makes a near entry valid, at its insertion as on every hit:
///
///     since the ticket that was taken before its store read was *sent*, none of its tags
///     has been dropped and nothing was cleared.
///
/// A drop thus reaches entries that are held in any thread, reads that are under way, and tags of
/// which nothing is held, all by the same comparison, and has done so when it returns: it may be
/// acknowledged at once.
///
/// How: drops are numbered. A table of fixed size holds, in a tag's place (by hash), the number of
/// the last drop there; a ticket is the number of the last drop that had begun. There is nothing to
/// register, to free or to overflow. Two tags that share a place are dropped together: that costs
/// the other one's entries a read of the store each, and nothing else.
///
/// REQUIRES of whoever drops: what the drop is about has happened in the store *before* (its
/// marker stands, its generation is new). A reader that took its ticket after the drop began then
/// reads the store after that, too.
///
/// Any thread; no locks.
class near_tags {
public:
    /// Places in the table (8 bytes each). At 1,000 tags dropped a second an entry with five tags
    /// loses a strangers' game once in 26 s.
    static constexpr std::size_t places = 1U << 17;
    using place = std::uint32_t;
    using ticket = std::uint64_t;

    near_tags();
    near_tags(near_tags const&) = delete;
    near_tags& operator=(near_tags const&) = delete;

    /// For a read of the store that is about to be sent.
    ticket now() const noexcept { return begun_.load(std::memory_order_acquire); }

    /// Forgets everything under these tags, held or on its way.
    void drop(std::span<std::string_view const> tags) noexcept;
    /// Forgets everything, and voids every insertion under way: the lease was lost, messages may
    /// have been missed, another server answers.
    void clear() noexcept;

    static place place_of(std::string_view tag) noexcept;
    /// Whether an entry of that ticket has lost none of its tags since.
    bool stands(ticket since, std::span<place const> tags) const noexcept {
        if (cleared_.load(std::memory_order_acquire) > since) {
            return false;
        }
        for (auto const tag : tags) {
            if (dropped_[tag].load(std::memory_order_acquire) > since) {
                return false;
            }
        }
        return true;
    }
    /// Changes with every drop, after it has taken effect: what stood at a reading of this stands
    /// as long as it reads the same. REQUIRES: read *before* `stands` is asked.
    std::uint64_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }

private:
    // Apart from each other: hits read `changes_` only, and it moves only with a drop.
    alignas(64) std::atomic<std::uint64_t> begun_{0};
    alignas(64) std::atomic<std::uint64_t> changes_{0};
    std::atomic<std::uint64_t> cleared_{0};
    std::unique_ptr<std::atomic<std::uint64_t>[]> const dropped_;
};

}  // namespace sidecache::cache
