#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace sidecache::tests {

std::string encode_base64url(std::string_view bytes);

/// An issuer of tokens with a key of its own, made by OpenSSL. Throws std::runtime_error.
class jwt_signer {
public:
    /// `alg` as in a JOSE header. Each call makes a new key.
    explicit jwt_signer(std::string_view alg, std::string_view kid = "", int rsa_bits = 2'048);
    /// Signs with a given secret.
    static jwt_signer of_secret(std::string_view alg, std::string_view secret);

    /// The public key (of HS*: the secret) as a JWK; `more` is put behind its members:
    /// R"("use": "enc")".
    std::string jwk(std::string_view more = "") const;
    /// The public key in PEM.
    std::string pem() const;
    std::string const& secret() const { return secret_; }

    /// A token with {"alg": ..., "kid": ...}.
    std::string token(std::string_view claims) const;
    /// A token with exactly this header.
    std::string token(std::string_view header, std::string_view claims) const;
    /// The signature of these bytes, as JOSE wants it, not encoded.
    std::string sign(std::string_view input) const;

private:
    struct free_key {
        void operator()(evp_pkey_st* key) const;
    };
    jwt_signer() = default;

    std::string alg_;
    std::string kid_;
    std::string secret_;
    std::unique_ptr<evp_pkey_st, free_key> key_;
};

/// {"keys": [...]}
std::string jwks_of(std::vector<std::string> const& keys);

}  // namespace sidecache::tests
