#pragma once

#include <string>
#include <vector>

namespace sidecache::command {

struct init_options {
    std::string file;    // OpenAPI; "-": stdin
    std::string output;  // empty: stdout
    std::string upstream;
    std::string store;
    std::string base;
    bool has_base = false;
    std::vector<std::string> only;
    bool force = false;  // over a file that exists
};

/// `sidecache init OPENAPI_FILE`: writes a configuration to start from. Findings, and what to do
/// next, go to stderr. Returns 0, 1 when the file cannot be used or written, 2 for options that
/// make no sense.
int init(init_options const& asked);

}  // namespace sidecache::command
