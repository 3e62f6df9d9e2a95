#include "proxy/async/scope.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <cassert>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

namespace sidecache {

std::function<void(std::string_view, std::string_view)> scope::on_exception =
    [](std::string_view what, std::string_view error) {
        std::fprintf(stderr,
                     "sidecache: %.*s ended in an exception: %.*s\n",
                     static_cast<int>(what.size()),
                     what.data(),
                     static_cast<int>(error.size()),
                     error.data());
    };

namespace {

// A cancelled child sees operation_aborted from what it waits for, like any other error; without
// this every later co_await of it would throw (Asio: throw_if_cancelled).
task<void> without_throwing(task<void> child) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await std::move(child);
}

}  // namespace

scope::scope(executor const& ex)
    : executor_(ex), emptied_(ex, std::chrono::steady_clock::time_point::max()) {}

scope::~scope() {
    assert(children_.empty() && "join a scope before it goes: its children refer to it");
}

void scope::spawn(std::string_view what, task<void> child) {
    children_.emplace_back();
    auto const self = std::prev(children_.end());
    auto ended = [this, self, what](std::exception_ptr const& error) {
        if (error) {
            try {
                std::rethrow_exception(error);
            } catch (std::exception const& e) {
                on_exception(what, e.what());
            } catch (...) {
                on_exception(what, "not a std::exception");
            }
        }
        children_.erase(self);
        if (children_.empty()) {
            emptied_.cancel();
        }
    };
    asio::co_spawn(executor_,
                   without_throwing(std::move(child)),
                   asio::bind_cancellation_slot(self->slot(), std::move(ended)));
}

void scope::cancel() {
    for (auto child = children_.begin(); child != children_.end();) {
        auto const present = child++;  // emitting may end the child and erase it
        present->emit(asio::cancellation_type::terminal);
    }
}

task<void> scope::join() {
    while (!children_.empty()) {
        auto [ec] = co_await emptied_.async_wait(as_tuple);
        (void)ec;
    }
}

}  // namespace sidecache
