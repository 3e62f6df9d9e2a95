#pragma once

#include "config/load.hpp"
#include "config/problem.hpp"

#include <string>
#include <string_view>

namespace sidecache::config {

/// `${VAR}` and `${VAR:-default}` in one scalar, after YAML has been parsed: what a variable holds
/// is data, never syntax, and is not looked at again. A variable that is unset, or empty with a
/// default beside it, takes the default (as in a shell); the default may hold `${...}` itself and
/// ends at its own closing brace. Unset without a default is a problem that names it. `$${` is a
/// literal `${`; any other `$` stands for itself.
parsed<std::string> substitute(std::string_view text, environment const& env);

}  // namespace sidecache::config
