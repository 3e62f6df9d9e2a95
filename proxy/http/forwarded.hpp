#pragma once

#include "config/model.hpp"
#include "proxy/http/message.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>

/// What this hop adds to a request on its way to the backend. Any thread.
namespace sidecache::http {

/// Where a request came from, and what is left of it. Views outlive the call.
struct arrival {
    std::string_view peer;           ///< the client's address, without port
    std::string_view fallback_host;  ///< Host for an HTTP/1.0 request that named none
    /// Host of every request, whatever its client said; empty: the client's own.
    std::string_view fixed_host{};
    /// Fields that the backend does not get.
    std::span<std::string const> strip{};
    /// X-Request-Id of a request that has none; empty: one is made up.
    std::string_view request_id{};
};
/// The Host that the backend gets for `from`. A view into one of the two.
std::string_view host_of(request_head const& from, config::upstream const& how);

arrival arrival_of(std::string_view peer, config::upstream const& how);

/// The request that the backend gets for `from`: end-to-end fields only, in their order, target and
/// framing as they came (to be sent as HTTP/1.1), and
/// - `Via: 1.1 sidecache` added (RFC 9110 section 7.6.3);
/// - without the fields that are to be stripped, before anything is added;
/// - `X-Forwarded-For` with the peer at its end; `X-Forwarded-Proto` and `X-Forwarded-Host` unless
///   a proxy before us has said it. With a fixed host there is no X-Forwarded-Host of ours: nothing
///   is to depend on what the client calls the server;
/// - `X-Request-Id`, made up when there is none; `traceparent` goes through untouched;
/// - for an upgrade, `Connection: Upgrade` and the protocols asked for;
/// - no `Expect`: `expects_continue` says it, and `exchange::send_head` writes it.
request_head prepare_upstream_request(request_head const& from, arrival const& how);

/// Appends that request's head as bytes, for a request without content that asks for no upgrade:
/// request line, fields, `Content-Length: 0` where the client sent it, the empty line. Written
/// straight from the client's fields, without a list of its own.
void render_upstream_request(std::string& out, request_head const& from, arrival const& how);

/// 32 hex digits that no other request has, in all likelihood. Not a secret.
using request_id = std::array<char, 32>;
request_id new_request_id();
std::string make_request_id();

}  // namespace sidecache::http
