#include "proxy/command/paint.hpp"

#include "proxy/command/print.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace sidecache::command {

std::optional<color> parse_color(std::string_view word) {
    if (word == "auto") {
        return color::automatic;
    }
    if (word == "always") {
        return color::always;
    }
    return word == "never" ? std::optional(color::never) : std::nullopt;
}

bool is_colored(color wish, bool is_terminal, variable const& environment) {
    if (wish != color::automatic) {
        return wish == color::always;
    }
    auto const says = [&](std::string_view name) { return environment(name).value_or(""); };
    if (!says("NO_COLOR").empty()) {
        return false;
    }
    if (auto const force = says("CLICOLOR_FORCE"); !force.empty() && force != "0") {
        return true;
    }
    return is_terminal && says("TERM") != "dumb";
}

bool is_colored(color wish, int descriptor) {
    return is_colored(wish, ::isatty(descriptor) == 1, [](std::string_view name) {
        auto const* value =
            std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe)
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    });
}

std::string paint::in(std::string_view code, std::string_view text) const {
    return is_on_ ? "\x1B[" + std::string(code) + "m" + std::string(text) + "\x1B[0m"
                  : std::string(text);
}

std::string paint::labels(std::string_view text) const {
    std::string out;
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        auto const line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with("    ") && line.size() > value_column) {
            out += dim(line.substr(0, value_column)) + std::string(line.substr(value_column));
        } else {
            out += line.empty() || line.starts_with(' ') ? std::string(line) : bold(line);
        }
        out += '\n';
    }
    return out;
}

}  // namespace sidecache::command
