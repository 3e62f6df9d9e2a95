#pragma once

#include "proxy/command/check.hpp"
#include "proxy/command/explain.hpp"
#include "proxy/command/init.hpp"
#include "proxy/command/purge.hpp"
#include "proxy/command/warm.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <string>

namespace sidecache::command {

/// What was typed; CLI11 fills it in.
struct typed {
    std::string file;
    check_options check;
    explain_options explain;
    std::string body;
    init_options init;
    purge_options purge;
    std::string key;
    std::string rule;
    std::string group;
    warm_options warm;
    admin_address drained;
    admin_address stats_from;
    double watch_seconds = 2;
    unsigned samples = 0;
    std::string colored = "auto";
    std::string shell;
    bool json = false;
    bool dump = false;
    bool connect = false;
};

/// Every command with its arguments, options and help, bound to `in`, which outlives it.
std::unique_ptr<CLI::App> command_table(typed& in);

}  // namespace sidecache::command
