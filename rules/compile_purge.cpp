#include "rules/compile.hpp"
#include "rules/method.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

using source_kind = variable_source::kind;

bool is_safe_in_any_case(std::string_view method) {
    return iequals(method, "GET") || iequals(method, "HEAD") || iequals(method, "OPTIONS") ||
           iequals(method, "TRACE");
}

/// Compiles one purge; methods in the order in which they run.
class purge_compiler {
public:
    purge_compiler(purge_definition const& text,
                   std::vector<rule> const& rules,
                   std::vector<compiled_rule> const& compiled_rules,
                   report& out)
        : text_(text), rules_(rules), compiled_rules_(compiled_rules), report_(out) {}

    compiled_purge compile() {
        auto const before = report_.errors();
        check_name(text_.name, "purge", report_);
        parse_routes();
        purge_.variables = compile_variables(text_.vars, report_);
        check_path_sources();
        used_.assign(purge_.variables.size(), false);
        parse_patterns();
        bind_entries();
        find_unused();
        bind_captures();
        purge_.broken = report_.errors() != before;
        return std::move(purge_);
    }

private:
    void parse_routes() {
        if (text_.on.empty()) {
            report_.error(text_.name.at,
                          "purge `" + text_.name.value + "` is set off by nothing",
                          "name its requests, as in `on: DELETE /products/{id}`");
        }
        for (auto const& on : text_.on) {
            auto parsed = parse_route(on.value);
            if (auto* error = std::get_if<template_error>(&parsed)) {
                report_.error(on.at, error->text, error->hint);
                continue;
            }
            auto& r = std::get<route>(parsed);
            if (is_safe_in_any_case(r.method)) {
                report_.error(on.at,
                              r.method + " does not change anything (RFC 9110 section 9.2.1)",
                              "purges are set off by POST, PUT, PATCH, DELETE and the like");
            }
            purge_.on.push_back({std::move(r), {}});
        }
    }

    bool in_some_path(std::string_view name) const {
        return std::any_of(purge_.on.begin(), purge_.on.end(), [&](auto const& on) {
            auto const& in_path = on.route.path.variables();
            return std::find(in_path.begin(), in_path.end(), name) != in_path.end();
        });
    }

    void check_path_sources() {
        for (auto const& v : purge_.variables) {
            if (v.source.what == source_kind::path && !in_some_path(v.source.name)) {
                report_.error(v.at,
                              "`path." + v.source.name + "` is in no path of `on`",
                              "write `{" + v.source.name + "}` where it stands in the path");
            } else if (in_some_path(v.name) &&
                       (v.source.what != source_kind::path || v.source.name != v.name)) {
                report_.error(v.at,
                              "variable `" + v.name + "` is declared and stands in a path as well",
                              "give one of them another name");
            }
        }
    }

    /// The place of a variable among the purge's, added when a path tells it; nullopt when it has
    /// no source.
    std::optional<std::size_t> use(std::string const& name) {
        auto const* known = find_variable(purge_.variables, name);
        if (known != nullptr) {
            auto const i = static_cast<std::size_t>(known - purge_.variables.data());
            used_[i] = true;
            return i;
        }
        if (!in_some_path(name)) {
            return std::nullopt;
        }
        bound_variable v;
        v.name = name;
        v.source.name = name;
        v.at = text_.on.front().at;
        purge_.variables.push_back(std::move(v));
        used_.push_back(true);
        return purge_.variables.size() - 1;
    }

    void parse_patterns() {
        if (text_.patterns.empty()) {
            report_.error(text_.name.at,
                          "purge `" + text_.name.value + "` has no patterns",
                          "name what it makes stale, as in `patterns: [\"product:{id}*\"]`");
        }
        for (auto const& text : text_.patterns) {
            auto parsed = pattern::parse(text.value);
            if (auto* error = std::get_if<template_error>(&parsed)) {
                report_.error(text.at,
                              "the pattern '" + text.value + "' cannot be used: " + error->text,
                              error->hint);
                continue;
            }
            compiled_pattern p;
            p.pattern = std::get<pattern>(std::move(parsed));
            p.at = text.at;
            for (auto const& name : p.pattern.variables) {
                auto const place = use(name);
                if (!place) {
                    auto hint = "put it in the path of `on`, or declare it under `vars`, as in `" +
                                std::string(name);
                    hint.append(": body.").append(name).append("`");
                    report_.error(
                        text.at, "variable `{" + name + "}` has no source", std::move(hint));
                }
                p.variables.push_back(place.value_or(0));
            }
            purge_.patterns.push_back(std::move(p));
        }
    }

    void bind_entries() {
        // `use` may add variables; what it adds comes from a path and needs no entry.
        auto const declared = purge_.variables.size();
        for (std::size_t i = 0; i < declared; ++i) {
            auto const& v = purge_.variables[i];
            if (v.source.what != source_kind::entry || !used_[i]) {
                continue;
            }
            auto const found = std::find_if(rules_.begin(), rules_.end(), [&](rule const& r) {
                return r.definition.name.value == v.source.rule;
            });
            if (found == rules_.end()) {
                report_.error(v.at,
                              "`entry." + v.source.rule + "` names no rule",
                              "name a rule, as in `entry.product-details.schemaId`");
                continue;
            }
            if (compiled_rules_[found->index].holds_target) {
                report_.error(v.at,
                              "`entry." + v.source.rule + "` is a rule without a key of its own",
                              "give that rule a `key`, so that the entry can be found");
                continue;
            }
            auto& need = need_of(found->index);
            need.tells.push_back(i);
        }
        for (auto& need : purge_.entries) {
            bind_entry(need);
        }
    }

    entry_need& need_of(std::size_t rule_index) {
        for (auto& need : purge_.entries) {
            if (need.rule_index == rule_index) {
                return need;
            }
        }
        purge_.entries.push_back({rule_index, {}, {}});
        return purge_.entries.back();
    }

    void bind_entry(entry_need& need) {
        auto const& other = compiled_rules_[need.rule_index];
        auto const at = purge_.variables[need.tells.front()].at;
        auto const& other_name = rules_[need.rule_index].definition.name.value;
        for (auto const& wanted : other.variables) {
            auto const place = use(wanted.name);
            if (!place && !wanted.fallback) {
                report_.error(
                    at,
                    "`entry." + other_name + "` needs `{" + wanted.name +
                        "}`, which this purge does not have",
                    "declare it under `vars`: it is part of the key of rule `" + other_name + "`");
            }
            if (place) {
                auto const what = purge_.variables[*place].source.what;
                if (what == source_kind::entry || what == source_kind::response) {
                    report_.error(at,
                                  "`entry." + other_name + "` needs `{" + wanted.name +
                                      "}`, which is known too late",
                                  "the entry is looked up before the request is forwarded: take `" +
                                      wanted.name + "` from the request");
                }
            }
            need.variables.push_back(place);
        }
    }

    void find_unused() {
        for (std::size_t i = 0; i < purge_.variables.size(); ++i) {
            auto const& v = purge_.variables[i];
            if (!used_[i]) {
                report_.warning(v.at,
                                "variable `" + v.name + "` is declared and not used",
                                "put `{" + v.name + "}` into a pattern, or remove it");
            }
        }
    }

    void bind_captures() {
        for (auto& on : purge_.on) {
            auto const& in_path = on.route.path.variables();
            for (auto const& v : purge_.variables) {
                auto const found = v.source.what == source_kind::path
                                       ? std::find(in_path.begin(), in_path.end(), v.source.name)
                                       : in_path.end();
                if (found == in_path.end()) {
                    on.captures.emplace_back();
                } else {
                    on.captures.emplace_back(static_cast<std::size_t>(found - in_path.begin()));
                }
            }
        }
        for (std::size_t i = 0; i < purge_.variables.size(); ++i) {
            auto const& v = purge_.variables[i];
            bool const everywhere = std::all_of(
                purge_.on.begin(), purge_.on.end(), [&](auto const& on) { return on.captures[i]; });
            if (v.source.what == source_kind::path && !everywhere && in_some_path(v.source.name)) {
                report_.warning(v.at,
                                "`{" + v.source.name +
                                    "}` is not in every path of `on` of purge `" +
                                    text_.name.value + "`, and widens to '*' where it is missing",
                                "make two purges of it, if that is too much");
            }
        }
    }

    purge_definition const& text_;
    std::vector<rule> const& rules_;
    std::vector<compiled_rule> const& compiled_rules_;
    report& report_;
    compiled_purge purge_;
    std::vector<bool> used_;
};

}  // namespace

compiled_purge compile_purge(purge_definition const& text,
                             std::vector<rule> const& rules,
                             std::vector<compiled_rule> const& compiled_rules,
                             report& out) {
    return purge_compiler(text, rules, compiled_rules, out).compile();
}

}  // namespace sidecache::rules
