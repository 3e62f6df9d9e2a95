#pragma once

#include "proxy/command/paint.hpp"

#include <string>

namespace sidecache::config {
struct model;
}

namespace sidecache::command {

struct check_options {
    std::string file;
    bool json = false;
    color colored = color::automatic;
};

/// `sidecache check FILE`: prints every finding, then what the rules and purges come to. Asks no
/// store and no backend. Returns 0, or 1 when there is an error.
int check(check_options const& asked);

/// `sidecache check --dump FILE`: the effective configuration as YAML on stdout, without secrets;
/// findings on stderr. Returns 0, or 1 when there is an error, and then prints no configuration.
int dump(std::string const& file);

/// What a configuration does, rule by rule: match, key, ttl, sharing, tags, and which purges reach
/// its entries.
std::string summary(config::model const& m);

}  // namespace sidecache::command
