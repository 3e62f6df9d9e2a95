#pragma once

#include "proxy/command/admin_client.hpp"

#include <string>
#include <string_view>

namespace sidecache::command {

struct purge_options {
    admin_address where;
    std::string kind = "pattern";  // pattern, key or rule
    std::string name;
};

/// `sidecache purge PATTERN`: invalidates through a running sidecache, on every replica. Returns 0
/// once that is done, 1 when it was refused or nobody answered.
int purge(purge_options const& asked);

/// What a purge did, for people; `reply` is the admin port's JSON.
std::string purge_text(std::string_view reply);

}  // namespace sidecache::command
