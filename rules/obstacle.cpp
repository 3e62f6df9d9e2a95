#include "rules/obstacle.hpp"

#include "rules/caller_field.hpp"

#include <algorithm>

namespace sidecache::rules {

namespace {

/// Whether a backend may read the field under the name of another, which then is in no key.
bool is_ambiguous(field_policy const& policy, compiled_rule const& rule, field const& f) {
    return !is_plain_name(f.name) && caller_field_of(f.name) == caller_field::none &&
           !policy.is_stripped(f.name) && !keys_field(rule, f.name);
}

/// A byte that no parser of ours lets into a target, and that would make two full keys one. A path
/// with it is odd.
bool holds_control(std::string_view query) {
    return std::any_of(query.begin(), query.end(), [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
    });
}

}  // namespace

bool keys_field(compiled_rule const& r, std::string_view field_name) {
    return std::ranges::any_of(r.variables, [&](bound_variable const& v) {
        return v.source.what == variable_source::kind::header && iequals(v.source.name, field_name);
    });
}

field_findings look_at_fields(field_policy const& policy,
                              compiled_rule const& rule,
                              request const& r) {
    field_findings found;
    unsigned hosts = 0;
    for (auto const& f : r.fields) {
        switch (policy.role_of(f, r.host)) {
            case field_role::ordinary:
                found.unkeyed = found.unkeyed || is_ambiguous(policy, rule, f);
                break;
            case field_role::method_override:
                found.method_override = true;
                break;
            case field_role::range:
                found.range = true;
                break;
            case field_role::conditional:
                found.conditional = true;
                break;
            case field_role::precondition:
                found.precondition = true;
                break;
            case field_role::directives:
                found.directives = true;
                break;
            case field_role::unkeyed:
                found.unkeyed = found.unkeyed || !keys_field(rule, f.name);
                break;
            case field_role::claim:
                found.claims = true;
                break;
            case field_role::same_host:
                // Said twice it is a list to some backends, and no host that anybody has.
                found.unkeyed = found.unkeyed || ++hosts > 1;
                break;
        }
    }
    return found;
}

bypass_reason find_obstacle(field_findings const& fields,
                            request const& r,
                            bool odd,
                            std::string_view query) {
    if (fields.method_override) {
        return bypass_reason::method_override;
    }
    if (odd || holds_control(query)) {
        return bypass_reason::odd_path;
    }
    if (r.has_body) {
        return bypass_reason::request_body;
    }
    if (fields.precondition) {
        return bypass_reason::precondition;
    }
    return fields.unkeyed ? bypass_reason::unkeyed_field : bypass_reason::none;
}

}  // namespace sidecache::rules
