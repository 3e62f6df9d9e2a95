#pragma once

#include "proxy/command/admin_client.hpp"

#include <string>
#include <string_view>

namespace sidecache::command {

/// `sidecache stats`: what a running sidecache says of itself. Returns 0, or 1 when nobody
/// answered.
int stats(admin_address const& where, bool as_json);

/// The admin port's /stats as a table for people.
std::string stats_text(std::string_view reply);

}  // namespace sidecache::command
