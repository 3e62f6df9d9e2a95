#pragma once

#include "config/load.hpp"
#include "proxy/command/paint.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sidecache::command {

/// A finding for people: `FILE:LINE:COLUMN: error: ...`, and below it the line that it is about
/// with a mark under the place. A line that may hold a secret is not shown.
std::string finding_text(config::finding const& f, std::string_view source, paint const& p);

/// "2 errors, 1 warning", "no findings".
std::string verdict(std::vector<config::finding> const& findings, paint const& p);

}  // namespace sidecache::command
