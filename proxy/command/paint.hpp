#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// Colour for people at a terminal; for everybody else the same text without.
namespace sidecache::command {

enum class color : std::uint8_t { automatic, always, never };

/// `auto`, `always` or `never`.
std::optional<color> parse_color(std::string_view word);

using variable = std::function<std::optional<std::string>(std::string_view name)>;

/// What was said on the command line wins; then NO_COLOR (https://no-color.org), then
/// CLICOLOR_FORCE, then whether the output is a terminal that can.
bool is_colored(color wish, bool is_terminal, variable const& environment);

/// The same for what this process writes to.
bool is_colored(color wish, int descriptor);

class paint {
public:
    explicit paint(bool is_on) : is_on_(is_on) {}

    bool is_on() const { return is_on_; }
    std::string bold(std::string_view text) const { return in("1", text); }
    std::string dim(std::string_view text) const { return in("2", text); }
    std::string error(std::string_view text) const { return in("1;31", text); }
    std::string warning(std::string_view text) const { return in("1;33", text); }
    std::string good(std::string_view text) const { return in("32", text); }

    /// Text of lines as print.hpp writes them: what begins at the margin in bold, labels dimmed.
    std::string labels(std::string_view text) const;

private:
    std::string in(std::string_view code, std::string_view text) const;
    bool is_on_;
};

}  // namespace sidecache::command
