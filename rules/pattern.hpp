#pragma once

#include "rules/key_template.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::rules {

/// What a purge names: a key template that may hold `*` (design.md section 1). Between ':' it
/// stands for one whole segment. At the very end it stands for any rest from a segment boundary
/// on: `product:{id}*` covers `product:1` and `product:1:details`, never `product:12`;
/// `products:org:{orgId}:*` covers what goes on behind that last ':'. Immutable; any thread.
struct pattern {
    std::vector<segment> segments;
    std::vector<std::string> variables;
    /// Any further segments, none included. Always set when the last segment is any: that is what
    /// `a:*` means.
    bool rest = false;

    static std::variant<pattern, template_error> parse(std::string_view text);
    /// Reads a pattern whose values stand in it, escaped: what an operator types, or a tag.
    static std::variant<pattern, template_error> parse_rendered(std::string_view text);

    /// The variables of `mask` (bit i: `variables[i]`) become '*', and with each its whole segment.
    pattern widened(std::uint64_t mask) const;

    /// Appends the pattern's text; `append(out, i)` appends the escaped value of `variables[i]`.
    template <class Append>
    void render_to(std::string& out, Append append) const {
        for (std::size_t i = 0; i < segments.size(); ++i) {
            auto const& s = segments[i];
            if (i != 0) {
                out += ':';
            }
            if (s.what == segment::kind::any) {
                out += '*';
                continue;
            }
            out += s.prefix;
            if (s.what == segment::kind::variable) {
                append(out, s.variable);
                out += s.suffix;
            }
        }
        if (rest && segments.back().what != segment::kind::any) {
            out += '*';
        }
    }

    /// For people: variables as `{name}`.
    std::string text() const;
};

/// Renders with given values, one for each of `variables`, escaping them.
std::string render(pattern const& p, std::vector<std::string> const& values);

/// Whether a rendered pattern covers a rendered key (without its partition).
bool matches(pattern const& rendered, std::string_view key);

}  // namespace sidecache::rules
