#pragma once

#include "rules/definition.hpp"
#include "rules/request.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Request fields that no key holds and that backends act on all the same: whoever sends one could
/// have what it changes stored for everybody (cache poisoning by unkeyed input).
namespace sidecache::rules {

/// What a field means to a read.
enum class field_role : std::uint8_t {
    ordinary,
    method_override,  ///< says another method than the request's
    range,            ///< asks for a part
    conditional,      ///< a condition that a cache may evaluate (RFC 9111 section 4.3.2)
    precondition,     ///< one that only the origin may
    directives,       ///< Cache-Control, Pragma
    unkeyed,          ///< may change the answer, and nobody vouches for it
    claim,            ///< may change the answer: `full_key` holds it
    same_host,        ///< X-Forwarded-Host that says what Host says
};

/// Which fields are which, given what the backend gets (`surroundings`): stripped ones never reach
/// it and are ordinary; trusted ones, and X-Forwarded-Proto, are claims: what they say is part of
/// `full_key`. Immutable; any thread.
class field_policy {
public:
    field_policy() : field_policy(surroundings{}) {}
    explicit field_policy(surroundings const& around);

    field_role role_of(field const& f, std::string_view host) const;

    /// Appends to a full key what tells two requests apart although no key does: the host that the
    /// backend is asked for, unless that is always the same; and what claims say, when there are
    /// any. Allocate only when `out` grows.
    void append_host(std::string& out, request const& r) const;
    void append_claims(std::string& out, request const& r) const;

    /// Whether the backend never gets it.
    bool is_stripped(std::string_view name) const;

    /// Whether a field of that name keeps a request from an entry that others share, unless
    /// somebody vouches for it.
    static bool is_watched(std::string_view name);

private:
    struct watched {
        std::string_view name;
        field_role role;
    };
    std::vector<watched> fields_;  // those that reach the backend
    std::vector<std::string> stripped_;
    std::uint32_t initials_ = 0;  // of their names, a bit a letter
    bool fixed_host_ = false;
};

}  // namespace sidecache::rules
