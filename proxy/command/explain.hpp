#pragma once

#include "proxy/command/paint.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sidecache::command {

struct explain_options {
    std::string file;
    std::string method;
    std::string uri;
    std::vector<std::string> headers;  // "Name: value"
    std::optional<std::string> body;
    std::vector<std::string> identity;  // "name=value": as if verified
    bool json = false;
    color colored = color::automatic;
};

/// `sidecache explain FILE METHOD URI`: what the rules would do with that request, without any
/// server. Returns 0; 1 when the file has an error; 2 for a request that is none.
int explain(explain_options const& asked);

}  // namespace sidecache::command
