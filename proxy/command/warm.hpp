#pragma once

#include "proxy/command/admin_client.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sidecache::command {

struct warm_options {
    admin_address where;
    std::vector<std::string> paths;  // empty: what the configuration names
};

/// `sidecache warm [PATH...]`: has a running sidecache fetch them, and shows how far it is until it
/// is done. Returns 0 when all are, 1 when some could not be fetched, when another run is under
/// way, or when nobody answered.
int warm(warm_options const& asked);

/// One line of progress; `stats` is the admin port's JSON of a run.
std::string warm_text(std::string_view stats);

}  // namespace sidecache::command
