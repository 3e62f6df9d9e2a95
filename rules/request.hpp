#pragma once

#include <optional>
#include <span>
#include <string_view>

/// The part of an HTTP request that rules may look at.
namespace sidecache::rules {

/// One field line of a message, as received (RFC 9110 section 5). Views into the message.
struct field {
    std::string_view name;
    std::string_view value;
};

/// Views of one request; valid as long as the message they point into. Any thread.
struct request {
    std::string_view method;
    /// origin-form, as received: path and, after '?', the query (RFC 9112 section 3.2.1).
    std::string_view target;
    std::string_view host;
    std::span<field const> fields;
    /// A GET with content is never answered from the cache.
    bool has_body = false;
    /// Verified identity variables (design.md section 2, `identity`). nullopt: nobody has been
    /// verified, so whatever needs an identity is a bypass.
    std::optional<std::span<field const>> identity;
};

/// The target up to '?'.
std::string_view path_of(std::string_view target);

/// The target behind the first '?'; nullopt when there is none ("/a?" has an empty query).
std::optional<std::string_view> query_of(std::string_view target);

/// Case-insensitive comparison of field names and other ASCII tokens (RFC 9110 section 5.1).
bool iequals(std::string_view a, std::string_view b);

/// The value of the first field of that name; nullopt when there is none.
std::optional<std::string_view> find_field(std::span<field const> fields, std::string_view name);

}  // namespace sidecache::rules
