#pragma once

#include "config/model.hpp"
#include "config/section.hpp"

namespace sidecache::config {

/// What no value alone can tell: values that contradict each other are errors, those that rarely
/// do what their author wants are warnings. `where` holds the places of the values that the file
/// gives; what it does not give has its default.
void check_settings(model const& m, places const& where, report& out);

}  // namespace sidecache::config
