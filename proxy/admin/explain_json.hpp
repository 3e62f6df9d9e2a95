#pragma once

#include "proxy/admin/answer.hpp"
#include "proxy/admin/query.hpp"

namespace sidecache::rules {
class rule_set;
}

namespace sidecache::admin {

/// `GET /explain?method=GET&uri=/products/42&header=Name:%20value&body=...`: what the rules would
/// do with that request (rules/explain.hpp) as JSON. `method` defaults to GET, `header` may come
/// many times, `body` is a mutation's content. 400 with what to do when something is missing.
answer explain(rules::rule_set const& rules, query_parameters const& asked);

}  // namespace sidecache::admin
