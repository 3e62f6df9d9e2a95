#pragma once

#include "config/identity.hpp"
#include "config/section.hpp"

namespace sidecache::config {

/// Reads `identity.jwt`. The file of keys is only named here: whoever serves reads it.
void read_jwt(section& s, jwt& out);

}  // namespace sidecache::config
