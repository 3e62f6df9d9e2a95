#include "rules/variable.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sidecache::rules {

namespace {

using kind = variable_source::kind;

constexpr std::array<std::pair<std::string_view, kind>, 8> sources{{
    {"path", kind::path},
    {"query", kind::query},
    {"header", kind::header},
    {"cookie", kind::cookie},
    {"identity", kind::identity},
    {"body", kind::body},
    {"response", kind::response},
    {"entry", kind::entry},
}};

}  // namespace

std::variant<variable_source, template_error> variable_source::parse(std::string_view text) {
    auto const word = text.substr(0, text.find_first_of(".["));
    auto const known = std::find_if(
        sources.begin(), sources.end(), [&](auto const& s) { return s.first == word; });
    if (known == sources.end()) {
        return template_error{"'" + std::string(text) + "' is no source of a variable",
                              "sources are path.NAME, query.NAME, header.NAME, cookie.NAME, "
                              "identity.NAME, body.PATH, response.PATH and entry.RULE.PATH"};
    }
    variable_source out;
    out.what = known->second;
    auto rest = text.substr(word.size());
    if (out.what == kind::entry) {
        auto const end =
            rest.empty() ? rest.size() : std::min(rest.find_first_of(".[", 1), rest.size());
        out.rule = rest.starts_with('.') ? rest.substr(1, end - 1) : "";
        rest = rest.substr(end);
        if (out.rule.empty() || rest.empty()) {
            return template_error{"'" + std::string(text) + "' is not understood",
                                  "write it as in `entry.product-details.schemaId`"};
        }
    }
    if (out.what == kind::entry || out.what == kind::body || out.what == kind::response) {
        auto path = json_path::parse(rest);
        if (auto* error = std::get_if<template_error>(&path)) {
            return template_error{"'" + std::string(text) + "': " + error->text, error->hint};
        }
        out.path = std::get<json_path>(std::move(path));
        return out;
    }
    if (!rest.starts_with('.') || rest.size() == 1) {
        return template_error{"'" + std::string(text) + "' names nothing",
                              "write it as in `query.page` or `header.X-Org-Id`"};
    }
    out.name = rest.substr(1);
    return out;
}

}  // namespace sidecache::rules
