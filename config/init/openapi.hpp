#pragma once

#include "config/init/api.hpp"
#include "config/report.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::config::init {

struct reading {
    /// Instead of the path of `servers` (OpenAPI) or `basePath` (Swagger).
    std::optional<std::string> base_path;
    /// Paths that begin so, base path included; empty: all.
    std::vector<std::string> only;
};

/// Reads OpenAPI 3.0 or 3.1, or Swagger 2.0, as YAML or JSON.
///
/// The file may come from anywhere: at most 16 MiB, a million values and 1000 routes are read;
/// references are followed inside the file, a bounded number of steps. What cannot be understood is
/// a warning with its line, and left out; nullopt only when it is no such file, and then `out` says
/// why.
std::optional<api> read_openapi(std::string_view text, reading const& how, report& out);

}  // namespace sidecache::config::init
