#pragma once

#include "proxy/identity/jwks.hpp"
#include "proxy/identity/jwt_algorithm.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::identity {

/// Largest token that is looked at: header fields rarely hold more.
inline constexpr std::size_t max_token = 8U << 10U;

/// Why a token is nobody's. Names go into a metric's label, so the list is closed.
enum class jwt_fault : std::uint8_t {
    malformed,  ///< not three parts of strict base64url, or no JSON object, or a name twice
    too_large,  ///< over `max_token`
    encrypted,  ///< a JWE
    critical,   ///< `crit`: extensions that must be understood, and none is
    algorithm,  ///< `none`, unknown, or not among those allowed
    no_key,     ///< no key of that `kid` and of the algorithm's type
    signature,  ///< not made with that key
    no_expiry,  ///< `exp` is missing or no number
    expired,    ///< `exp` is over
    not_yet,    ///< `nbf` is ahead, or no number
    issuer,     ///< `iss` is not the one wanted
    audience,   ///< `aud` does not hold one of those wanted
};
inline constexpr std::size_t jwt_faults = 12;
std::string_view name(jwt_fault f);

using instant = std::chrono::sys_seconds;

/// What is asked of a token.
struct jwt_policy {
    algorithm_set allowed;
    std::string issuer;                 // empty: any
    std::vector<std::string> audience;  // empty: any; else one of them must be in `aud`
    std::chrono::seconds leeway{0};     // how far clocks may differ
};

/// A token that holds.
struct jwt_claims {
    /// The payload as signed: a JSON object in which no name comes twice.
    std::string text;
    /// The first moment at which it holds no more, leeway included.
    instant until;
};

/// Checks a JWS in compact form (RFC 7515) with the claims of RFC 7519 at the moment `now`. Only
/// the keys given count: `jwk`, `jku`, `x5c` and the like in the header are never looked at. What
/// is not signed is not looked into, except for the header's `alg`, `kid` and `crit`.
std::variant<jwt_claims, jwt_fault> verify_jwt(std::string_view token,
                                               key_set const& keys,
                                               jwt_policy const& policy,
                                               instant now);

}  // namespace sidecache::identity
