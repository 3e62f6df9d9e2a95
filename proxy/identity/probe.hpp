#pragma once

#include "config/identity.hpp"
#include "proxy/identity/source.hpp"

#include <memory>
#include <vector>

namespace sidecache::identity {

/// Asks the backend who is asking: one GET of `how.path` with the credentials and Host, `Accept:
/// application/json`, Via and X-Request-Id, and nothing else of the request.
///
/// - 2xx with a JSON text that has a string, an integer or a boolean for each of `vars`: verified,
///   believed for `how.ttl`. What the answer's Cache-Control says does not matter: nobody is served
///   that answer; what is taken from it is bounded by the ttl, which the file's author chose.
/// - any other answer, or one that lacks a variable: rejected, for `how.negative_ttl`.
/// - a credential that is not forwarded stands beside: rejected without asking, since nobody can
/// say
///   whom the backend goes by.
/// - 5xx, or none (nobody listens, timeout, broken off, over 64 KiB): failed, for a second at most:
///   nothing was said of the credential.
std::unique_ptr<source> make_probe(config::probe how, std::vector<config::identity_variable> vars);

/// More than this is not an answer to who somebody is.
inline constexpr std::size_t max_probe_answer = 64U << 10;

}  // namespace sidecache::identity
