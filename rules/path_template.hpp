#pragma once

#include "rules/path_form.hpp"
#include "rules/template_error.hpp"

#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::rules {

/// Raw texts of a path template's variables in their order, views into the path.
struct path_captures {
    static constexpr std::size_t limit = 16;
    std::array<std::string_view, limit> values;
};

/// `/products/{id}/summary`, `/files/{rest*}`: literals and variables, segment by segment. A
/// variable takes one whole segment, or what stands between a literal prefix and suffix
/// (`{name}.json`); `{rest*}` at the end takes one or more. Immutable; any thread.
class path_template {
public:
    static std::variant<path_template, template_error> parse(std::string_view text);

    /// For reads: exact, case-sensitive, percent-encoding in normal form; an empty segment matches
    /// no variable.
    bool matches(path_segments const& path, path_captures& out) const {
        bool literally = false;
        return matches(path, out, literally);
    }
    /// `literally`: whether the literals of a path that matches stand in it as they are, nothing of
    /// them encoded.
    bool matches(path_segments const& path, path_captures& out, bool& literally) const;
    /// For mutations: literals without regard to case and encoding.
    bool matches_leniently(path_segments const& path, path_captures& out) const;

    /// Whether each path that `other` matches is matched by this one as well.
    bool covers(path_template const& other) const;

    std::vector<std::string> const& variables() const { return variables_; }
    /// As its author wrote it.
    std::string const& text() const { return text_; }
    /// Segments, the rest counting as one.
    std::size_t size() const { return segments_.size(); }
    bool has_rest() const { return has_rest_; }
    /// The literal that each matching path begins with; empty when it begins with a variable.
    std::string_view first_literal() const;

    /// Appends the path with the variables' values, in the order of `variables()`,
    /// percent-encoded where a path needs it.
    template <class Values>
    void render_to(std::string& out, Values const& values) const {
        std::size_t next = 0;
        for (auto const& s : segments_) {
            out += '/';
            out += s.prefix;
            if (s.is_variable) {
                append_path_value(out, values[next++], &s == &segments_.back() && has_rest_);
                out += s.suffix;
            }
        }
        if (segments_.empty()) {
            out += '/';
        }
    }

private:
    struct part {
        std::string prefix;  // the whole text of a literal
        std::string suffix;
        bool is_variable = false;
    };
    static void append_path_value(std::string& out, std::string_view value, bool keeps_slashes);
    template <class Equal, class HasAffixes>
    bool match(path_segments const& path,
               path_captures& out,
               Equal equal,
               HasAffixes affixes) const;
    static bool part_covers(part const& a, part const& b);

    std::string text_;
    std::vector<part> segments_;
    std::vector<std::string> variables_;
    bool has_rest_ = false;
};

/// "GET /products/{id}": a method and a path template.
struct route {
    std::string method;
    path_template path;
};
std::variant<route, template_error> parse_route(std::string_view text);

/// Whether text may name a variable: letters, digits and '_', not beginning with a digit.
bool is_variable_name(std::string_view text);

}  // namespace sidecache::rules
