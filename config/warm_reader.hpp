#pragma once

#include "config/model.hpp"
#include "config/section.hpp"

namespace sidecache::config {

/// Reads `warm`, and the file that it names; nullopt where the file does not say it. Lines of that
/// file are URIs; empty ones and those that begin with '#' are not looked at.
std::optional<warm> read_warm(section& top);

/// Warns of paths that no rule would store; after the rules were compiled.
void check_warm(model const& m, places const& where, report& out);

/// Whether a text is the target of a GET: "/products?page=1".
bool is_target(std::string_view text);

}  // namespace sidecache::config
