#include "proxy/command/suggest.hpp"

#include "config/nearest.hpp"
#include "proxy/command/print.hpp"

#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace sidecache::command {
namespace {

command_info const* find(grammar const& all, std::string_view name) {
    auto const found = std::ranges::find(all.commands, name, &command_info::name);
    return found == all.commands.end() ? nullptr : &*found;
}

std::string meant(std::string_view typed, std::vector<std::string_view> const& candidates) {
    auto const near = config::nearest(typed, candidates);
    return near ? "did you mean `" + std::string(*near) + "`?" : std::string();
}

}  // namespace

std::string unknown_command(grammar const& all, std::vector<std::string> const& typed) {
    if (typed.empty() || typed.front().starts_with('-') || find(all, typed.front()) != nullptr ||
        ::access(typed.front().c_str(), F_OK) == 0) {
        return {};
    }
    auto const& word = typed.front();
    std::vector<std::string_view> names;
    for (auto const& c : all.commands) {
        names.push_back(c.name);
    }
    auto const hint = meant(word, names);
    bool const is_like_a_file = word.find_first_of("./") != std::string::npos;
    if (hint.empty() && is_like_a_file) {
        return {};  // `run` says that it cannot be read
    }
    return "there is no command `" + harmless(word) + "`, and no file of that name; " +
           (hint.empty() ? "sidecache --help shows what there is" : hint);
}

std::string unknown_option(grammar const& all, std::vector<std::string> const& typed) {
    command_info const* command = typed.empty() ? nullptr : find(all, typed.front());
    auto const& known = command == nullptr ? all.top : *command;
    std::vector<std::string_view> names;
    for (auto const& o : known.options) {
        names.insert(names.end(), o.names.begin(), o.names.end());
    }
    for (std::string_view const word : typed) {
        auto const name = word.substr(0, word.find('='));
        if (word == "--") {
            break;
        }
        if (!name.starts_with("--") || std::ranges::find(names, name) != names.end()) {
            continue;
        }
        auto const hint = meant(name, names);
        return "there is no option `" + harmless(name) + "`; " +
               (hint.empty() ? "sidecache " + (known.name == all.top.name ? "" : known.name + " ") +
                                   "--help shows what there is"
                             : hint);
    }
    return {};
}

}  // namespace sidecache::command
