#include "tests/identity/jwt_signer.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <array>
#include <stdexcept>

namespace sidecache::tests {

namespace {

unsigned char const* bytes(std::string_view s) {
    return reinterpret_cast<unsigned char const*>(s.data());
}

void must(bool ok) {
    if (!ok) {
        throw std::runtime_error("OpenSSL failed");
    }
}

EVP_MD const* digest_of(std::string_view alg) {
    if (alg.starts_with("Ed")) {
        return nullptr;
    }
    return alg.ends_with("256") ? EVP_sha256() : alg.ends_with("384") ? EVP_sha384() : EVP_sha512();
}

std::size_t field_of(std::string_view alg) {
    return alg == "ES256" ? 32 : 48;
}

std::string number(EVP_PKEY* key, char const* name, std::size_t size = 0) {
    BIGNUM* n = nullptr;
    must(EVP_PKEY_get_bn_param(key, name, &n) == 1);
    std::string out(size != 0 ? size : static_cast<std::size_t>(BN_num_bytes(n)), '\0');
    BN_bn2binpad(n, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
    BN_free(n);
    return encode_base64url(out);
}

std::string from_der(std::string_view der, std::size_t field) {
    auto const* at = bytes(der);
    ECDSA_SIG* both = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    must(both != nullptr);
    std::string out(2 * field, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(both), to, static_cast<int>(field));
    BN_bn2binpad(ECDSA_SIG_get0_s(both), to + field, static_cast<int>(field));
    ECDSA_SIG_free(both);
    return out;
}

std::string member(std::string_view name, std::string_view value) {
    return "\"" + std::string(name) + "\": \"" + std::string(value) + "\"";
}

}  // namespace

std::string encode_base64url(std::string_view text) {
    std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
    out.resize(static_cast<std::size_t>(EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()), bytes(text), static_cast<int>(text.size()))));
    out.resize(out.find_last_not_of('=') + 1);
    for (auto& c : out) {
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    return out;
}

void jwt_signer::free_key::operator()(evp_pkey_st* key) const {
    EVP_PKEY_free(key);
}

jwt_signer::jwt_signer(std::string_view alg, std::string_view kid, int rsa_bits)
    : alg_(alg), kid_(kid) {
    if (alg.starts_with("HS")) {
        std::array<unsigned char, 64> random{};
        must(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1);
        secret_.assign(random.begin(), random.end());
    } else if (alg.starts_with("ES")) {
        key_.reset(EVP_EC_gen(alg == "ES256" ? "P-256" : "P-384"));
    } else if (alg.starts_with("Ed")) {
        key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    } else {
        key_.reset(EVP_RSA_gen(static_cast<unsigned>(rsa_bits)));
    }
    must(key_ != nullptr || !secret_.empty());
}

jwt_signer jwt_signer::of_secret(std::string_view alg, std::string_view secret) {
    jwt_signer out;
    out.alg_ = alg;
    out.secret_ = secret;
    return out;
}

std::string jwt_signer::jwk(std::string_view more) const {
    std::string out = "{";
    if (!kid_.empty()) {
        out += member("kid", kid_) + ", ";
    }
    if (alg_.starts_with("HS")) {
        out += member("kty", "oct") + ", " + member("k", encode_base64url(secret_));
    } else if (alg_.starts_with("ES")) {
        out += member("kty", "EC") + ", " + member("crv", alg_ == "ES256" ? "P-256" : "P-384") +
               ", " + member("x", number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, field_of(alg_))) +
               ", " + member("y", number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, field_of(alg_)));
    } else if (alg_.starts_with("Ed")) {
        std::array<unsigned char, 32> x{};
        std::size_t size = x.size();
        must(EVP_PKEY_get_raw_public_key(key_.get(), x.data(), &size) == 1);
        out += member("kty", "OKP") + ", " + member("crv", "Ed25519") + ", " +
               member("x", encode_base64url({reinterpret_cast<char const*>(x.data()), x.size()}));
    } else {
        out += member("kty", "RSA") + ", " +
               member("n", number(key_.get(), OSSL_PKEY_PARAM_RSA_N)) + ", " +
               member("e", number(key_.get(), OSSL_PKEY_PARAM_RSA_E));
    }
    return out + (more.empty() ? "" : ", ") + std::string(more) + "}";
}

std::string jwt_signer::pem() const {
    BIO* to = BIO_new(BIO_s_mem());
    must(PEM_write_bio_PUBKEY(to, key_.get()) == 1);
    char* text = nullptr;
    auto const size = BIO_get_mem_data(to, &text);
    std::string out(text, static_cast<std::size_t>(size));
    BIO_free(to);
    return out;
}

std::string jwt_signer::token(std::string_view claims) const {
    auto const kid = kid_.empty() ? std::string() : ", " + member("kid", kid_);
    return token("{" + member("alg", alg_) + kid + "}", claims);
}

std::string jwt_signer::token(std::string_view header, std::string_view claims) const {
    auto const input = encode_base64url(header) + "." + encode_base64url(claims);
    return input + "." + encode_base64url(sign(input));
}

std::string jwt_signer::sign(std::string_view input) const {
    if (!secret_.empty()) {
        std::string out(EVP_MAX_MD_SIZE, '\0');
        unsigned size = 0;
        must(HMAC(digest_of(alg_),
                  secret_.data(),
                  static_cast<int>(secret_.size()),
                  bytes(input),
                  input.size(),
                  reinterpret_cast<unsigned char*>(out.data()),
                  &size) != nullptr);
        out.resize(size);
        return out;
    }
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* details = nullptr;
    must(EVP_DigestSignInit(context, &details, digest_of(alg_), nullptr, key_.get()) == 1);
    if (alg_.starts_with("PS")) {
        must(EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) == 1);
        must(EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
    std::size_t size = 0;
    must(EVP_DigestSign(context, nullptr, &size, bytes(input), input.size()) == 1);
    std::string out(size, '\0');
    must(EVP_DigestSign(context,
                        reinterpret_cast<unsigned char*>(out.data()),
                        &size,
                        bytes(input),
                        input.size()) == 1);
    out.resize(size);
    EVP_MD_CTX_free(context);
    return alg_.starts_with("ES") ? from_der(out, field_of(alg_)) : out;
}

std::string jwks_of(std::vector<std::string> const& keys) {
    std::string out;
    for (auto const& key : keys) {
        out += (out.empty() ? "" : ", ") + key;
    }
    return "{\"keys\": [" + out + "]}";
}

}  // namespace sidecache::tests
