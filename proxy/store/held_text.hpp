#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sidecache::store {

/// Bytes that stay where they are while this, or a copy of it, is there: a string of their own, or
/// a piece of something larger, such as what was read from the network. In the second case its
/// worker's alone; whoever keeps them for long, or hands them to another thread, takes `own`.
class held_text {
public:
    held_text() = default;
    held_text(std::nullptr_t) {}
    held_text(std::shared_ptr<std::string const> whole)
        : text_(whole ? std::string_view(*whole) : std::string_view()),
          is_whole_(true),
          owner_(std::move(whole)) {}
    /// REQUIRES: `text` lies in what `owner` keeps alive.
    held_text(std::shared_ptr<void const> owner, std::string_view text)
        : text_(text), owner_(std::move(owner)) {}

    explicit operator bool() const { return owner_ != nullptr; }
    friend bool operator==(held_text const& t, std::nullptr_t) { return t.owner_ == nullptr; }
    std::string_view operator*() const { return text_; }
    std::string_view const* operator->() const { return &text_; }
    void reset() { *this = held_text(); }

    /// The bytes as a string of their own: this one, where it is one; else a copy. Null when there
    /// are none.
    std::shared_ptr<std::string const> own() const {
        if (is_whole_ || owner_ == nullptr) {
            return std::static_pointer_cast<std::string const>(owner_);
        }
        return std::make_shared<std::string const>(text_);
    }

private:
    std::string_view text_;
    bool is_whole_ = false;
    std::shared_ptr<void const> owner_;
};

}  // namespace sidecache::store
