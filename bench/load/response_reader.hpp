#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace load {

/// Finds where an answer ends: Content-Length or chunks. It trusts the server, as a load generator
/// may.
class response_reader {
public:
    enum class state { head, body, chunks, done, broken };

    void begin() {
        state_ = state::head;
        held_.clear();
    }
    /// Takes what was received.
    void take(std::string_view bytes);
    /// Bytes of the body that are still to come and that nobody needs to look at.
    std::uint64_t to_skip() const { return state_ == state::body ? left_ : 0; }
    void skipped(std::uint64_t bytes) {
        left_ -= bytes;
        if (left_ == 0) {
            state_ = state::done;
        }
    }
    state now() const { return state_; }
    int status() const { return status_; }

private:
    void take_head();
    void take_chunks();

    state state_ = state::head;
    int status_ = 0;
    std::uint64_t left_ = 0;
    std::string held_;
};

}  // namespace load
