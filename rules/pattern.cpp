#include "rules/pattern.hpp"

#include <utility>

namespace sidecache::rules {

namespace {

std::variant<pattern, template_error> parse_pattern(std::string_view text, escapes e) {
    auto parsed = parse_segments(text, stars::allowed, e);
    if (auto* error = std::get_if<template_error>(&parsed)) {
        return std::move(*error);
    }
    auto& s = std::get<segmented>(parsed);
    return pattern{std::move(s.segments), std::move(s.variables), s.rest};
}

}  // namespace

std::variant<pattern, template_error> pattern::parse(std::string_view text) {
    return parse_pattern(text, escapes::forbidden);
}

std::variant<pattern, template_error> pattern::parse_rendered(std::string_view text) {
    return parse_pattern(text, escapes::allowed);
}

pattern pattern::widened(std::uint64_t mask) const {
    pattern out = *this;
    for (auto& s : out.segments) {
        if (s.what == segment::kind::variable && ((mask >> s.variable) & 1U) != 0) {
            s = segment{.what = segment::kind::any, .prefix = {}, .suffix = {}};
        }
    }
    out.rest = out.rest || out.segments.back().what == segment::kind::any;
    return out;
}

std::string pattern::text() const {
    std::string out;
    render_to(out, [this](std::string& to, std::size_t i) { to += "{" + variables[i] + "}"; });
    return out;
}

std::string render(pattern const& p, std::vector<std::string> const& values) {
    std::string out;
    p.render_to(out, [&](std::string& to, std::size_t i) { append_escaped(to, values[i]); });
    return out;
}

bool matches(pattern const& rendered, std::string_view key) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < rendered.segments.size(); ++i) {
        if (begin > key.size()) {
            return false;
        }
        auto const end = std::min(key.find(':', begin), key.size());
        auto const& s = rendered.segments[i];
        if (s.what != segment::kind::any && key.substr(begin, end - begin) != s.prefix) {
            return false;
        }
        begin = end + 1;
    }
    return rendered.rest || begin > key.size();
}

}  // namespace sidecache::rules
