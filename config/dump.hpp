#pragma once

#include "config/load.hpp"

#include <string>

namespace sidecache::config {

/// The effective configuration as YAML: what the file says with its variables filled in, the
/// defaults of what it does not say, and `***` for every secret. Without secrets in it, it loads
/// again and means the same. REQUIRES: `from` was loaded without an error.
std::string dump(loaded const& from);

}  // namespace sidecache::config
