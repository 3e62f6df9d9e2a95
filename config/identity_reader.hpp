#pragma once

#include "config/identity.hpp"
#include "config/section.hpp"

#include <optional>

namespace sidecache::config {

/// Reads `identity:`; nullopt where the file has none.
std::optional<identity> read_identity(section& top);

}  // namespace sidecache::config
