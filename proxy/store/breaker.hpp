#pragma once

#include "proxy/store/store.hpp"

#include <chrono>
#include <cstdint>

namespace sidecache::store {

/// Stops asking a store that fails (design.md section 7), as a machine: closed until `failures` in
/// a row, then open for `open_for`, then half-open: one caller tries, and its outcome decides. One
/// worker's; one thread.
class breaker {
public:
    using time_point = std::chrono::steady_clock::time_point;

    breaker(unsigned failures, std::chrono::milliseconds open_for);

    /// Whether the caller may ask now. True while half-open makes the caller the trial: it must
    /// report.
    bool admits(time_point now);
    void succeeded();
    void failed(time_point now);
    /// What became of a call, as one of the two; a call that the breaker itself refused is neither.
    void count(store_error outcome, time_point now);
    /// The store has shown itself without being asked by a request (a heartbeat's reply, a new
    /// connection): the next caller is the trial, however long the rest was meant to be.
    void shown_alive(time_point now);
    bool is_open() const { return state_ != state::closed; }

private:
    enum class state : std::uint8_t { closed, open, trial };

    unsigned const limit_;
    std::chrono::milliseconds const open_for_;
    state state_ = state::closed;
    unsigned failures_ = 0;
    /// While open: when the trial may start. During a trial: when it is given up as lost.
    time_point until_{};
};

}  // namespace sidecache::store
