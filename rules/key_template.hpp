#pragma once

#include "rules/escape.hpp"
#include "rules/template_error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::rules {

/// What stands between two ':' of a key template or pattern: a literal; one variable, possibly with
/// literal text around it; or, in patterns, any one segment.
struct segment {
    enum class kind : std::uint8_t { literal, variable, any };
    kind what = kind::literal;
    std::string prefix;  ///< the whole text of a literal
    std::size_t variable = 0;
    std::string suffix;

    friend bool operator==(segment const&, segment const&) = default;
};

/// Bounds that keep per-segment sets in one machine word and render on the stack.
inline constexpr std::size_t max_key_segments = 64;
inline constexpr std::size_t max_variables = 32;

/// `product:{id}:details`. A segment holds at most one variable: with two, different values could
/// render to one key. Values never hold ':' (escape.hpp), so a rendered key has exactly the
/// template's segments. Immutable; any thread.
struct key_template {
    std::vector<segment> segments;
    /// Names, in the order of their first use; `segment::variable` is an index into it.
    std::vector<std::string> variables;

    static std::variant<key_template, template_error> parse(std::string_view text);

    /// Appends the key. `append(out, i)` appends the escaped value of `variables[i]`;
    /// `end_of_segment(position in out)` is told where each segment ends.
    template <class Append, class EndOfSegment>
    void render_to(std::string& out, Append append, EndOfSegment end_of_segment) const {
        bool first = true;
        for (auto const& s : segments) {
            if (!first) {
                out += ':';
            }
            first = false;
            if (!s.prefix.empty()) {
                out += s.prefix;
            }
            if (s.what == segment::kind::variable) {
                append(out, s.variable);
                if (!s.suffix.empty()) {
                    out += s.suffix;
                }
            }
            end_of_segment(out.size());
        }
    }

    template <class Append>
    void render_to(std::string& out, Append append) const {
        render_to(out, append, [](std::size_t) {});
    }
};

/// Renders with given values, one for each of `variables`, escaping them.
std::string render(key_template const& t, std::vector<std::string> const& values);

enum class stars : std::uint8_t { forbidden, allowed };
enum class escapes : std::uint8_t {
    forbidden,  ///< an author's template: literals hold no syntax at all
    allowed,    ///< a rendered text: values in it are already escaped, and there are no variables
};

/// The grammar that key templates and patterns share.
struct segmented {
    std::vector<segment> segments;
    std::vector<std::string> variables;
    bool rest = false;  ///< it ended with '*'
};
std::variant<segmented, template_error> parse_segments(std::string_view text, stars s, escapes e);

}  // namespace sidecache::rules
