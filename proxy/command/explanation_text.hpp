#pragma once

#include <string>

namespace sidecache::rules {
struct explanation;
}

namespace sidecache::command {

/// What the rules would do with a request, for people.
std::string explanation_text(rules::explanation const& e);

}  // namespace sidecache::command
