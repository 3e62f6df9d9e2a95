#pragma once

#include "config/model.hpp"
#include "config/section.hpp"

namespace sidecache::config {

/// Reads `events`; nullopt where the file does not say it.
std::optional<events> read_events(section& top);

/// A stream needs a Redis.
void check_events(model const& m, places const& where, report& out);

}  // namespace sidecache::config
