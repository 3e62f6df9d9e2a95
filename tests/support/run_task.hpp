#pragma once

#include "proxy/async/task.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sidecache::test {

/// Runs a coroutine to its end on `context` and returns its value; what it throws is thrown here.
/// Throws std::logic_error when the context runs out of work before: the coroutine waits for
/// something that nobody will do.
template <class T>
T run_task(asio::io_context& context, task<T> work) {
    std::optional<T> value;
    std::exception_ptr error;
    bool ended = false;
    asio::co_spawn(context, std::move(work), [&](std::exception_ptr e, T v) {
        error = e;
        value.emplace(std::move(v));
        ended = true;
    });
    context.restart();
    while (!ended && context.run_one() != 0) {
    }
    if (error) {
        std::rethrow_exception(error);
    }
    if (!ended) {
        throw std::logic_error("the coroutine did not end");
    }
    return std::move(*value);
}

inline void run_task(asio::io_context& context, task<void> work) {
    std::exception_ptr error;
    bool ended = false;
    asio::co_spawn(context, std::move(work), [&](std::exception_ptr e) {
        error = e;
        ended = true;
    });
    context.restart();
    while (!ended && context.run_one() != 0) {
    }
    if (error) {
        std::rethrow_exception(error);
    }
    if (!ended) {
        throw std::logic_error("the coroutine did not end");
    }
}

}  // namespace sidecache::test
