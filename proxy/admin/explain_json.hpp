#pragma once

#include "proxy/admin/answer.hpp"
#include "proxy/admin/query.hpp"

namespace sidecache::config {
struct model;
}

namespace sidecache::admin {

/// `GET /explain?method=GET&uri=/products/42&header=Name:%20value&body=...`: what the rules would
/// do with that request (rules/explain.hpp) as JSON. `method` defaults to GET, `header` may come
/// many times, `body` is a mutation's content. `identity.orgId=7` says whom to take the caller for:
/// header fields are never verified here, since a question about a credential would be one to send
/// it in. 400 with what to do when something is missing.
answer explain(config::model const& config, query_parameters const& asked);

}  // namespace sidecache::admin
