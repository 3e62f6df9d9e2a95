#pragma once

#include "config/model.hpp"
#include "config/report.hpp"
#include "rules/definition.hpp"

namespace sidecache::config {

/// What rules and purges take of an identity against what the file verifies: names that nobody
/// gives are errors; entries that more may share than their author seems to have meant are
/// warnings.
void check_identity(model const& m, rules::definition const& text, report& out);

}  // namespace sidecache::config
