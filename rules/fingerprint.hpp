#pragma once

#include "rules/definition.hpp"

#include <string>

namespace sidecache::rules {

/// 16 hex digits over all that decides which tags a request has and which tags a mutation changes
/// (protocol.md section 3.8). Lifetimes and limits are left out: a change of those alone needs no
/// care at a reload.
std::string fingerprint_of(definition const& text);

}  // namespace sidecache::rules
