// What to do with a request, and under which key: the part of the rules that every hit runs
// through. It allocates nothing once the decision's buffers have grown.
#include "rules/compiled.hpp"
#include "rules/escape.hpp"
#include "rules/method.hpp"
#include "rules/query.hpp"

#include <algorithm>
#include <array>

namespace sidecache::rules {

namespace {

using source_kind = variable_source::kind;

/// A variable's value where it stands in the request.
struct raw_value {
    std::string_view text;
    coding how = coding::plain;
    bool present = false;
    bool has_value = true;  ///< false: a query parameter without '='
};

using raw_values = std::array<raw_value, max_variables>;

/// Query parameters that no variable takes, under `unlisted_query: include`.
struct unlisted_parameters {
    std::array<std::string_view, 64> texts;
    std::size_t count = 0;
};

bypass_reason take_query(compiled_rule const& r,
                         unlisted_query policy,
                         std::string_view query,
                         raw_values& values,
                         unlisted_parameters& unlisted) {
    auto reason = bypass_reason::none;
    for_each_parameter(query, [&](query_parameter const& p) {
        bool listed = false;
        for (std::size_t i = 0; i < r.variables.size(); ++i) {
            auto const& source = r.variables[i].source;
            if (source.what != source_kind::query || !is_named(p.name, source.name)) {
                continue;
            }
            listed = true;
            if (values[i].present) {
                reason = bypass_reason::duplicate_query;
                return false;
            }
            values[i] = {p.value, coding::query, true, p.has_value};
        }
        if (listed || policy == unlisted_query::ignore) {
            return true;
        }
        if (policy == unlisted_query::bypass || unlisted.count == unlisted.texts.size()) {
            reason = bypass_reason::unlisted_query;
            return false;
        }
        unlisted.texts[unlisted.count++] = p.text;
        return true;
    });
    return reason;
}

bypass_reason take_field(bound_variable const& v, request const& r, raw_value& value) {
    auto reason = bypass_reason::none;
    auto const take = [&](std::string_view text) {
        if (value.present) {
            reason = bypass_reason::duplicate_field;
        }
        value = {text, coding::plain, true, true};
    };
    for (auto const& f : r.fields) {
        if (v.source.what == source_kind::header && iequals(f.name, v.source.name)) {
            take(f.value);
        } else if (v.source.what == source_kind::cookie && iequals(f.name, "Cookie")) {
            for_each_cookie(f.value, v.source.name, take);
        }
    }
    return reason;
}

bypass_reason take_values(compiled_rule const& rule,
                          unlisted_query policy,
                          request const& r,
                          path_captures const& captures,
                          raw_values& values,
                          unlisted_parameters& unlisted) {
    auto reason =
        take_query(rule, policy, query_of(r.target).value_or(std::string_view()), values, unlisted);
    for (std::size_t i = 0; reason == bypass_reason::none && i < rule.variables.size(); ++i) {
        auto const& v = rule.variables[i];
        auto& value = values[i];
        if (v.source.what == source_kind::path) {
            value = {captures.values[rule.capture_of[i]], coding::path, true, true};
        } else if (v.source.what == source_kind::identity) {
            auto const found = r.identity ? find_field(*r.identity, v.source.name) : std::nullopt;
            if (!found) {
                return bypass_reason::unverified_identity;
            }
            value = {*found, coding::plain, true, true};
        } else if (v.source.what != source_kind::query) {
            reason = take_field(v, r, value);
        }
        if (reason == bypass_reason::none && !value.present) {
            if (!v.fallback) {
                return bypass_reason::missing_variable;
            }
            value = {*v.fallback, coding::plain, false, true};
        }
    }
    return reason;
}

/// Behind the key, after '?': never part of a tag. `faithful` becomes false when the key does not
/// tell apart all that a backend may.
void append_unlisted(std::string& key, unlisted_parameters& unlisted, bool& faithful) {
    auto* const begin = unlisted.texts.data();
    auto const name = [](std::string_view text) { return text.substr(0, text.find('=')); };
    // By insertion: the order among parameters of one name means something and stays.
    for (std::size_t i = 1; i < unlisted.count; ++i) {
        for (auto j = i; j > 0 && name(begin[j]) < name(begin[j - 1]); --j) {
            std::swap(begin[j], begin[j - 1]);
        }
    }
    for (std::size_t i = 0; i < unlisted.count; ++i) {
        key += i == 0 ? '?' : '&';
        faithful = append_spelling(key, begin[i]) && faithful;
    }
}

void render_full_key(decision& out,
                     compiled_rule const& rule,
                     raw_values const& values,
                     unlisted_parameters const& unlisted,
                     bool unlisted_faithful) {
    out.full_key = out.key;
    for (std::size_t i = 0; i < rule.key.variables.size(); ++i) {
        auto const& v = values[i];
        if (v.has_value && is_ordinary(v.text, v.how)) {
            continue;
        }
        out.full_key += '\n';
        out.full_key += rule.variables[i].name;
        if (v.has_value) {
            out.full_key += '=';
            append_normal_form(out.full_key, v.text);
        }
    }
    for (std::size_t i = 0; !unlisted_faithful && i < unlisted.count; ++i) {
        out.full_key += i == 0 ? "\n?" : "&";
        append_normal_form(out.full_key, unlisted.texts[i]);
    }
}

/// Renders key, full key, tags and lock key of a request that is served.
bypass_reason render(compiled_rule const& rule,
                     request const& r,
                     raw_values const& values,
                     unlisted_parameters& unlisted,
                     decision& out) {
    auto const append = [&](std::string& to, std::size_t i) {
        append_value(to, values[i].text, values[i].how);
    };
    std::array<std::size_t, max_key_segments> ends;
    std::size_t count = 0;
    rule.key.render_to(out.key, append, [&](std::size_t end) { ends[count++] = end; });
    auto const end_of_template = out.key.size();
    bool faithful = true;
    append_unlisted(out.key, unlisted, faithful);
    if (!append_partition(out.key, rule.partition, r)) {
        return bypass_reason::unverified_identity;
    }
    if (out.key.size() > max_key_size || path_of(r.target).size() > max_key_size) {
        return bypass_reason::key_too_long;
    }
    render_full_key(out, rule, values, unlisted, faithful);

    if (rule.lock_key) {
        rule.lock_key->render_to(out.lock_key, [&](std::string& to, std::size_t i) {
            append(to, rule.lock_variables[i]);
        });
        out.lock_key.append(out.key, end_of_template);
    }

    out.tags.add(rule.tag);
    out.tags.buffer() += "path:";
    append_path_tag(out.tags.buffer(), path_of(r.target));
    out.tags.close();
    std::array<std::string_view, max_key_segments> segments;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < count; ++i) {
        segments[i] = std::string_view(out.key).substr(begin, ends[i] - begin);
        begin = ends[i] + 1;
    }
    rule.tags.append(out.tags, std::span(segments.data(), count));
    return bypass_reason::none;
}

/// The first rule that a path matches; -1 for none. An odd path is seen in its lenient form, only
/// to name the rule that it would have had. `scratch` is overwritten.
std::ptrdiff_t find(rule_set::compiled const& c,
                    std::string_view path,
                    bool odd,
                    path_captures& captures,
                    std::string& scratch) {
    scratch.clear();
    if (odd) {
        append_lenient_form(scratch, path);
        path_segments const segments(scratch);
        for (std::size_t i = 0; i < c.compiled_rules.size(); ++i) {
            if (c.compiled_rules[i].path.matches(segments, captures)) {
                return static_cast<std::ptrdiff_t>(i);
            }
        }
        return -1;
    }
    path_segments const segments(path);
    auto first = segments.size() == 0 ? std::string_view() : segments[0];
    if (first.find('%') != std::string_view::npos) {
        append_normal_form(scratch, first);
        first = scratch;
    }
    for (auto const i : c.index.candidates(segments.size(), first)) {
        if (c.compiled_rules[i].path.matches(segments, captures)) {
            return static_cast<std::ptrdiff_t>(i);
        }
    }
    return -1;
}

/// What speaks against looking a matched request up, before its variables are taken.
bypass_reason find_obstacle(request const& r, bool odd) {
    bool range = false;
    for (auto const& f : r.fields) {
        if (is_method_override(f.name)) {
            return bypass_reason::method_override;
        }
        range = range || iequals(f.name, "Range");
    }
    if (odd) {
        return bypass_reason::odd_path;
    }
    if (r.has_body) {
        return bypass_reason::request_body;
    }
    return range ? bypass_reason::range : bypass_reason::none;
}

void clear(decision& out) {
    out.what = verdict::pass;
    out.reason = bypass_reason::none;
    out.matched = nullptr;
    out.key.clear();
    out.full_key.clear();
    out.tags.clear();
    out.lock_key.clear();
    out.variant = 0;
}

}  // namespace

void rule_set::decide(request const& r, decision& out) const {
    clear(out);
    if (!is_safe(r.method)) {
        out.what = verdict::mutate;
        return;
    }
    if (r.method != "GET" && r.method != "HEAD") {
        return;
    }
    auto const path = path_of(r.target);
    bool const odd = is_odd_path(path);
    path_captures captures;
    auto const found = find(*compiled_, path, odd, captures, out.key);
    out.key.clear();
    if (found < 0) {
        return;
    }
    auto const at = static_cast<std::size_t>(found);
    auto const& rule = compiled_->compiled_rules[at];
    out.matched = &compiled_->rules[at];

    raw_values values;
    unlisted_parameters unlisted;
    auto reason = find_obstacle(r, odd);
    if (reason == bypass_reason::none) {
        reason = take_values(rule, out.matched->definition.unlisted, r, captures, values, unlisted);
    }
    if (reason == bypass_reason::none) {
        reason = render(rule, r, values, unlisted, out);
    }
    if (reason != bypass_reason::none) {
        auto const* const matched = out.matched;
        clear(out);
        out.matched = matched;
        out.what = verdict::bypass;
        out.reason = reason;
        return;
    }
    out.what = verdict::serve;
}

std::string_view name(bypass_reason reason) {
    switch (reason) {
        case bypass_reason::none:
            return "none";
        case bypass_reason::unlisted_query:
            return "unlisted_query";
        case bypass_reason::duplicate_query:
            return "duplicate_query";
        case bypass_reason::odd_path:
            return "odd_path";
        case bypass_reason::missing_variable:
            return "missing_variable";
        case bypass_reason::request_body:
            return "request_body";
        case bypass_reason::range:
            return "range";
        case bypass_reason::unverified_identity:
            return "unverified_identity";
        case bypass_reason::key_too_long:
            return "key_too_long";
        case bypass_reason::method_override:
            return "method_override";
        case bypass_reason::duplicate_field:
            return "duplicate_field";
    }
    return "none";
}

}  // namespace sidecache::rules
