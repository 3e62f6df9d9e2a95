#include "rules/key_template.hpp"

#include "rules/path_template.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

bool is_literal(std::string_view text, escapes e) {
    if (e == escapes::allowed) {
        return unescaped(text).has_value();
    }
    return std::none_of(text.begin(), text.end(), is_syntax);
}

class parser {
public:
    parser(std::string_view text, stars s, escapes e) : text_(text), stars_(s), escapes_(e) {}

    std::variant<segmented, template_error> parse() {
        if (text_.empty()) {
            return template_error{"it is empty", "write it as in `product:{id}:details`"};
        }
        std::size_t begin = 0;
        for (;;) {
            auto const colon = text_.find(':', begin);
            bool const last = colon == std::string_view::npos;
            if (auto error = add(text_.substr(begin, last ? colon : colon - begin), last)) {
                return std::move(*error);
            }
            if (last) {
                return std::move(out_);
            }
            if (out_.segments.size() == max_key_segments) {
                return template_error{quoted(text_) + " has more than 64 segments", "use fewer"};
            }
            begin = colon + 1;
        }
    }

private:
    std::optional<template_error> add(std::string_view piece, bool last) {
        segment s;
        if (stars_ == stars::allowed && piece == "*") {
            s.what = segment::kind::any;
            out_.rest = last;
            out_.segments.push_back(std::move(s));
            return std::nullopt;
        }
        if (stars_ == stars::allowed && last && piece.ends_with('*')) {
            piece.remove_suffix(1);
            out_.rest = true;
        }
        auto const open = piece.find('{');
        auto const close = piece.find('}');
        if (escapes_ == escapes::allowed ||
            (open == std::string_view::npos && close == std::string_view::npos)) {
            s.prefix = piece;
        } else {
            if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
                return template_error{"a brace without its partner in " + quoted(piece),
                                      "variables are written `{name}`"};
            }
            s.what = segment::kind::variable;
            s.prefix = piece.substr(0, open);
            s.suffix = piece.substr(close + 1);
            auto const name = piece.substr(open + 1, close - open - 1);
            if (s.suffix.find('{') != std::string::npos) {
                return template_error{
                    "two variables in the segment " + quoted(piece),
                    "separate them with ':', or different values could give the same text"};
            }
            if (!is_variable_name(name)) {
                return template_error{quoted(name) + " is no variable name",
                                      "use letters, digits and '_'"};
            }
            auto const known = std::find(out_.variables.begin(), out_.variables.end(), name);
            s.variable = static_cast<std::size_t>(known - out_.variables.begin());
            if (known == out_.variables.end()) {
                if (out_.variables.size() == max_variables) {
                    return template_error{"more than 32 variables", "use fewer"};
                }
                out_.variables.emplace_back(name);
            }
        }
        for (auto const& literal : {s.prefix, s.suffix}) {
            if (literal.find('*') != std::string::npos) {
                return stars_ == stars::allowed
                           ? template_error{"'*' inside the segment " + quoted(piece),
                                            "'*' stands for one whole segment, or at the very end "
                                            "for any rest from a segment boundary on"}
                           : template_error{"'*' in a key", "'*' belongs in patterns of purges"};
            }
            if (!is_literal(literal, escapes_)) {
                return template_error{
                    quoted(literal) + " holds a character that keys cannot have as it is",
                    "leave out `? [ ] { } % |`, spaces and control characters; in values they are "
                    "written as %XX"};
            }
        }
        out_.segments.push_back(std::move(s));
        return std::nullopt;
    }

    std::string_view text_;
    stars stars_;
    escapes escapes_;
    segmented out_;
};

}  // namespace

std::variant<segmented, template_error> parse_segments(std::string_view text, stars s, escapes e) {
    return parser(text, s, e).parse();
}

std::variant<key_template, template_error> key_template::parse(std::string_view text) {
    auto parsed = parse_segments(text, stars::forbidden, escapes::forbidden);
    if (auto* error = std::get_if<template_error>(&parsed)) {
        return std::move(*error);
    }
    auto& s = std::get<segmented>(parsed);
    return key_template{std::move(s.segments), std::move(s.variables)};
}

std::string render(key_template const& t, std::vector<std::string> const& values) {
    std::string out;
    t.render_to(out, [&](std::string& to, std::size_t i) { append_escaped(to, values[i]); });
    return out;
}

}  // namespace sidecache::rules
