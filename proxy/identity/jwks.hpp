#pragma once

#include "proxy/identity/jwt_key.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecache::identity {

/// Largest key file that is read: a JWKS of a hundred RSA keys has 50 KB.
inline constexpr std::size_t max_key_file = 256U << 10U;
inline constexpr std::size_t max_keys = 256;
/// How many keys may be tried for one token (without `kid`, or where several share one). A try
/// costs OpenSSL 3.0 from 5 us (HS256) over 33 (RS256) and 100 (ES256) to 830 (ES384).
inline constexpr std::size_t max_keys_tried = 8;

/// The keys of one file. Immutable; any thread.
struct key_set {
    std::vector<verification_key> keys;
    /// What its author should know although it works: "keys[1] is not used: its `use` is `enc`".
    std::vector<std::string> notes;
};

/// A JSON Web Key Set (RFC 7517): RSA, EC (P-256, P-384), OKP (Ed25519) and oct. Private parts are
/// not looked at. Keys of other types, those for encryption (`use: enc`), without `verify` among
/// their `key_ops`, or for an algorithm that is not known are left out with a note (RFC 7517
/// section 5). Refused whole: what is no JWKS, a key that lacks a part of itself, an RSA key of
/// fewer than 2048 bits, a secret shorter than the hash of its `alg`, a set without any key left.
std::variant<key_set, key_error> parse_jwks(std::string_view text);

/// A file that holds a shared secret and nothing else; one line end behind it does not belong to
/// it. At least 32 bytes, and as many as the hash of every algorithm in `wanted` has.
std::variant<key_set, key_error> parse_secret(std::string_view text, algorithm_set wanted);

}  // namespace sidecache::identity
