#pragma once

#include "proxy/http/message.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Fields that are meant for the next hop only (RFC 9110 section 7.6.1). Any thread.
namespace sidecache::http {

/// Whether a field of this name ends at this hop, nominated or not: Connection, Keep-Alive,
/// Proxy-Connection, Proxy-Authorization, Proxy, TE, Trailer, Transfer-Encoding, Upgrade,
/// HTTP2-Settings.
bool is_hop_by_hop(std::string_view name);

/// Whether a `Connection` option of this name is ignored, because the field is meant for every
/// recipient: "a sender MUST NOT send a connection option corresponding to a field that is intended
/// for all recipients" (RFC 9110 section 7.6.1). Host, Authorization, Cookie, Cache-Control, the
/// Content-*, If-*, Accept*, X-Forwarded-* families and their like. Honouring `Connection: Cookie`
/// would let a client choose what the backend sees of a request that others vouched for.
bool is_protected(std::string_view name);

/// Calls `each(token)` for the members of a comma-separated list, without white space around them;
/// empty members are left out (RFC 9110 section 5.6.1).
template <class Each>
void for_each_token(std::string_view list, Each each) {
    while (!list.empty()) {
        auto const comma = list.find(',');
        auto token = list.substr(0, comma);
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
        auto const first = token.find_first_not_of(" \t");
        if (first == std::string_view::npos) {
            continue;
        }
        token = token.substr(first, token.find_last_not_of(" \t") - first + 1);
        each(token);
    }
}

/// The names that `Connection` nominates, save the protected ones and those of `is_hop_by_hop`.
std::vector<std::string> nominated(field_list const& fields);

/// Removes the fields that `Connection` nominates, save the protected ones; `Connection` and the
/// fields of `is_hop_by_hop` stay. Done as soon as a request head is read, so that rules decide
/// from exactly what the backend will see: a key may not be made from a field that is then
/// stripped.
void drop_nominated(field_list& fields);

/// Leaves what is meant for everybody: `drop_nominated`, then everything of `is_hop_by_hop`.
void keep_end_to_end(field_list& fields);

/// What may be stored, and sent to a client, of an upstream's answer. Idempotent. `exchange` has
/// done it to every head it hands out, but for a 101, whose Connection and Upgrade are its point.
void end_to_end_response(response_head& head);

}  // namespace sidecache::http
