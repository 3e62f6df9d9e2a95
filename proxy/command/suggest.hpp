#pragma once

#include "proxy/command/grammar.hpp"

#include <string>
#include <vector>

namespace sidecache::command {

/// What to say of a first word that is neither a command nor a file, with the command that was
/// probably meant; empty when there is nothing wrong with it.
std::string unknown_command(grammar const& all, std::vector<std::string> const& typed);

/// What to say of an option that there is none of; empty when all are known.
std::string unknown_option(grammar const& all, std::vector<std::string> const& typed);

}  // namespace sidecache::command
