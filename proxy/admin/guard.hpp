#pragma once

#include <optional>
#include <string_view>

namespace sidecache::http {
struct request_head;
}

namespace sidecache::admin {

struct answer;

/// Who may change something through the admin port: nullopt, or the answer that refuses.
/// - With a token configured, `Authorization: Bearer TOKEN` is needed (RFC 6750): else 401. It is
///   taken from there alone, never from the query, which ends up in logs.
/// - A browser that says it acts for another origin gets 403: without that, any web page that an
///   operator visits could purge, since the port usually listens where only his browser reaches it.
/// - Without a token, so does a request whose Host is a name other than localhost: a page whose own
///   name has been made to point here (DNS rebinding) is of one origin with us to the browser.
std::optional<answer> refuse_unauthorized(http::request_head const& request,
                                          std::string_view token);

/// Who may read keys, paths and the configuration: whoever reaches this port, but not through a
/// browser in which another web page asks: neither one of another origin (403), nor one whose name
/// has been made to point here (403 for a Host that a public name server could answer for; an
/// address, localhost, a name without dots and names that end in .local, .internal or .svc are
/// none of those).
std::optional<answer> refuse_strangers_page(http::request_head const& request);

/// Equality whose duration tells nothing of where two texts differ, nor of how long the secret is:
/// their hashes are compared, all bytes of them.
bool equal_in_constant_time(std::string_view secret, std::string_view given);

}  // namespace sidecache::admin
