#include "proxy/command/grammar.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <array>
#include <sstream>
#include <string_view>
#include <utility>

namespace sidecache::command {
namespace {

using choices = std::vector<std::string>;

/// What may stand for these words.
choices choices_for(std::string_view word) {
    if (word == "WHEN") {
        return {"auto", "always", "never"};
    }
    if (word == "SHELL") {
        return {"bash", "zsh", "fish"};
    }
    if (word == "METHOD") {
        return {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    }
    return {};
}

bool is_file(std::string_view word) {
    return word == "FILE" || word.ends_with("_FILE");
}

/// The command lines of a footer: its lines that are set in.
std::vector<std::string> examples_in(std::string const& footer) {
    std::vector<std::string> out;
    std::istringstream lines(footer);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("  ")) {
            out.push_back(line.substr(2));
        }
    }
    return out;
}

void add(CLI::Option const& o, command_info& to) {
    if (o.get_positional() && !o.nonpositional()) {
        auto const name = o.get_name(true);
        to.arguments.push_back(
            {name, o.get_description(), choices_for(name), is_file(name), o.get_required()});
        return;
    }
    option out;
    for (auto const& name : o.get_snames()) {
        out.names.push_back("-" + name);
    }
    for (auto const& name : o.get_lnames()) {
        out.names.push_back("--" + name);
    }
    out.value = o.get_expected_max() == 0 ? "" : o.get_type_name();
    out.text = o.get_description();
    out.fallback = o.get_default_str();
    out.environment = o.get_envname();
    out.choices = choices_for(out.value);
    out.is_file = is_file(out.value);
    out.may_stand_alone = !out.value.empty() && o.get_expected_min() == 0;
    to.options.push_back(std::move(out));
}

/// Options of groups without a name count as the command's.
void collect(CLI::App const& from, command_info& to) {
    for (auto const* o : from.get_options()) {
        add(*o, to);
    }
    for (auto const* group : from.get_subcommands([](CLI::App const*) { return true; })) {
        if (group->get_name().empty() || group->get_name() == from.get_name()) {
            collect(*group, to);
        }
    }
}

command_info describe(CLI::App const& app) {
    command_info out{app.get_name(), app.get_description(), examples_in(app.get_footer()), {}, {}};
    collect(app, out);
    return out;
}

}  // namespace

grammar grammar_of(CLI::App const& app) {
    grammar out{describe(app), {}};
    for (auto const* sub : app.get_subcommands([](CLI::App const*) { return true; })) {
        if (!sub->get_name().empty()) {
            out.commands.push_back(describe(*sub));
        }
    }
    return out;
}

}  // namespace sidecache::command
