#pragma once

#include "rules/compiled.hpp"
#include "rules/decision.hpp"
#include "rules/request.hpp"

/// What speaks against looking up a request that a rule matches, before its variables are taken.
namespace sidecache::rules {

/// What a request's fields say about looking it up.
struct field_findings {
    bool method_override = false;
    bool range = false;
    bool conditional = false;
    bool precondition = false;
    bool directives = false;
    bool unkeyed = false;
    bool claims = false;
};

/// Fields that the rule's key holds are not `unkeyed`, whatever they are called.
field_findings look_at_fields(field_policy const& policy,
                              compiled_rule const& rule,
                              request const& r);

/// The first reason; `odd`: the path leaves open which resource it names. `query`: of `r`.
bypass_reason find_obstacle(field_findings const& fields,
                            request const& r,
                            bool odd,
                            std::string_view query);

}  // namespace sidecache::rules
