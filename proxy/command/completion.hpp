#pragma once

#include "proxy/command/grammar.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sidecache::command {

/// A script that completes sidecache's command line in `bash`, `zsh` or `fish`; nullopt for
/// another shell.
std::optional<std::string> completion(grammar const& all, std::string_view shell);

}  // namespace sidecache::command
