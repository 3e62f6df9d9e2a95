#pragma once

#include "rules/request.hpp"

#include <cstdint>
#include <span>
#include <string_view>

/// Fields beside Authorization and Cookie that tell a backend who asks, or for whom: keys and
/// tokens of APIs, the tenant that a client chooses, what a gateway says of a caller. A cache that
/// does not know them would serve one caller's answer to the next.
namespace sidecache::rules {

enum class caller_field : std::uint8_t {
    none,
    clients,  ///< a client's own: its API key, its tenant, whom it wants to act for
    told,     ///< what a gateway in front says of whom it has authenticated
};

/// Letter case does not count. Every field of every read comes through here.
caller_field caller_field_of(std::string_view name);

/// All of them, as they are usually written.
std::span<std::string_view const> known_caller_fields();

/// Whether a request has any.
bool names_caller(std::span<field const> fields);

/// Without '_' and '.'. What reaches a program as a variable (CGI, WSGI, Rack, PHP) has '-' turned
/// into '_', and for PHP '.' as well: `X_Tenant_Id` may be read as `X-Tenant-Id`.
bool is_plain_name(std::string_view name);

}  // namespace sidecache::rules
