#include "rules/escape.hpp"
#include "rules/method.hpp"
#include "rules/mutation_binding.hpp"
#include "rules/path_form.hpp"
#include "rules/query.hpp"

#include <algorithm>
#include <utility>

namespace sidecache::rules {

namespace {

using source_kind = variable_source::kind;
using state_kind = variable_state::kind;

/// The request's method and those that it asks to be taken for, by a field, by the query or in a
/// form: a backend may act on any of them.
std::vector<std::string_view> methods_of(request const& r, std::optional<std::string_view> body) {
    std::vector<std::string_view> out{r.method};
    auto const take = [&](query_parameter const& p) {
        if (is_named(p.name, method_override_parameter)) {
            out.push_back(p.value);
        }
        return true;
    };
    bool is_form = false;
    for (auto const& f : r.fields) {
        if (is_method_override(f.name)) {
            out.push_back(f.value);
        }
        constexpr std::string_view form = "application/x-www-form-urlencoded";
        is_form = is_form || (iequals(f.name, "Content-Type") &&
                              iequals(f.value.substr(0, form.size()), form));
    }
    for_each_parameter(query_of(r.target).value_or(std::string_view()), take);
    if (is_form && body) {
        for_each_parameter(*body, take);
    }
    return out;
}

bool has_method(std::vector<std::string_view> const& methods, std::string_view wanted) {
    return std::any_of(
        methods.begin(), methods.end(), [&](auto const m) { return iequals(m, wanted); });
}

variable_state from_raw(std::vector<std::string_view> const& raw,
                        coding how,
                        std::optional<std::string> const& fallback) {
    std::vector<std::string> values;
    for (auto const each : raw) {
        append_value(values.emplace_back(), each, how);
    }
    if (values.empty() && fallback) {
        values.push_back(escaped(*fallback));
    }
    return variable_state::of(std::move(values));
}

/// What the request's query and fields tell; a name that comes several times means each of its
/// values.
variable_state from_request(bound_variable const& v, request const& r) {
    std::vector<std::string_view> raw;
    switch (v.source.what) {
        case source_kind::query:
            for_each_parameter(query_of(r.target).value_or(std::string_view()),
                               [&](query_parameter const& p) {
                                   if (is_named(p.name, v.source.name)) {
                                       raw.push_back(p.value);
                                   }
                                   return true;
                               });
            return from_raw(raw, coding::query, v.fallback);
        case source_kind::header:
            for (auto const& f : r.fields) {
                if (iequals(f.name, v.source.name)) {
                    raw.push_back(f.value);
                }
            }
            return from_raw(raw, coding::plain, v.fallback);
        case source_kind::cookie:
            for (auto const& f : r.fields) {
                if (iequals(f.name, "Cookie")) {
                    for_each_cookie(f.value, v.source.name, [&](std::string_view value) {
                        raw.push_back(value);
                    });
                }
            }
            return from_raw(raw, coding::plain, v.fallback);
        case source_kind::identity:
            if (r.identity) {
                if (auto const value = find_field(*r.identity, v.source.name)) {
                    raw.push_back(*value);
                }
            }
            return from_raw(raw, coding::plain, std::nullopt);
        default:
            return {};
    }
}

std::vector<variable_state> bind_variables(compiled_purge const& purge,
                                           compiled_route const& route,
                                           path_captures const& captures,
                                           request const& r,
                                           std::optional<std::string_view> body) {
    std::vector<variable_state> out(purge.variables.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        auto const& v = purge.variables[i];
        switch (v.source.what) {
            case source_kind::path:
                if (auto const& capture = route.captures[i]) {
                    out[i] = from_raw({captures.values[*capture]}, coding::path, std::nullopt);
                }
                break;
            case source_kind::response:
                out[i].what = state_kind::response;
                break;
            case source_kind::entry:
                out[i].what = state_kind::entry;
                break;
            case source_kind::body:
                break;  // all of them in one pass, below
            default:
                out[i] = from_request(v, r);
                break;
        }
    }
    take_json(out, purge, source_kind::body, body);
    return out;
}

/// The key, tags and partition of the entry that another rule has for given variables; nullopt when
/// this request could not read it.
std::optional<entry_lookup> lookup_of(rule_set::compiled const& c,
                                      std::size_t rule_index,
                                      std::vector<std::string_view> const& escaped_values,
                                      request const& r) {
    auto const& rule = c.compiled_rules[rule_index];
    entry_lookup out;
    out.rule_index = rule_index;
    std::vector<std::size_t> ends;
    rule.key.render_to(
        out.key,
        [&](std::string& to, std::size_t i) { to += escaped_values[i]; },
        [&](std::size_t end) { ends.push_back(end); });
    std::vector<std::string_view> segments;
    std::string const key = out.key;
    std::size_t begin = 0;
    for (auto const end : ends) {
        segments.push_back(std::string_view(key).substr(begin, end - begin));
        begin = end + 1;
    }
    if (!append_partition(out.key, rule.partition, r)) {
        return std::nullopt;
    }
    out.full_key = out.key;
    c.fields.append_host(out.full_key, r);
    c.fields.append_claims(out.full_key, r);

    std::vector<std::string> in_path;
    in_path.reserve(rule.variable_of_capture.size());
    for (auto const i : rule.variable_of_capture) {
        in_path.push_back(unescaped(escaped_values[i]).value_or(std::string(escaped_values[i])));
    }
    std::string path;
    rule.path.render_to(path, in_path);
    out.tags.add(rule.tag);
    out.tags.add(rule_set::path_tag(path));
    rule.tags.append(out.tags, segments);
    return out;
}

/// The look-ups for one need of a purge, one for each combination of what the other rule's key
/// holds; nullopt when some of that is unknown, or they are too many.
std::optional<std::vector<entry_lookup>> lookups_for(rule_set::compiled const& c,
                                                     std::vector<variable_state> const& variables,
                                                     entry_need const& need,
                                                     request const& r) {
    auto const& rule = c.compiled_rules[need.rule_index];
    std::vector<std::vector<std::string>> choices;
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < need.variables.size(); ++i) {
        if (auto const& place = need.variables[i]) {
            auto const& v = variables[*place];
            if (v.what != state_kind::known) {
                return std::nullopt;
            }
            choices.push_back(v.values);
        } else {
            choices.push_back({escaped(rule.variables[i].fallback.value_or(""))});
        }
        sizes.push_back(choices.back().size());
    }
    std::vector<entry_lookup> out;
    bool readable = true;
    bool const few = for_each_combination(sizes, max_entry_lookups, [&](auto const& at) {
        std::vector<std::string_view> values;
        values.reserve(at.size());
        for (std::size_t i = 0; i < at.size(); ++i) {
            values.push_back(choices[i][at[i]]);
        }
        if (auto lookup = lookup_of(c, need.rule_index, values, r)) {
            out.push_back(std::move(*lookup));
        } else {
            readable = false;
        }
    });
    if (!few || !readable) {
        return std::nullopt;
    }
    return out;
}

}  // namespace

mutation_scope rule_set::mutate(request const& r, std::optional<std::string_view> body) const {
    mutation_scope scope;
    scope.compiled_ = compiled_.get();
    auto const methods = methods_of(r, body);
    auto const path = path_of(r.target);
    std::string lenient;
    append_lenient_form(lenient, path);
    std::vector<std::string_view> forms{path};
    if (lenient != path) {
        forms.push_back(lenient);
    }

    for (auto const& p : compiled_->purges) {
        auto const& compiled_p = compiled_->compiled_purges[p.index];
        bool matched = false;
        for (auto const& on : compiled_p.on) {
            for (auto const form : forms) {
                path_captures captures;
                if (!has_method(methods, on.route.method) ||
                    !on.route.path.matches_leniently(path_segments(form), captures)) {
                    continue;
                }
                matched = true;
                scope.bindings_.push_back(
                    {&p, &compiled_p, bind_variables(compiled_p, on, captures, r, body)});
            }
        }
        if (matched) {
            scope.purges_.push_back(&p);
        }
    }
    if (!scope.matched() || compiled_->has_origin) {
        for (auto const form : forms) {
            scope.path_tags_.push_back(path_tag(form));
        }
    }
    if (!scope.matched()) {
        return scope;
    }

    for (std::size_t b = 0; b < scope.bindings_.size(); ++b) {
        auto& binding = scope.bindings_[b];
        for (std::size_t n = 0; n < binding.compiled->entries.size(); ++n) {
            auto const& need = binding.compiled->entries[n];
            auto lookups = lookups_for(*compiled_, binding.variables, need, r);
            if (!lookups) {
                for (auto const i : need.tells) {
                    binding.variables[i].what = state_kind::unknown;
                }
                continue;
            }
            for (auto& lookup : *lookups) {
                scope.lookups_.push_back(std::move(lookup));
                scope.targets_.push_back({.binding = b, .need = n, .told = {}});
            }
        }
    }
    return scope;
}

}  // namespace sidecache::rules
