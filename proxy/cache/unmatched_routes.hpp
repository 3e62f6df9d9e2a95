#pragma once

#include <cstddef>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace sidecache::cache {

/// "POST /orders/{}/items": the method and the path with the segments folded that look like ids
/// (a digit in them, or 24 bytes and more), for a log line that names a route and no data.
std::string route_of(std::string_view method, std::string_view path);

/// Which unmatched routes have been told of already: a missing purge must be visible, once a
/// route. Bounded: behind `most` routes everything counts as told. Any thread.
class unmatched_routes {
public:
    explicit unmatched_routes(std::size_t most = 1'000) : most_(most) {}
    /// True the first time.
    bool is_new(std::string_view route);

private:
    std::size_t const most_;
    std::mutex mutex_;
    std::set<std::string, std::less<>> told_;
};

}  // namespace sidecache::cache
