// What to do with a request, and under which key: the part of the rules that every hit runs
// through. It allocates nothing once the decision's buffers have grown.
#include "rules/compiled.hpp"
#include "rules/escape.hpp"
#include "rules/method.hpp"
#include "rules/obstacle.hpp"
#include "rules/query.hpp"
#include "rules/room.hpp"

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
    /// The whole parameter, when its name is written in another way than the rule's.
    std::string_view oddly_named{};
    /// A key writes the text as it is: `is_plain_value`.
    bool is_plain = false;
};

using raw_values = room<raw_value, max_variables>;

/// Query parameters that no variable takes, under `unlisted_query: include`.
using unlisted_parameters = room<std::string_view, 64>;

/// Whether some backend takes a parameter that is to be ignored for one that the key holds: it
/// ignores case, turns '.' and ' ' into '_', stops at '[' or NUL, or parts parameters at ';' too.
/// What such a parameter says would be stored for those who did not send it.
bool may_be_listed(compiled_rule const& r, query_parameter const& p) {
    if (p.text.find_first_of(";\\") != std::string_view::npos) {
        return true;
    }
    for (auto const& v : r.variables) {
        if (v.source.what == source_kind::query && resembles(p.name, v.source.name)) {
            return true;
        }
    }
    return false;
}

bypass_reason take_query(compiled_rule const& r,
                         unlisted_query policy,
                         std::string_view query,
                         raw_values& values,
                         unlisted_parameters& unlisted) {
    auto reason = bypass_reason::none;
    if (r.holds_target) {
        policy = unlisted_query::ignore;
    }
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
            if (p.name != source.name) {
                values[i].oddly_named = p.text;
            }
        }
        if (listed) {
            return true;
        }
        if (policy != unlisted_query::bypass && is_named(p.name, method_override_parameter)) {
            reason = bypass_reason::method_override;
            return false;
        }
        if (policy == unlisted_query::ignore) {
            reason = !r.holds_target && may_be_listed(r, p) ? bypass_reason::unlisted_query
                                                            : bypass_reason::none;
            return reason == bypass_reason::none;
        }
        if (policy == unlisted_query::bypass || unlisted.is_full()) {
            reason = bypass_reason::unlisted_query;
            return false;
        }
        unlisted.add(p.text);
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
                          std::string_view query,
                          path_captures const& captures,
                          raw_values& values,
                          unlisted_parameters& unlisted) {
    auto reason =
        query.empty() ? bypass_reason::none : take_query(rule, policy, query, values, unlisted);
    for (std::size_t i = 0; reason == bypass_reason::none && i < rule.variables.size(); ++i) {
        auto const& v = rule.variables[i];
        auto& value = values[i];
        if (v.source.what == source_kind::path) {
            value = {captures.values[rule.capture_of[i]], coding::path, true, true};
        } else if (v.source.what == source_kind::host) {
            value = {r.host, coding::plain, true, true};
        } else if (v.source.what == source_kind::target) {
            value = {r.target, coding::plain, true, true};
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
        value.is_plain = is_plain_value(value.text, value.how);
    }
    return reason;
}

/// Behind the key, after '?': never part of a tag. `faithful` becomes false when the key does not
/// tell apart all that a backend may.
void append_unlisted(std::string& key, unlisted_parameters& unlisted, bool& faithful) {
    auto* const begin = unlisted.begin();
    auto const name = [](std::string_view text) { return text.substr(0, text.find('=')); };
    // By insertion: the order among parameters of one name means something and stays.
    for (std::size_t i = 1; i < unlisted.size(); ++i) {
        for (auto j = i; j > 0 && name(begin[j]) < name(begin[j - 1]); --j) {
            std::swap(begin[j], begin[j - 1]);
        }
    }
    for (std::size_t i = 0; i < unlisted.size(); ++i) {
        key += i == 0 ? '?' : '&';
        faithful = append_spelling(key, begin[i]) && faithful;
    }
}

/// What the key does not show of how a value was written. Behind the variable's name stands '=' and
/// the value as it came, ':' and the whole parameter, or nothing: no two spellings have one text.
void append_spelled(std::string& out, std::string_view name, raw_value const& v) {
    out += '\n';
    out += name;
    if (!v.oddly_named.empty()) {
        out += ':';
        out += v.oddly_named;
    } else if (v.has_value) {
        out += '=';
        out += v.text;
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
        bool const is_as_written = v.is_plain || is_ordinary(v.text, v.how);
        if (!v.has_value || !v.oddly_named.empty() || !is_as_written) {
            append_spelled(out.full_key, rule.variables[i].name, v);
        }
    }
    for (std::size_t i = 0; !unlisted_faithful && i < unlisted.size(); ++i) {
        out.full_key += i == 0 ? "\n?" : "&";
        out.full_key += unlisted[i];
    }
}

/// Renders key, full key, tags and lock key of a request that is served.
bypass_reason render(compiled_rule const& rule,
                     request const& r,
                     path_segments const& path,
                     raw_values const& values,
                     unlisted_parameters& unlisted,
                     decision& out) {
    auto const append = [&](std::string& to, std::size_t i) {
        if (auto const& v = values[i]; v.is_plain) {
            to += v.text;
        } else {
            append_value(to, v.text, v.how);
        }
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
    if (out.key.size() > max_key_size || path.text().size() > max_key_size) {
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
    if (path.is_own_tag()) {
        out.tags.buffer() += path.text();
    } else {
        append_path_tag(out.tags.buffer(), path.text());
    }
    out.tags.close();
    room<std::string_view, max_key_segments> segments;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < count; ++i) {
        segments.add(out.key.data() + begin, ends[i] - begin);
        begin = ends[i] + 1;
    }
    rule.tags.append(out.tags, segments.all());
    return bypass_reason::none;
}

/// The first rule that an odd path matches in its lenient form, only to name the rule that it would
/// have had; -1 for none. `scratch` is overwritten.
std::ptrdiff_t find_for_odd(rule_set::compiled const& c,
                            std::string_view path,
                            path_captures& captures,
                            std::string& scratch) {
    scratch.clear();
    append_lenient_form(scratch, path);
    path_segments const segments(scratch);
    for (std::size_t i = 0; i < c.compiled_rules.size(); ++i) {
        if (c.compiled_rules[i].path.matches(segments, captures)) {
            return static_cast<std::ptrdiff_t>(i);
        }
    }
    return -1;
}

/// The first rule that a path matches; -1 for none. `odd` becomes true when it shows only beside
/// the rule. `scratch` is overwritten.
std::ptrdiff_t find(rule_set::compiled const& c,
                    path_segments const& segments,
                    bool& odd,
                    path_captures& captures,
                    std::string& scratch) {
    auto first = segments.size() == 0 ? std::string_view() : segments[0];
    if (!segments.is_own_tag() && first.find('%') != std::string_view::npos) {
        scratch.clear();
        append_normal_form(scratch, first);
        first = scratch;
    }
    bool literally = false;
    for (auto const i : c.index.candidates(segments.size(), first)) {
        if (c.compiled_rules[i].path.matches(segments, captures, literally)) {
            // %70roducts is products by RFC 3986, and to a backend that does not decode it is not.
            odd = !literally;
            return static_cast<std::ptrdiff_t>(i);
        }
    }
    return -1;
}

bool obeys_requests(rule_definition const& text) {
    return text.obeys_requests.value_or(text.origin);
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
    out.of_identity = false;
    out.asks = {};
}

}  // namespace

void rule_set::decide(request const& r, decision& out) const {
    clear(out);
    if (r.method != "GET" && r.method != "HEAD") {
        out.what = is_safe(r.method) ? verdict::pass : verdict::mutate;
        return;
    }
    auto const mark = r.target.find('?');
    auto const text = r.target.substr(0, mark);
    auto const query =
        mark == std::string_view::npos ? std::string_view() : r.target.substr(mark + 1);
    bool odd = false;
    auto const path = path_segments::read(text, odd);
    path_captures captures;
    auto const found = odd ? find_for_odd(*compiled_, text, captures, out.key)
                           : find(*compiled_, path, odd, captures, out.key);
    out.key.clear();
    if (found < 0) {
        return;
    }
    auto const at = static_cast<std::size_t>(found);
    auto const& rule = compiled_->compiled_rules[at];
    out.matched = &compiled_->rules[at];

    raw_values values(rule.variables.size());
    unlisted_parameters unlisted;
    auto const fields = look_at_fields(compiled_->fields, rule, r);
    auto reason = find_obstacle(fields, r, odd, query);
    if (reason == bypass_reason::none) {
        auto const policy = out.matched->definition.unlisted;
        reason = take_values(rule, policy, r, query, captures, values, unlisted);
    }
    if (reason == bypass_reason::none) {
        reason = render(rule, r, path, values, unlisted, out);
    }
    if (reason == bypass_reason::none) {
        compiled_->fields.append_host(out.full_key, r);
        if (fields.claims) {
            compiled_->fields.append_claims(out.full_key, r);
        }
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
    out.of_identity = rule.of_identity;
    out.asks = {.range = fields.range,
                .conditional = fields.conditional,
                .directives = fields.directives && obeys_requests(out.matched->definition)};
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
        case bypass_reason::unverified_identity:
            return "unverified_identity";
        case bypass_reason::key_too_long:
            return "key_too_long";
        case bypass_reason::method_override:
            return "method_override";
        case bypass_reason::duplicate_field:
            return "duplicate_field";
        case bypass_reason::unkeyed_field:
            return "unkeyed_field";
        case bypass_reason::precondition:
            return "precondition";
    }
    return "none";
}

}  // namespace sidecache::rules
