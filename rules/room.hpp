#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace sidecache::rules {

/// Room for at most `Most` items on the stack, of which only those that are there are set up:
/// clearing all of it would cost a request more than what it is for.
template <class T, std::size_t Most>
class room {
    static_assert(std::is_trivially_destructible_v<T>);

public:
    room() {}  // NOLINT(modernize-use-equals-default): the items are not set up
    /// `count` items as they are by default.
    explicit room(std::size_t count) {
        while (size_ < count) {
            add();
        }
    }
    room(room const&) = delete;
    room& operator=(room const&) = delete;
    ~room() = default;

    /// REQUIRES: !is_full().
    template <class... Arguments>
    T& add(Arguments&&... from) {
        return *std::construct_at(items_ + size_++, std::forward<Arguments>(from)...);
    }
    bool is_full() const { return size_ == Most; }
    std::size_t size() const { return size_; }
    T& operator[](std::size_t i) { return items_[i]; }
    T const& operator[](std::size_t i) const { return items_[i]; }
    T* begin() { return items_; }
    T const* begin() const { return items_; }
    T* end() { return items_ + size_; }
    T const* end() const { return items_ + size_; }
    std::span<T const> all() const { return {items_, size_}; }

private:
    std::size_t size_ = 0;
    union {
        T items_[Most];  // NOLINT(readability-identifier-naming): a private member, after all
    };
};

}  // namespace sidecache::rules
