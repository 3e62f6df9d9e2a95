#pragma once

#include "config/init/openapi.hpp"
#include "config/init/write.hpp"
#include "config/report.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sidecache::config::init {

struct made {
    std::string yaml;
    std::size_t rules = 0;
    std::size_t purges = 0;
    std::size_t left_out = 0;  // routes, reads and writes
};

/// A configuration to start from, for the API that an OpenAPI file describes (openapi.hpp says what
/// is read of it). What comes out has been loaded once: it has no error. Nullopt when the file
/// cannot be used, and then `out` says why; warnings come with a result as well.
std::optional<made> make(std::string_view openapi,
                         reading const& how,
                         surroundings const& around,
                         report& out);

}  // namespace sidecache::config::init
