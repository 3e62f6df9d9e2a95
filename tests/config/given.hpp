#pragma once

#include "config/load.hpp"

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

/// What the tests of this folder begin with: a file's text and an environment.
namespace sidecache::tests {

using variables = std::map<std::string, std::string, std::less<>>;

inline config::environment environment_of(variables set) {
    return [set = std::move(set)](std::string_view name) -> std::optional<std::string> {
        auto const found = set.find(name);
        return found == set.end() ? std::nullopt : std::optional(found->second);
    };
}

inline config::loaded load(std::string_view yaml, variables set = {}) {
    return config::load_text(yaml, "sidecache.yaml", environment_of(std::move(set)));
}

/// A file of config/.
inline std::string shipped(std::string const& name) {
    std::ifstream in(std::string(SIDECACHE_CONFIG_DIR) + "/" + name);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

/// Every finding as it is printed, one a line.
inline std::string findings_of(config::loaded const& loaded) {
    std::string out;
    for (auto const& f : loaded.findings) {
        out += (out.empty() ? "" : "\n") + f.print();
    }
    return out;
}

/// A rule and a purge that are right, for files about something else.
inline constexpr std::string_view one_rule = R"(
rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m}
purges:
  - {name: changed, on: "PUT /products/{id}", patterns: ["product:{id}"]}
)";

}  // namespace sidecache::tests
