#include "proxy/command/completion.hpp"

#include <string>
#include <vector>

namespace sidecache::command {
namespace {

std::string joined(std::vector<std::string> const& words, std::string_view between = " ") {
    std::string out;
    for (auto const& word : words) {
        out += (out.empty() ? "" : std::string(between)) + word;
    }
    return out;
}

std::vector<std::string> names_of(grammar const& all) {
    std::vector<std::string> out;
    for (auto const& c : all.commands) {
        out.push_back(c.name);
    }
    return out;
}

std::vector<std::string> options_of(command_info const& c) {
    std::vector<std::string> out;
    for (auto const& o : c.options) {
        out.insert(out.end(), o.names.begin(), o.names.end());
    }
    return out;
}

// bash

/// `-o|--output) COMPREPLY=(...) ;;` for each option whose value can be completed or must not be.
std::string bash_values(command_info const& c) {
    std::string out;
    for (auto const& o : c.options) {
        if (o.value.empty() || o.may_stand_alone) {
            continue;
        }
        out += "                " + joined(o.names, "|") + ") ";
        if (!o.choices.empty()) {
            out += "COMPREPLY=($(compgen -W '" + joined(o.choices) + "' -- \"$current\"))";
        } else if (o.is_file) {
            out += "COMPREPLY=($(compgen -f -- \"$current\"))";
        } else {
            out += "COMPREPLY=()";
        }
        out += "; return ;;\n";
    }
    return out;
}

std::string bash_words(command_info const& c) {
    std::vector<std::string> words;
    bool files = false;
    for (auto const& a : c.arguments) {
        words.insert(words.end(), a.choices.begin(), a.choices.end());
        files = files || a.is_file;
    }
    std::string out =
        "                if [[ $current == -* ]]; then\n"
        "                    COMPREPLY=($(compgen -W '" +
        joined(options_of(c)) + "' -- \"$current\"))\n                else\n";
    out += "                    COMPREPLY=($(compgen -W '" + joined(words) + "' -- \"$current\")" +
           (files ? " $(compgen -f -- \"$current\")" : "") + ")\n                fi ;;\n";
    return out;
}

std::string bash(grammar const& all) {
    std::string out = R"(# bash completion of sidecache; made by `sidecache completion bash`.
_sidecache() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
        case $word in
)";
    out += "            " + joined(names_of(all), "|") + ") command=$word; break ;;\n";
    out += "        esac\n    done\n    compopt -o filenames 2> /dev/null\n    case $command in\n";
    for (auto const& c : all.commands) {
        out += "        " + c.name + ")\n            case $before in\n" + bash_values(c) +
               "                *)\n" + bash_words(c) + "            esac ;;\n";
    }
    out +=
        "        *)\n            if [[ $current == -* ]]; then\n"
        "                COMPREPLY=($(compgen -W '" +
        joined(options_of(all.top)) + "' -- \"$current\"))\n            else\n" +
        "                COMPREPLY=($(compgen -W '" + joined(names_of(all)) +
        "' -- \"$current\") $(compgen -f -- \"$current\"))\n            fi ;;\n";
    return out + "    esac\n}\ncomplete -F _sidecache sidecache\n";
}

// zsh

/// Inside '...[...]': what ends either is written otherwise.
std::string zsh_text(std::string_view text) {
    std::string out;
    for (char const c : text) {
        if (c == '\'') {
            out += "'\\''";
        } else if (c == '[' || c == ']' || c == ':' || c == '\\') {
            out += std::string("\\") + c;
        } else {
            out += c;
        }
    }
    return out;
}

std::string zsh_action(bool is_file, std::vector<std::string> const& choices) {
    return !choices.empty() ? "(" + joined(choices) + ")" : is_file ? "_files" : "";
}

std::string zsh_arguments(command_info const& c) {
    std::string out;
    for (auto const& o : c.options) {
        auto const behind =
            "[" + zsh_text(o.text) + "]" +
            (o.value.empty() ? ""
                             : std::string(o.may_stand_alone ? "::" : ":") + zsh_text(o.value) +
                                   ":" + zsh_action(o.is_file, o.choices));
        for (auto const& name : o.names) {
            out += " \\\n                '*" + name + behind + "'";
        }
    }
    for (auto const& a : c.arguments) {
        out += std::string(" \\\n                '") + (a.is_required ? ":" : "::") +
               zsh_text(a.name) + ":" + zsh_action(a.is_file, a.choices) + "'";
    }
    return out;
}

std::string zsh(grammar const& all) {
    std::string out = R"(#compdef sidecache
# zsh completion of sidecache; made by `sidecache completion zsh`.
_sidecache() {
    local -a commands
    commands=(
)";
    for (auto const& c : all.commands) {
        out += "        '" + c.name + ":" + zsh_text(c.text) + "'\n";
    }
    out += R"(    )
    if (( CURRENT == 2 )); then
        _describe -t commands command commands
        _files
        return
    fi
    local command=$words[2]
    words=("${(@)words[2,-1]}")
    (( CURRENT-- ))
    case $command in
)";
    for (auto const& c : all.commands) {
        out += "        " + c.name + ")\n            _arguments -s" + zsh_arguments(c) + " ;;\n";
    }
    return out +
           "    esac\n}\n"
           "if [ \"$funcstack[1]\" = _sidecache ]; then\n    _sidecache \"$@\"\n"
           "else\n    compdef _sidecache sidecache\nfi\n";
}

// fish

std::string fish_text(std::string_view text) {
    std::string out = "'";
    for (char const c : text) {
        out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    return out + "'";
}

std::string fish_option(option const& o) {
    std::string out;
    for (auto const& name : o.names) {
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!o.value.empty() && !o.may_stand_alone) {
        out += o.choices.empty() ? (o.is_file ? " -r -F" : " -x")
                                 : " -x -a " + fish_text(joined(o.choices));
    }
    return out + " -d " + fish_text(o.text) + "\n";
}

std::string fish(grammar const& all) {
    auto const none = "__fish_use_subcommand";
    std::string out = "# fish completion of sidecache; made by `sidecache completion fish`.\n";
    for (auto const& o : all.top.options) {
        out += std::string("complete -c sidecache -n ") + none + fish_option(o);
    }
    for (auto const& c : all.commands) {
        out += std::string("complete -c sidecache -n ") + none + " -a " + c.name + " -d " +
               fish_text(c.text) + "\n";
        auto const seen =
            "complete -c sidecache -n " + fish_text("__fish_seen_subcommand_from " + c.name);
        bool files = false;
        for (auto const& a : c.arguments) {
            files = files || a.is_file;
            if (!a.choices.empty()) {
                out += seen + " -a " + fish_text(joined(a.choices)) + " -d " + fish_text(a.name) +
                       "\n";
            }
        }
        if (!files) {
            out += seen + " -f\n";
        }
        for (auto const& o : c.options) {
            out += seen + fish_option(o);
        }
    }
    return out;
}

}  // namespace

std::optional<std::string> completion(grammar const& all, std::string_view shell) {
    if (shell == "bash") {
        return bash(all);
    }
    if (shell == "zsh") {
        return zsh(all);
    }
    return shell == "fish" ? std::optional(fish(all)) : std::nullopt;
}

}  // namespace sidecache::command
