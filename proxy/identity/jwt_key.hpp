#pragma once

#include "proxy/identity/jwt_algorithm.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace sidecache::identity {

/// Why a key is not taken, in words for whoever wrote it.
struct key_error {
    std::string text;
};

/// One key that signatures are checked with. Every signature is OpenSSL's own EVP or HMAC call;
/// what is ours is which algorithm may meet which key. Immutable; any thread.
class verification_key {
public:
    template <class Key>
    using made = std::variant<Key, key_error>;

    /// RSA by modulus and exponent, big-endian. From 2048 bits (RFC 7518 section 3.3) to 8192
    /// (more is nobody's key, but costs like one).
    static made<verification_key> rsa(std::string_view modulus, std::string_view exponent);
    /// A point on P-256 or P-384 by its coordinates, each exactly as long as the field (RFC 7518
    /// section 6.2.1.2).
    static made<verification_key> curve(key_kind kind, std::string_view x, std::string_view y);
    /// An Ed25519 public key: 32 bytes (RFC 8037 section 2).
    static made<verification_key> ed25519(std::string_view x);
    /// A shared secret, at least 32 bytes long. A key in PEM is refused: it is no secret.
    static made<verification_key> secret(std::string_view bytes);

    ~verification_key();
    verification_key(verification_key&&) noexcept;
    verification_key& operator=(verification_key&&) noexcept;

    key_kind kind() const { return kind_; }
    std::size_t secret_size() const { return secret_.size(); }

    /// Whether it may check signatures of this algorithm: its kind is the algorithm's, it names no
    /// other algorithm itself, and it is long enough (RFC 7518 section 3.2).
    bool fits(algorithm a) const;
    /// Whether `signature` is the one of `input`. False whenever `fits` is, and for whatever
    /// OpenSSL does not take. Constant time where a secret is compared.
    bool verifies(algorithm a, std::string_view input, std::string_view signature) const;

    /// `kid`; nullopt: it has none.
    std::optional<std::string> id;
    /// Whether it is meant whatever a token's `kid` says: the one key of a secret file.
    bool is_the_only_one = false;
    /// The one algorithm that it may be used with (the JWK's `alg`).
    std::optional<algorithm> only;

private:
    struct free_key {
        void operator()(evp_pkey_st* key) const;
    };
    using public_key = std::unique_ptr<evp_pkey_st, free_key>;

    explicit verification_key(key_kind kind) : kind_(kind) {}

    key_kind kind_;
    public_key public_;   // everything but a secret
    std::string secret_;  // overwritten at the end
};

}  // namespace sidecache::identity
