#pragma once

#include "proxy/async/scope.hpp"
#include "proxy/async/task.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <string_view>
#include <utility>

namespace sidecache::store {

/// Starts a coroutine that owns everything it refers to and ends by itself once its node is
/// stopped; an exception is reported like that of a scope's child. `what`: a literal.
inline void spawn(executor const& ex, std::string_view what, task<void> work) {
    auto ended = [what](std::exception_ptr const& error) {
        if (!error) {
            return;
        }
        try {
            std::rethrow_exception(error);
        } catch (std::exception const& e) {
            scope::on_exception(what, e.what());
        } catch (...) {
            scope::on_exception(what, "not a std::exception");
        }
    };
    asio::co_spawn(ex, std::move(work), std::move(ended));
}

}  // namespace sidecache::store
