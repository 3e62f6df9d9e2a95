#pragma once

#include "config/load.hpp"

#include <string>

namespace sidecache::command {

/// What `check` has found, and what the file does, for programs (README.md of this folder).
std::string check_json(std::string const& file, config::loaded const& loaded);

}  // namespace sidecache::command
