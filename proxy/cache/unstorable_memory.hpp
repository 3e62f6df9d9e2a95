#pragma once

#include "proxy/async/clock.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace sidecache::cache {

/// Remembers for some seconds which keys proved to be uncacheable (hit-for-miss). Bounded: one
/// place a hash, the newest wins, and what is forgotten costs one more coalesced fetch. A mistaken
/// hit (two keys of one 64-bit hash) costs coalescing, never correctness. Any thread, no lock.
class unstorable_memory {
public:
    static constexpr std::chrono::seconds remembered{5};
    static constexpr std::size_t places = 4096;

    void note(std::string_view key, boot_clock::time_point now = boot_clock::now()) {
        auto const hash = hash_of(key);
        auto& at = (*places_)[hash % places];
        at.hash.store(hash, std::memory_order_relaxed);
        at.until.store((now + remembered).time_since_epoch().count(), std::memory_order_relaxed);
    }
    bool holds(std::string_view key, boot_clock::time_point now = boot_clock::now()) const {
        auto const hash = hash_of(key);
        auto const& at = (*places_)[hash % places];
        return at.hash.load(std::memory_order_relaxed) == hash &&
               now.time_since_epoch().count() < at.until.load(std::memory_order_relaxed);
    }

private:
    struct place {
        std::atomic<std::uint64_t> hash{0};
        std::atomic<boot_clock::rep> until{0};
    };
    static std::uint64_t hash_of(std::string_view key) {
        return std::hash<std::string_view>{}(key);
    }
    std::unique_ptr<std::array<place, places>> places_ =
        std::make_unique<std::array<place, places>>();
};

}  // namespace sidecache::cache
