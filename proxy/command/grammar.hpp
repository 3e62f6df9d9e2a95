#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

/// The command line as data: read from what parses it, so that completion, the man page and
/// suggestions cannot say anything else.
namespace sidecache::command {

/// FILE, METHOD...
struct argument {
    std::string name;
    std::string text;
    std::vector<std::string> choices;
    bool is_file = false;
    bool is_required = false;
};

/// --output FILE
struct option {
    std::vector<std::string> names;  // "-o", "--output"
    std::string value;               // "FILE"; empty: it takes none
    std::string text;
    std::string fallback;     // the default
    std::string environment;  // a variable that is taken otherwise
    std::vector<std::string> choices;
    bool is_file = false;
    bool may_stand_alone = false;  // the value may be left out
};

struct command_info {
    std::string name;
    std::string text;
    std::vector<std::string> examples;  // command lines
    std::vector<argument> arguments;
    std::vector<option> options;
};

struct grammar {
    command_info top;
    std::vector<command_info> commands;
};

grammar grammar_of(CLI::App const& app);

}  // namespace sidecache::command
