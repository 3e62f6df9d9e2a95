#pragma once

#include "proxy/command/grammar.hpp"

#include <string>

namespace sidecache::command {

/// sidecache(1), for `man` and `groff -man`: every command, option and exit code.
std::string man_page(grammar const& all);

}  // namespace sidecache::command
