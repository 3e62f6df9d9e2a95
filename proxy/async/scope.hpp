#pragma once

#include "proxy/async/task.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <string_view>

namespace sidecache {

/// The owner of spawned coroutines: counts them, cancels them, waits for the last one. One worker
/// only. A coroutine that ends in an exception is reported to `on_exception`, never dropped.
class scope {
public:
    explicit scope(executor const& ex);
    scope(scope const&) = delete;
    scope& operator=(scope const&) = delete;
    /// REQUIRES: empty(): join first.
    ~scope();

    /// Starts a child. `what` is a literal that names it in a log line should it throw.
    void spawn(std::string_view what, task<void> child);
    /// Asks every child to end: what it waits for at this moment ends with operation_aborted, once.
    /// A child that goes on regardless is not stopped; nothing throws.
    void cancel();
    /// Returns when no child is left.
    task<void> join();
    bool empty() const { return children_.empty(); }
    std::size_t size() const { return children_.size(); }

    /// Called with the name of the child and the text of its exception. Default: stderr.
    static std::function<void(std::string_view what, std::string_view error)> on_exception;

private:
    executor executor_;
    std::list<asio::cancellation_signal> children_;
    steady_timer emptied_;
};

}  // namespace sidecache
