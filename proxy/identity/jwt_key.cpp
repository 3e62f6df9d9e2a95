// No primitive is written here: OpenSSL 3 makes the keys (EVP_PKEY_fromdata checks that a point is
// on its curve) and checks the signatures (EVP_DigestVerify, HMAC). Ours is the JOSE side: which
// algorithm may meet which key, and ECDSA's r||s (RFC 7518 section 3.4), which OpenSSL wants in
// DER.
#include "proxy/identity/jwt_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <array>
#include <utility>

namespace sidecache::identity {

namespace {

constexpr int least_modulus_bits = 2'048;
constexpr int most_modulus_bits = 8'192;
constexpr std::size_t least_secret = 32;

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, freed_by<Free>>;

using number = owned<BIGNUM, BN_free>;
using parameters = owned<OSSL_PARAM, OSSL_PARAM_free>;
using parameter_builder = owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using key_context = owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using digest_context = owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using ecdsa_signature = owned<ECDSA_SIG, ECDSA_SIG_free>;

/// What OpenSSL says of a hostile signature must not be found by whoever asks its error queue next
/// on this thread (a TLS connection, for one).
class own_errors {
public:
    own_errors() { ERR_set_mark(); }
    ~own_errors() { ERR_pop_to_mark(); }
    own_errors(own_errors const&) = delete;
    own_errors& operator=(own_errors const&) = delete;
};

unsigned char const* bytes(std::string_view s) {
    return reinterpret_cast<unsigned char const*>(s.data());
}

number to_number(std::string_view big_endian) {
    return number(BN_bin2bn(bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

EVP_PKEY* from_data(char const* type, OSSL_PARAM_BLD* builder) {
    parameters const given(OSSL_PARAM_BLD_to_param(builder));
    key_context const context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* out = nullptr;
    if (!given || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &out, EVP_PKEY_PUBLIC_KEY, given.get()) != 1) {
        return nullptr;
    }
    return out;
}

EVP_MD const* digest_of(algorithm a) {
    switch (facts(a).digest) {
        case 32:
            return EVP_sha256();
        case 48:
            return EVP_sha384();
        case 64:
            return EVP_sha512();
        default:
            return nullptr;  // Ed25519 hashes by itself
    }
}

bool verifies_hmac(std::string_view secret,
                   EVP_MD const* digest,
                   std::string_view input,
                   std::string_view signature) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> expected{};
    unsigned size = 0;
    return HMAC(digest,
                secret.data(),
                static_cast<int>(secret.size()),
                bytes(input),
                input.size(),
                expected.data(),
                &size) != nullptr &&
           signature.size() == size && CRYPTO_memcmp(expected.data(), signature.data(), size) == 0;
}

/// r||s as DER; empty when its size is not twice the field's.
std::string to_der(std::string_view raw, std::size_t field) {
    if (raw.size() != 2 * field) {
        return {};
    }
    ecdsa_signature const both(ECDSA_SIG_new());
    auto r = to_number(raw.substr(0, field));
    auto s = to_number(raw.substr(field));
    // It takes both, and fails only without one of them.
    if (!both || !r || !s || ECDSA_SIG_set0(both.get(), r.release(), s.release()) != 1) {
        return {};
    }
    unsigned char* der = nullptr;
    int const size = i2d_ECDSA_SIG(both.get(), &der);
    if (size <= 0) {
        return {};
    }
    std::string out(reinterpret_cast<char const*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return out;
}

bool is_pss(algorithm a) {
    return a == algorithm::ps256 || a == algorithm::ps384 || a == algorithm::ps512;
}

bool verifies_public(EVP_PKEY* key,
                     algorithm a,
                     std::string_view input,
                     std::string_view signature) {
    digest_context const context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* details = nullptr;  // the digest context's own
    if (!context ||
        EVP_DigestVerifyInit(context.get(), &details, digest_of(a), nullptr, key) != 1) {
        return false;
    }
    // RFC 7518 section 3.5: the salt is as long as the digest, MGF1 uses the same one.
    if (is_pss(a) && (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) != 1 ||
                      EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) != 1)) {
        return false;
    }
    return EVP_DigestVerify(
               context.get(), bytes(signature), signature.size(), bytes(input), input.size()) == 1;
}

}  // namespace

void verification_key::free_key::operator()(evp_pkey_st* key) const {
    EVP_PKEY_free(key);
}

verification_key::~verification_key() {
    OPENSSL_cleanse(secret_.data(), secret_.size());
}

verification_key::verification_key(verification_key&&) noexcept = default;
verification_key& verification_key::operator=(verification_key&&) noexcept = default;

verification_key::made<verification_key> verification_key::rsa(std::string_view modulus,
                                                               std::string_view exponent) {
    own_errors const ours;
    auto const limit = static_cast<std::size_t>(most_modulus_bits) / 8 + 1;
    if (modulus.size() > limit || exponent.size() > limit) {
        return key_error{"its RSA key is longer than 8192 bits"};
    }
    auto const n = to_number(modulus);
    auto const e = to_number(exponent);
    if (!n || !e) {
        return key_error{"it is no RSA key"};
    }
    if (auto const size = BN_num_bits(n.get()); size < least_modulus_bits) {
        return key_error{"its RSA key has " + std::to_string(size) +
                         " bits; fewer than 2048 can be broken"};
    } else if (size > most_modulus_bits) {
        return key_error{"its RSA key is longer than 8192 bits"};
    }
    // 1 makes any message its own signature, and an even exponent is none.
    if (BN_is_odd(e.get()) != 1 || BN_is_one(e.get()) == 1 || BN_num_bits(e.get()) > 64 ||
        BN_is_odd(n.get()) != 1) {
        return key_error{"it is no RSA key"};
    }
    parameter_builder const builder(OSSL_PARAM_BLD_new());
    verification_key out(key_kind::rsa);
    if (builder && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1) {
        out.public_.reset(from_data("RSA", builder.get()));
    }
    if (!out.public_) {
        return key_error{"it is no RSA key"};
    }
    return out;
}

verification_key::made<verification_key> verification_key::curve(key_kind kind,
                                                                 std::string_view x,
                                                                 std::string_view y) {
    own_errors const ours;
    bool const is_256 = kind == key_kind::p256;
    std::size_t const field = is_256 ? 32 : 48;
    if (x.size() != field || y.size() != field) {
        return key_error{"`x` and `y` must have " + std::to_string(field) + " bytes each"};
    }
    std::string point = "\x04";  // uncompressed
    point.append(x).append(y);
    parameter_builder const builder(OSSL_PARAM_BLD_new());
    verification_key out(kind);
    if (builder &&
        OSSL_PARAM_BLD_push_utf8_string(
            builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, is_256 ? "P-256" : "P-384", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(
            builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1) {
        out.public_.reset(from_data("EC", builder.get()));
    }
    key_context const check(
        out.public_ ? EVP_PKEY_CTX_new_from_pkey(nullptr, out.public_.get(), nullptr) : nullptr);
    if (!check || EVP_PKEY_public_check(check.get()) != 1) {
        return key_error{"`x` and `y` are no point on its curve"};
    }
    return out;
}

verification_key::made<verification_key> verification_key::ed25519(std::string_view x) {
    own_errors const ours;
    verification_key out(key_kind::ed25519);
    out.public_.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(x), x.size()));
    if (!out.public_) {
        return key_error{"`x` must have 32 bytes"};
    }
    return out;
}

verification_key::made<verification_key> verification_key::secret(std::string_view bytes) {
    if (bytes.find("-----BEGIN ") != std::string_view::npos) {
        return key_error{
            "it is a key in PEM, and no secret: whoever knows a public key could sign "
            "with it"};
    }
    if (bytes.size() < least_secret) {
        return key_error{"its secret has " + std::to_string(bytes.size()) +
                         " bytes; HS256 needs 32 or more"};
    }
    verification_key out(key_kind::secret);
    out.secret_ = bytes;
    return out;
}

bool verification_key::fits(algorithm a) const {
    auto const& wanted = facts(a);
    if (wanted.key != kind_ || (only && *only != a)) {
        return false;
    }
    return kind_ != key_kind::secret || secret_.size() >= wanted.digest;
}

bool verification_key::verifies(algorithm a,
                                std::string_view input,
                                std::string_view signature) const {
    if (!fits(a)) {
        return false;
    }
    own_errors const ours;
    switch (kind_) {
        case key_kind::secret:
            return verifies_hmac(secret_, digest_of(a), input, signature);
        case key_kind::p256:
        case key_kind::p384: {
            auto const der = to_der(signature, facts(a).digest);
            return !der.empty() && verifies_public(public_.get(), a, input, der);
        }
        case key_kind::rsa:
        case key_kind::ed25519:
            return verifies_public(public_.get(), a, input, signature);
    }
    return false;
}

}  // namespace sidecache::identity
