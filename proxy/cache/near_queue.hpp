#pragma once

#include "proxy/cache/near_entry.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

/// The parts of S3-FIFO (near_cache.hpp says why): queues of entries and the memory of what left.
namespace sidecache::cache {

/// Entries in the order in which they came. Owns none. One worker only.
class near_queue {
public:
    void push(near_entry& e) {
        e.older_ = newest_;
        e.newer_ = nullptr;
        (newest_ != nullptr ? newest_->newer_ : oldest_) = &e;
        newest_ = &e;
        bytes_ += e.weight_;
        ++size_;
    }
    /// REQUIRES: it is in this queue.
    void remove(near_entry& e) {
        (e.older_ != nullptr ? e.older_->newer_ : oldest_) = e.newer_;
        (e.newer_ != nullptr ? e.newer_->older_ : newest_) = e.older_;
        bytes_ -= e.weight_;
        --size_;
    }
    /// Null: empty.
    near_entry* oldest() const { return oldest_; }
    std::size_t bytes() const { return bytes_; }
    std::size_t size() const { return size_; }

private:
    near_entry* oldest_ = nullptr;
    near_entry* newest_ = nullptr;
    std::size_t bytes_ = 0;
    std::size_t size_ = 0;
};

/// Which keys left not long ago, by their hash: the last one of each place. A wrong answer costs
/// an entry's place in the queue, no more.
class near_ghosts {
public:
    /// A power of two. Forgets everything.
    void resize(std::size_t places) { places_.assign(places, {}); }
    void note(std::uint64_t hash) { places_[place(hash)] = {mark(hash), ++last_}; }
    /// Whether it is among the last `most` that left. Takes it out.
    bool take(std::uint64_t hash, std::size_t most) {
        auto& p = places_[place(hash)];
        if (p.number == 0 || p.mark != mark(hash) || last_ - p.number >= most) {
            return false;
        }
        p = {};
        return true;
    }
    std::size_t bytes() const { return places_.size() * sizeof(ghost); }

private:
    struct ghost {
        std::uint32_t mark = 0;
        std::uint32_t number = 0;  // of its leaving; 0: nothing here
    };
    std::size_t place(std::uint64_t hash) const { return hash & (places_.size() - 1); }
    static std::uint32_t mark(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

    std::vector<ghost> places_;
    std::uint32_t last_ = 0;
};

}  // namespace sidecache::cache
