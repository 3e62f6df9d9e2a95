#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace sidecache::http {

/// Bytes that have been read and not yet been used, contiguous. Grows to what is asked of
/// it and never by itself. One thread.
class read_buffer {
public:
    static constexpr std::size_t smallest = 4'096;

    std::string_view data() const { return {bytes_.get() + begin_, end_ - begin_}; }
    /// The same, for a decoder that writes what it decodes over what it has read.
    std::span<char> held() { return {bytes_.get() + begin_, end_ - begin_}; }
    std::size_t size() const { return end_ - begin_; }
    bool empty() const { return begin_ == end_; }
    bool has_storage() const { return capacity_ != 0; }

    /// Room for at least `wanted` more bytes behind `data()`; read into it, then `commit`.
    std::span<char> prepare(std::size_t wanted) {
        if (empty()) {
            begin_ = end_ = 0;
        }
        if (capacity_ - end_ < wanted) {
            make_room(wanted);
        }
        return {bytes_.get() + end_, capacity_ - end_};
    }
    void commit(std::size_t count) { end_ += count; }
    void consume(std::size_t count) {
        begin_ += count;
        if (begin_ == end_) {
            begin_ = end_ = 0;
        }
    }
    /// Gives back what exceeds the smallest size, when nothing is held.
    void shrink() {
        if (empty() && capacity_ > smallest) {
            bytes_.reset();
            capacity_ = begin_ = end_ = 0;
        }
    }

private:
    void make_room(std::size_t wanted) {
        auto const held = size();
        if (capacity_ - held >= wanted) {
            std::memmove(bytes_.get(), bytes_.get() + begin_, held);
        } else {
            auto const capacity = std::max({held + wanted, capacity_ * 2, smallest});
            auto larger = std::make_unique_for_overwrite<char[]>(capacity);
            if (held != 0) {
                std::memcpy(larger.get(), bytes_.get() + begin_, held);
            }
            bytes_ = std::move(larger);
            capacity_ = capacity;
        }
        begin_ = 0;
        end_ = held;
    }

    std::unique_ptr<char[]> bytes_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace sidecache::http
