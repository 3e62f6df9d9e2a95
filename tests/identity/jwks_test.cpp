// Key files: what is taken, what is left out, and what is refused with which words.
#include "proxy/identity/jwks.hpp"

#include "tests/identity/jwt_signer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sidecache::identity;
using sidecache::tests::encode_base64url;
using sidecache::tests::jwks_of;
using sidecache::tests::jwt_signer;

namespace {

/// "2 keys; note; note", or "error: ...".
std::string shown(std::variant<key_set, key_error> const& result) {
    if (auto const* error = std::get_if<key_error>(&result)) {
        return "error: " + error->text;
    }
    auto const& set = std::get<key_set>(result);
    auto out = std::to_string(set.keys.size()) + " keys";
    for (auto const& note : set.notes) {
        out += "; " + note;
    }
    return out;
}

std::string load(std::vector<std::string> const& jwk) {
    return shown(parse_jwks(jwks_of(jwk)));
}

std::string oct(std::size_t size, std::string const& more = "") {
    return R"({"kty":"oct","k":")" + encode_base64url(std::string(size, 's')) + "\"" + more + "}";
}

jwt_signer const& ec() {
    static jwt_signer const made("ES256", "ec");
    return made;
}

}  // namespace

TEST_CASE("a key set holds keys of every type") {
    CHECK(load({jwt_signer("RS256", "a").jwk(),
                jwt_signer("ES256", "b").jwk(R"("use": "sig", "alg": "ES256")"),
                jwt_signer("ES384", "c").jwk(R"("key_ops": ["verify"])"),
                jwt_signer("EdDSA", "d").jwk(R"("x5t": "unknown members do not matter")"),
                jwt_signer("HS256", "e").jwk(R"("alg": "HS512")")}) == "5 keys");
}

TEST_CASE("keys that are not for signatures, or not known, are left out and named") {
    CHECK(load({ec().jwk(), jwt_signer("ES256", "enc").jwk(R"("use": "enc")")}) ==
          "1 keys; keys[1] (`kid` `enc`): not used: its `use` is not `sig`");
    CHECK(load({ec().jwk(), jwt_signer("ES256").jwk(R"("key_ops": ["sign", "encrypt"])")}) ==
          "1 keys; keys[1]: not used: its `key_ops` lack `verify`");
    CHECK(load({ec().jwk(), jwt_signer("ES256").jwk(R"("key_ops": "verify")")}) ==
          "1 keys; keys[1]: not used: its `key_ops` lack `verify`");
    CHECK(load({ec().jwk(), jwt_signer("ES256").jwk(R"("alg": "ES999")")}) ==
          "1 keys; keys[1]: not used: its `alg` is not known");
    CHECK(load({ec().jwk(), R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})"}) ==
          "1 keys; keys[1]: not used: its type `EC` on `P-521` is not known");
    CHECK(load({ec().jwk(), R"({"kty":"OKP","crv":"X25519","x":"AA"})"}) ==
          "1 keys; keys[1]: not used: its type `OKP` on `X25519` is not known");
    CHECK(load({ec().jwk(), R"({"kty":"AKP\u001b[31m"})"}) ==
          "1 keys; keys[1]: not used: its type `AKP?[31m` is not known");
    CHECK(load({ec().jwk(R"("d": "AA")")}) ==
          "1 keys; keys[0] (`kid` `ec`): it holds the private key, too; the public one is all that "
          "is needed");
    CHECK(load({jwt_signer("ES256").jwk(R"("use": "enc")")}) ==
          "error: holds no key that could check a signature; keys[0]: not used: its `use` is not "
          "`sig`");
}

TEST_CASE("weak keys are refused") {
    CHECK(load({jwt_signer("RS256", "old", 1'024).jwk()}) ==
          "error: keys[0] (`kid` `old`): its RSA key has 1024 bits; fewer than 2048 can be broken");
    CHECK(load({oct(31)}) == "error: keys[0]: its secret has 31 bytes; HS256 needs 32 or more");
    CHECK(load({oct(32)}) == "1 keys");
    CHECK(load({oct(47, R"(,"alg":"HS384")")}) ==
          "error: keys[0]: its secret has 47 bytes; HS384 needs 48");
    auto const modulus = encode_base64url(std::string(256, '\xc5'));
    for (std::string const e : {"AQ", "Ag", "", "AQABAQABAQABAQAB"}) {  // 1, 2, 0, 2^96 and some
        CHECK(load({R"({"kty":"RSA","n":")" + modulus + R"(","e":")" + e + "\"}"}) ==
              "error: keys[0]: it is no RSA key");
    }
    auto const huge = encode_base64url(std::string(1'025, '\xc5'));
    CHECK(load({R"({"kty":"RSA","e":"AQAB","n":")" + huge + "\"}"}) ==
          "error: keys[0]: its RSA key is longer than 8192 bits");
}

TEST_CASE("keys that are not whole are refused") {
    CHECK(load({R"({"kty":"RSA","e":"AQAB"})"}) == "error: keys[0]: it has no `n`");
    CHECK(load({R"({"kty":"RSA","e":"AQAB","n":"A==="})"}) ==
          "error: keys[0]: its `n` is no base64url (without padding)");
    CHECK(load({R"({"kty":"oct","k":7})"}) == "error: keys[0]: it has no `k`");
    CHECK(load({R"({"use":"sig"})"}) == "error: keys[0]: it has no `kty`");
    CHECK(load({R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"}) ==
          "error: keys[0]: `x` must have 32 bytes");
    CHECK(load({R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})"}) ==
          "error: keys[0]: `x` and `y` must have 32 bytes each");
    auto const coordinate = encode_base64url(std::string(32, '\x01'));
    CHECK(load({R"({"kty":"EC","crv":"P-256","x":")" + coordinate + R"(","y":")" + coordinate +
                "\"}"}) == "error: keys[0]: `x` and `y` are no point on its curve");
    CHECK(load({jwt_signer("ES256").jwk(R"("alg": "RS256")")}) ==
          "error: keys[0]: its `alg` is not one of its type's");
    CHECK(load({jwt_signer("ES256").jwk(R"("kid": 7)")}) ==
          "error: keys[0]: its `kid` is no string");
    CHECK(load({"7"}) == "error: keys[0]: it is no JSON object");
}

TEST_CASE("a file that is no key set is refused") {
    auto const no_set =
        "error: is no JWKS: not one JSON object with `keys`, or a name in it comes twice";
    for (std::string const text : {"",
                                   "null",
                                   "[]",
                                   "{}",
                                   R"({"keys":{}})",
                                   R"({"keys":[]} x)",
                                   R"({"keys":[],"keys":[]})"}) {
        CAPTURE(text);
        CHECK(shown(parse_jwks(text)) == no_set);
    }
    CHECK(load({R"({"kty":"oct","k":"AA","k":"AA"})"}) == no_set);
    CHECK(shown(parse_jwks(R"({"keys":[]})")) ==
          "error: holds no key that could check a signature");
    CHECK(load(std::vector<std::string>(257, oct(32))) == "error: holds more than 256 keys");
    CHECK(load({oct(300'000)}) == "error: is larger than 256 KiB");
}

TEST_CASE("a secret file is the secret, without the line end behind it") {
    std::string const secret(32, 's');
    auto const size = [](std::string const& text, algorithm_set wanted = {}) {
        auto const parsed = parse_secret(text, wanted);
        return std::holds_alternative<key_error>(parsed)
                   ? std::get<key_error>(parsed).text
                   : std::to_string(std::get<key_set>(parsed).keys.at(0).secret_size());
    };
    CHECK(size(secret) == "32");
    CHECK(size(secret + "\n") == "32");
    CHECK(size(secret + "\r\n") == "32");
    CHECK(size(secret + "\n\n") == "33");
    CHECK(size(" " + secret) == "33");
    CHECK(size("") == "its secret has 0 bytes; HS256 needs 32 or more");
    CHECK(size("secret\n") == "its secret has 6 bytes; HS256 needs 32 or more");
    CHECK(size(secret, {algorithm::hs256}) == "32");
    CHECK(size(secret, {algorithm::hs256, algorithm::hs512}) ==
          "its secret has 32 bytes; HS512 needs 64");
    CHECK(size(jwt_signer("ES256").pem()) ==
          "it is a key in PEM, and no secret: whoever knows a public key could sign with it");
}

TEST_CASE("a secret shorter than an algorithm's hash does not check its signatures") {
    auto const set = std::get<key_set>(parse_secret(std::string(48, 's'), {}));
    CHECK(set.keys[0].fits(algorithm::hs256));
    CHECK(set.keys[0].fits(algorithm::hs384));
    CHECK_FALSE(set.keys[0].fits(algorithm::hs512));
    CHECK_FALSE(set.keys[0].fits(algorithm::rs256));
}
