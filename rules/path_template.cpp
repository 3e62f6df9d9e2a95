#include "rules/path_template.hpp"

#include "rules/escape.hpp"
#include "rules/request.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

/// Whether `text` has `prefix` before and `suffix` behind something that is not empty.
bool has_affixes(std::string_view text, std::string_view prefix, std::string_view suffix) {
    return text.size() > prefix.size() + suffix.size() && text.starts_with(prefix) &&
           text.ends_with(suffix);
}

bool has_affixes_leniently(std::string_view text,
                           std::string_view prefix,
                           std::string_view suffix) {
    return text.size() > prefix.size() + suffix.size() &&
           iequals(text.substr(0, prefix.size()), prefix) &&
           iequals(text.substr(text.size() - suffix.size()), suffix);
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return is_unreserved(c) || std::string_view("!#$%&'*+^`|").find(c) != std::string::npos;
    });
}

}  // namespace

bool is_variable_name(std::string_view text) {
    return !text.empty() && (text[0] < '0' || text[0] > '9') &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return c == '_' || (is_unreserved(c) && c != '-' && c != '.' && c != '~');
           });
}

std::variant<path_template, template_error> path_template::parse(std::string_view text) {
    if (text.empty() || text[0] != '/') {
        return template_error{"the path " + quoted(text) + " does not begin with '/'",
                              "write it as in `GET /products/{id}`"};
    }
    if (text.find('?') != std::string_view::npos) {
        return template_error{"the path " + quoted(text) + " holds a query",
                              "match the path alone and take parameters through `vars`, as in "
                              "`page: query.page`"};
    }
    path_template out;
    out.text_ = text;
    path_segments const pieces(text);
    if (pieces.too_many()) {
        return template_error{"the path " + quoted(text) + " has more than 64 segments",
                              "end it with `{rest*}`"};
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        auto const piece = pieces[i];
        auto const open = piece.find('{');
        auto const close = piece.find('}');
        part p;
        if (open == std::string_view::npos && close == std::string_view::npos) {
            if (piece.empty() || is_odd_path("/" + std::string(piece))) {
                return template_error{
                    "the segment " + quoted(piece) + " of " + quoted(text) + " cannot be matched",
                    "leave out empty and dot segments, a slash at the end, ';' and '\\': requests "
                    "with those are never cached, and mutations match without them"};
            }
            append_normal_form(p.prefix, piece);
            out.segments_.push_back(std::move(p));
            continue;
        }
        if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
            piece.find('{', open + 1) != std::string_view::npos ||
            piece.find('}', close + 1) != std::string_view::npos) {
            return template_error{
                "the segment " + quoted(piece) + " of " + quoted(text) + " is not understood",
                "a segment holds at most one `{variable}`"};
        }
        p.is_variable = true;
        p.prefix = piece.substr(0, open);
        p.suffix = piece.substr(close + 1);
        auto name = piece.substr(open + 1, close - open - 1);
        if (name.ends_with('*')) {
            name.remove_suffix(1);
            if (i + 1 != pieces.size() || !p.prefix.empty() || !p.suffix.empty()) {
                return template_error{
                    "`{" + std::string(name) + "*}` is not the end of " + quoted(text),
                    "a variable of many segments is the whole last segment"};
            }
            out.has_rest_ = true;
        }
        if (!is_variable_name(name)) {
            return template_error{quoted(name) + " in " + quoted(text) + " is no variable name",
                                  "use letters, digits and '_'"};
        }
        if (std::find(out.variables_.begin(), out.variables_.end(), name) != out.variables_.end()) {
            return template_error{"`{" + std::string(name) + "}` stands twice in " + quoted(text),
                                  "give each variable a name of its own"};
        }
        if (out.variables_.size() == path_captures::limit) {
            return template_error{quoted(text) + " has more than 16 variables", "use fewer"};
        }
        out.variables_.emplace_back(name);
        out.segments_.push_back(std::move(p));
    }
    return out;
}

template <class Equal, class HasAffixes>
bool path_template::match(path_segments const& path,
                          path_captures& out,
                          Equal equal,
                          HasAffixes affixes) const {
    auto const n = segments_.size();
    if (has_rest_ ? path.size() < n : (path.size() != n || path.too_many())) {
        return false;
    }
    std::size_t captured = 0;
    for (std::size_t i = 0; i < n; ++i) {
        auto const& s = segments_[i];
        auto const text = path[i];
        if (!s.is_variable) {
            if (!equal(text, s.prefix)) {
                return false;
            }
        } else if (has_rest_ && i + 1 == n) {
            out.values[captured++] = path.rest_from(i);
        } else {
            if (!affixes(text, s.prefix, s.suffix)) {
                return false;
            }
            out.values[captured++] =
                text.substr(s.prefix.size(), text.size() - s.prefix.size() - s.suffix.size());
        }
    }
    return true;
}

bool path_template::matches(path_segments const& path, path_captures& out, bool& literally) const {
    literally = true;
    auto const equal = [&](std::string_view raw, std::string_view literal) {
        if (raw == literal) {
            return true;
        }
        literally = false;
        return equals_normal_form(raw, literal);
    };
    return match(path, out, equal, has_affixes);
}

bool path_template::matches_leniently(path_segments const& path, path_captures& out) const {
    return match(path, out, equals_leniently, has_affixes_leniently);
}

bool path_template::part_covers(part const& a, part const& b) {
    if (!a.is_variable) {
        return !b.is_variable && a.prefix == b.prefix;
    }
    if (!b.is_variable) {
        return has_affixes(b.prefix, a.prefix, a.suffix);
    }
    return b.prefix.starts_with(a.prefix) && b.suffix.ends_with(a.suffix);
}

bool path_template::covers(path_template const& other) const {
    auto const n = segments_.size();
    auto const m = other.segments_.size();
    if (has_rest_ ? m < n : (other.has_rest_ || m != n)) {
        return false;
    }
    // A rest covers whatever stands at its place and behind it.
    auto const fixed = has_rest_ ? n - 1 : n;
    for (std::size_t i = 0; i < fixed; ++i) {
        if (!part_covers(segments_[i], other.segments_[i])) {
            return false;
        }
    }
    return true;
}

std::string_view path_template::first_literal() const {
    return segments_.empty() || segments_[0].is_variable ? std::string_view()
                                                         : std::string_view(segments_[0].prefix);
}

void path_template::append_path_value(std::string& out,
                                      std::string_view value,
                                      bool keeps_slashes) {
    // pchar of RFC 3986 section 3.3 goes as it is.
    constexpr std::string_view allowed = "!$&'()*+,=:@";
    for (char const c : value) {
        if (is_unreserved(c) || allowed.find(c) != std::string_view::npos ||
            (c == '/' && keeps_slashes)) {
            out += c;
        } else {
            append_percent(out, c);
        }
    }
}

std::variant<route, template_error> parse_route(std::string_view text) {
    auto const space = text.find(' ');
    auto const method = text.substr(0, space);
    if (space == std::string_view::npos || !is_token(method)) {
        return template_error{"'" + std::string(text) + "' is not a method and a path",
                              "write it as in `GET /products/{id}`"};
    }
    auto path = text.substr(space + 1);
    path.remove_prefix(std::min(path.find_first_not_of(' '), path.size()));
    auto parsed = path_template::parse(path);
    if (auto* error = std::get_if<template_error>(&parsed)) {
        return std::move(*error);
    }
    return route{std::string(method), std::get<path_template>(std::move(parsed))};
}

}  // namespace sidecache::rules
