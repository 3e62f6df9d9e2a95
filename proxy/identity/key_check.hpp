#pragma once

#include "config/load.hpp"

namespace sidecache::identity {

/// Reads the keys that a configuration names, for whoever is about to use it: a file that is
/// missing or cannot be used becomes an error at the place that names it, and then there is no
/// configuration; what its author should know of it becomes a warning.
void check_keys(config::loaded& what, std::string const& config_file);

}  // namespace sidecache::identity
