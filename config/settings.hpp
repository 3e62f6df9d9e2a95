#pragma once

#include "config/model.hpp"
#include "config/section.hpp"

namespace sidecache::config {

/// Reads every key but `rules` and `purges` into the model.
void read_settings(section& top, model& out);

}  // namespace sidecache::config
