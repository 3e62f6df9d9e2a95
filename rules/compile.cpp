#include "rules/compile.hpp"

#include "rules/escape.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sidecache::rules {

void report::error(position at, std::string text, std::string hint) {
    findings_.push_back({severity::error, at, std::move(text), std::move(hint)});
    ++errors_;
}

void report::warning(position at, std::string text, std::string hint) {
    findings_.push_back({severity::warning, at, std::move(text), std::move(hint)});
}

std::vector<diagnostic> report::take() {
    std::sort(findings_.begin(), findings_.end(), [](auto const& a, auto const& b) {
        return std::tie(a.at.line, a.at.column, a.text) < std::tie(b.at.line, b.at.column, b.text);
    });
    return std::move(findings_);
}

std::vector<bound_variable> compile_variables(std::vector<variable_definition> const& vars,
                                              report& out) {
    std::vector<bound_variable> done;
    for (auto const& v : vars) {
        if (!is_variable_name(v.name.value)) {
            out.error(v.name.at,
                      "'" + v.name.value + "' is no variable name",
                      "use letters, digits and '_'");
            continue;
        }
        if (find_variable(done, v.name.value) != nullptr) {
            out.error(v.name.at,
                      "variable `" + v.name.value + "` is declared twice",
                      "give each variable a name of its own");
            continue;
        }
        auto source = variable_source::parse(v.from.value);
        if (auto* error = std::get_if<template_error>(&source)) {
            out.error(v.from.at, error->text, error->hint);
            continue;
        }
        done.push_back({.name = v.name.value,
                        .source = std::get<variable_source>(std::move(source)),
                        .fallback = v.fallback,
                        .at = v.name.at});
    }
    return done;
}

bound_variable const* find_variable(std::vector<bound_variable> const& in, std::string_view name) {
    auto const found =
        std::find_if(in.begin(), in.end(), [&](auto const& v) { return v.name == name; });
    return found == in.end() ? nullptr : &*found;
}

void check_name(located<std::string> const& name, std::string_view what, report& out) {
    bool const good =
        !name.value.empty() && std::all_of(name.value.begin(), name.value.end(), [](char c) {
            return is_unreserved(c) && c != '.' && c != '~';
        });
    if (!good) {
        out.error(name.at,
                  "'" + name.value + "' is no name for a " + std::string(what),
                  "use letters, digits, '-' and '_'");
    }
}

}  // namespace sidecache::rules
