#pragma once

#include "proxy/store/store.hpp"

#include <string>

namespace sidecache::store {

/// Why there is no connection that could be used, for the log and the status page.
struct connect_error {
    store_error code = store_error::unreachable;
    std::string text;
};

}  // namespace sidecache::store
