#pragma once

#include "proxy/command/admin_client.hpp"
#include "proxy/command/paint.hpp"
#include "proxy/command/stats_rate.hpp"

#include <string>
#include <string_view>

namespace sidecache::command {

/// `sidecache stats`: what a running sidecache says of itself. Returns 0, or 1 when nobody
/// answered.
int stats(admin_address const& where, bool as_json, color colored);

/// The admin port's /stats as a table for people; with rates, what comes in a second as well.
std::string stats_text(std::string_view reply, stats_rates const* rates = nullptr);

}  // namespace sidecache::command
