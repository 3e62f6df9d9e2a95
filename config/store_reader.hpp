#pragma once

#include "config/model.hpp"
#include "config/section.hpp"

namespace sidecache::config {

/// Where the store is, and how one gets in: `url`, `password_file`, `tls`, `sentinel` of the
/// section `store`.
void read_store_access(section& s, store& out);

}  // namespace sidecache::config
