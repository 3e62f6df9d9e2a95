#pragma once

#include "config/init/proposal.hpp"

#include <string>

namespace sidecache::config::init {

/// What surrounds the rules.
struct surroundings {
    std::string source;                              // the OpenAPI file's name, for a comment
    std::string upstream = "http://127.0.0.1:3000";  // in use unless UPSTREAM_URL says another
    std::string store = "redis://127.0.0.1:6379/0";  // ... REDIS_URL
};

/// A configuration file with a comment for each rule and purge: why it is there, and what to check.
/// Nothing of the API's descriptions and examples comes into it. The same input gives the same
/// text.
std::string write(api const& all, proposal const& what, surroundings const& around);

}  // namespace sidecache::config::init
