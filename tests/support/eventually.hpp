#pragma once

#include <poll.h>

#include <chrono>

namespace sidecache::tests {

/// Asks `condition` again and again until it is true; false when `patience` is over. For what
/// another process does in its own time and announces to nobody: the wait ends with the event.
template <class Condition>
bool eventually(Condition const& condition,
                std::chrono::milliseconds patience = std::chrono::seconds(15)) {
    auto const until = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) {
            return false;
        }
        ::poll(nullptr, 0, 2);  // leaves the core to who is waited for
    }
    return true;
}

}  // namespace sidecache::tests
