#pragma once

#include "proxy/http/message.hpp"

#include <string>
#include <string_view>

/// What this hop adds to a request on its way to the backend. Any thread.
namespace sidecache::http {

/// Where a request came from. Views outlive the call.
struct arrival {
    std::string_view peer;           ///< the client's address, without port
    std::string_view fallback_host;  ///< Host for an HTTP/1.0 request that named none
};

/// The request that the backend gets for `from`: end-to-end fields only, in their order, target and
/// framing as they came (to be sent as HTTP/1.1), and
/// - `Via: 1.1 sidecache` added (RFC 9110 section 7.6.3);
/// - `X-Forwarded-For` with the peer at its end; `X-Forwarded-Proto` and `X-Forwarded-Host` unless
///   a proxy before us has said it;
/// - `X-Request-Id`, made up when there is none; `traceparent` goes through untouched;
/// - for an upgrade, `Connection: Upgrade` and the protocols asked for;
/// - no `Expect`: `expects_continue` says it, and `exchange::send_head` writes it.
request_head prepare_upstream_request(request_head const& from, arrival const& how);

/// 32 hex digits that no other request has, in all likelihood. Not a secret.
std::string make_request_id();

}  // namespace sidecache::http
