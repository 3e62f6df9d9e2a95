#include "rules/compile.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

using source_kind = variable_source::kind;

std::size_t place_of(std::vector<std::string> const& names, std::string_view name) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

/// Our own names in the store begin with "sidecache:"; no value may lead a key there.
bool may_be_ours(key_template const& key) {
    auto const& first = key.segments.front();
    constexpr std::string_view ours = "sidecache";
    if (key.segments.size() < 2) {
        return false;
    }
    return first.what == segment::kind::literal
               ? first.prefix == ours
               : ours.starts_with(first.prefix) && ours.ends_with(first.suffix);
}

/// Compiles one rule; methods in the order in which they run.
class rule_compiler {
public:
    rule_compiler(rule_definition const& text, report& out) : text_(text), report_(out) {}

    compiled_rule compile() {
        auto const before = report_.errors();
        check_name(text_.name, "rule", report_);
        rule_.tag = rule_set::rule_tag(text_.name.value);
        declared_ = compile_variables(text_.vars, report_);
        bool const ok = parse_match() && parse_keys();
        if (ok) {
            bind_variables();
            find_unused();
            compile_partition();
        }
        rule_.broken = !ok || report_.errors() != before;
        return std::move(rule_);
    }

private:
    bool parse_match() {
        auto parsed = parse_route(text_.match.value);
        if (auto* error = std::get_if<template_error>(&parsed)) {
            report_.error(text_.match.at, error->text, error->hint);
            return false;
        }
        auto& r = std::get<route>(parsed);
        if (r.method != "GET") {
            report_.error(text_.match.at,
                          "rule `" + text_.name.value + "` matches " + r.method,
                          "rules match GET, which answers HEAD as well; what changes something "
                          "belongs under `purges`");
        }
        rule_.path = std::move(r.path);
        return true;
    }

    std::optional<key_template> parse_key(located<std::string> const& key, std::string_view what) {
        auto parsed = key_template::parse(key.value);
        if (auto* error = std::get_if<template_error>(&parsed)) {
            report_.error(key.at,
                          "the " + std::string(what) + " of rule `" + text_.name.value +
                              "` cannot be used: " + error->text,
                          error->hint);
            return std::nullopt;
        }
        auto& t = std::get<key_template>(parsed);
        if (may_be_ours(t)) {
            report_.error(key.at,
                          "'" + key.value + "' can begin with `sidecache:`",
                          "those names are the proxy's own; begin the key with another literal");
        }
        return std::move(t);
    }

    bool parse_keys() {
        rule_.holds_target = text_.origin && text_.key.value.empty();
        auto key = parse_key(rule_.holds_target
                                 ? located<std::string>{std::string(default_key), text_.ttl_at}
                                 : text_.key,
                             "key");
        if (key) {
            rule_.key = std::move(*key);
        }
        if (text_.lock) {
            rule_.lock_key = parse_key(text_.lock->key, "lock key");
        }
        return key && (!text_.lock || rule_.lock_key);
    }

    void bind_variables() {
        for (auto const& name : rule_.key.variables) {
            if (rule_.holds_target) {
                bind_builtin(name);
            } else {
                bind(name, text_.key.at);
            }
        }
        if (rule_.lock_key) {
            for (auto const& name : rule_.lock_key->variables) {
                bind_in_lock(name, text_.lock ? text_.lock->key.at : text_.key.at);
            }
        }
    }

    /// A lock is for one key: with a variable of its own it would take values that the key does
    /// not hold, and a query parameter of that name would count as listed.
    void bind_in_lock(std::string const& name, position used_at) {
        auto const* known = find_variable(rule_.variables, name);
        if (known == nullptr) {
            report_.error(used_at,
                          "the lock key of rule `" + text_.name.value + "` uses `{" + name +
                              "}`, which its key does not",
                          "use variables of the key only, as in `product:{id}:lock`");
            return;
        }
        rule_.lock_variables.push_back(static_cast<std::size_t>(known - rule_.variables.data()));
    }

    /// Of the default key: no definition names these sources.
    void bind_builtin(std::string const& name) {
        bound_variable v;
        v.name = name;
        v.source.what = name == "host" ? source_kind::host : source_kind::target;
        v.source.name = name;
        v.at = text_.ttl_at;
        rule_.capture_of.push_back(0);
        rule_.variables.push_back(std::move(v));
    }

    void bind(std::string const& name, position used_at) {
        auto const& in_path = rule_.path.variables();
        bool const is_in_path = std::find(in_path.begin(), in_path.end(), name) != in_path.end();
        bound_variable v;
        if (auto const* declared = find_variable(declared_, name)) {
            if (is_in_path) {
                report_.error(declared->at,
                              "variable `" + name + "` is declared and stands in the path as well",
                              "give one of them another name");
            }
            v = *declared;
        } else if (is_in_path) {
            v.name = name;
            v.source.name = name;
            v.at = text_.match.at;
        } else {
            report_.error(used_at,
                          "variable `{" + name + "}` has no source",
                          "put it in the path of `match`, or declare it under `vars`, as in `" +
                              name + ": query." + name + "`");
            v.name = name;
        }
        check_source(v);
        std::size_t capture = 0;
        if (v.source.what == source_kind::path) {
            capture = place_of(in_path, v.source.name);
        }
        rule_.capture_of.push_back(capture);
        rule_.variables.push_back(std::move(v));
    }

    void check_source(bound_variable const& v) {
        auto const& in_path = rule_.path.variables();
        switch (v.source.what) {
            case source_kind::body:
            case source_kind::response:
            case source_kind::entry:
                report_.error(v.at,
                              "variable `" + v.name + "` of a rule comes from a " +
                                  (v.source.what == source_kind::body       ? "request body"
                                   : v.source.what == source_kind::response ? "response"
                                                                            : "cached entry"),
                              "a key must be known from the request's path, query, fields and "
                              "identity; body, response and entry are for purges");
                break;
            case source_kind::path:
                if (!v.source.name.empty() &&
                    std::find(in_path.begin(), in_path.end(), v.source.name) == in_path.end()) {
                    report_.error(v.at,
                                  "`path." + v.source.name + "` is not in the path of `match`",
                                  "write `{" + v.source.name + "}` where it stands in the path");
                }
                break;
            default:
                break;
        }
    }

    /// What a rule takes and does not put in its key would let different resources share one
    /// entry.
    void find_unused() {
        for (auto const& v : declared_) {
            if (find_variable(rule_.variables, v.name) == nullptr) {
                report_.error(v.at,
                              "variable `" + v.name + "` is declared and not used",
                              "put `{" + v.name + "}` into the key, or remove it");
            }
        }
        auto const in_key = rule_.variables.size();
        auto const& in_path = rule_.path.variables();
        if (rule_.holds_target) {
            rule_.variable_of_capture.assign(in_path.size(), 0);  // no look-up goes by its path
            return;
        }
        for (std::size_t capture = 0; capture < in_path.size(); ++capture) {
            std::size_t i = 0;
            while (i < in_key && (rule_.variables[i].source.what != source_kind::path ||
                                  rule_.variables[i].source.name != in_path[capture])) {
                ++i;
            }
            if (i == in_key) {
                report_.error(text_.match.at,
                              "the key of rule `" + text_.name.value + "` does not use `{" +
                                  in_path[capture] + "}` of its path",
                              "put it into the key, or different paths would share one entry");
            }
            rule_.variable_of_capture.push_back(i);
        }
    }

    void compile_partition() {
        rule_.partition.what = text_.partition.what;
        if (text_.partition.what != partition_definition::kind::identity) {
            return;
        }
        rule_.partition.needed = text_.partition.variables;
        for (auto const& name : text_.partition.variables) {
            bool const shown =
                std::any_of(rule_.variables.begin(), rule_.variables.end(), [&](auto const& v) {
                    return v.source.what == source_kind::identity && v.source.name == name;
                });
            if (!shown) {
                rule_.partition.suffix_names.push_back(name);
            }
        }
    }

    rule_definition const& text_;
    report& report_;
    std::vector<bound_variable> declared_;
    compiled_rule rule_;
};

}  // namespace

compiled_rule compile_rule(rule_definition const& text, report& out) {
    return rule_compiler(text, out).compile();
}

}  // namespace sidecache::rules
