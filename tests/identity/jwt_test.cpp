// Tokens: which are taken, and what each of the others is refused for.
#include "proxy/identity/jwt.hpp"

#include "proxy/identity/base64url.hpp"
#include "tests/identity/jwt_signer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sidecache::identity;
using sidecache::tests::encode_base64url;
using sidecache::tests::jwks_of;
using sidecache::tests::jwt_signer;

namespace {

instant at(std::int64_t seconds) {
    return instant(std::chrono::seconds(seconds));
}

key_set keys(std::vector<std::string> const& jwk) {
    auto parsed = parse_jwks(jwks_of(jwk));
    if (auto const* error = std::get_if<key_error>(&parsed)) {
        FAIL(error->text);
    }
    return std::get<key_set>(std::move(parsed));
}

jwt_policy any() {
    jwt_policy out;
    for (auto const& known : known_algorithms()) {
        out.allowed.add(known.id);
    }
    return out;
}

/// "ok", or the fault's name.
std::string check(std::string_view token,
                  key_set const& with,
                  jwt_policy const& policy = any(),
                  instant now = at(1'000)) {
    auto const result = verify_jwt(token, with, policy, now);
    auto const* fault = std::get_if<jwt_fault>(&result);
    return fault == nullptr ? "ok" : std::string(name(*fault));
}

// Making an RSA key takes its time.
jwt_signer const& rsa() {
    static jwt_signer const made("RS256", "rsa");
    return made;
}
jwt_signer const& es256() {
    static jwt_signer const made("ES256", "ec");
    return made;
}
jwt_signer const& hs256() {
    static jwt_signer const made("HS256", "hs");
    return made;
}

constexpr char const* valid = R"({"sub": "7", "exp": 2000})";

// RFC 7515 appendix A: the payload of A.1 to A.3, and their keys.
constexpr char const* rfc_payload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ";
constexpr char const* rfc_secret =
    R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})";
constexpr char const* rfc_rsa =
    R"({"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})";
constexpr char const* rfc_ec =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
constexpr char const* rfc_ed25519 =
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";

}  // namespace

TEST_CASE("the examples of RFC 7515 appendix A hold until their exp") {
    struct row {
        char const* what;
        char const* key;
        char const* header;
        char const* signature;
    };
    for (auto const& r : std::vector<row>{
             {"A.1, HS256",
              rfc_secret,
              "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
              "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
             {"A.2, RS256",
              rfc_rsa,
              "eyJhbGciOiJSUzI1NiJ9",
              "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YK"
              "t_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBAr"
              "LIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7n"
              "oOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUP"
              "QGe77Rw"},
             {"A.3, ES256",
              rfc_ec,
              "eyJhbGciOiJFUzI1NiJ9",
              "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU"
              "1Q"},
         }) {
        CAPTURE(r.what);
        auto const with = keys({r.key});
        auto const token = std::string(r.header) + "." + rfc_payload + "." + r.signature;
        CHECK(check(token, with, any(), at(1'300'819'379)) == "ok");
        CHECK(check(token, with, any(), at(1'300'819'380)) == "expired");
        auto tampered = token;
        tampered[std::string(r.header).size() + 10] ^= 1;
        CHECK(check(tampered, with, any(), at(1'300'819'379)) != "ok");
    }
}

TEST_CASE("the example of RFC 8037 appendix A.4 is signed, and no token") {
    auto const with = keys({rfc_ed25519});
    std::string const input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    std::string const signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    auto const raw = decode_base64url(signature);
    REQUIRE(raw);
    CHECK(with.keys[0].verifies(algorithm::eddsa, input, *raw));
    CHECK_FALSE(with.keys[0].verifies(algorithm::eddsa, input + "x", *raw));
    CHECK(check(input + "." + signature, with) == "malformed");  // its payload is no JSON
}

TEST_CASE("every algorithm checks what its key has signed, and nothing else") {
    for (auto const& known : known_algorithms()) {
        std::string const alg(known.name);
        CAPTURE(alg);
        jwt_signer const own(alg, "k");
        auto const with = keys({own.jwk()});
        auto const token = own.token(valid);
        CHECK(check(token, with) == "ok");
        jwt_policy others = any();
        others.allowed = {};
        for (auto const& k : known_algorithms()) {
            if (k.id != known.id) {
                others.allowed.add(k.id);
            }
        }
        CHECK(check(token, with, others) == "algorithm");

        // another key of the same type
        CHECK(check(jwt_signer(alg, "k").token(valid), with) == "signature");
        // another payload under the same signature
        auto const signature = token.substr(token.rfind('.'));
        auto const header = token.substr(0, token.find('.'));
        CHECK(check(header + "." + encode_base64url(R"({"sub":"8","exp":2000})") + signature,
                    with) == "signature");
        // no signature, half a signature, and one that is too long
        CHECK(check(token.substr(0, token.rfind('.') + 1), with) == "signature");
        auto const raw = decode_base64url(signature.substr(1));
        REQUIRE(raw);
        auto const signed_part = token.substr(0, token.rfind('.') + 1);
        CHECK(check(signed_part + encode_base64url(raw->substr(0, raw->size() / 2)), with) ==
              "signature");
        CHECK(check(signed_part + encode_base64url(*raw + '\0'), with) == "signature");
        CHECK(check(signed_part + encode_base64url(std::string(raw->size(), '\0')), with) ==
              "signature");
    }
}

TEST_CASE("`alg: none` is refused, however it is spelt") {
    for (std::string const alg : {"none", "None", "NONE", "nOnE", "", "HS257", "hs256", "RS1"}) {
        CAPTURE(alg);
        auto const head = encode_base64url(R"({"alg":")" + alg + R"("})");
        for (auto const* signature : {"", "AAAA"}) {
            CHECK(check(head + "." + encode_base64url(valid) + "." + signature,
                        keys({rsa().jwk(), hs256().jwk()})) == "algorithm");
        }
    }
    for (std::string const head :
         {R"({})", R"({"typ":"JWT"})", R"({"alg":null})", R"({"alg":1})", R"({"alg":["RS256"]})"}) {
        CAPTURE(head);
        CHECK(check(rsa().token(head, valid), keys({rsa().jwk()})) == "algorithm");
    }
}

TEST_CASE("a public key is no HMAC secret, whichever way it is written") {
    auto const with = keys({rsa().jwk()});
    auto const pem = rsa().pem();
    for (auto const& text : {pem, pem.substr(0, pem.size() - 1), rsa().jwk()}) {
        for (auto const* alg : {"HS256", "HS384", "HS512"}) {
            auto const forger = jwt_signer::of_secret(alg, text);
            CHECK(check(forger.token(valid), with) == "no_key");
            CHECK(check(forger.token(R"({"alg":")" + std::string(alg) + R"(","kid":"rsa"})", valid),
                        with) == "no_key");
        }
    }
    // nor does a secret of that name make an RSA token one of ours
    CHECK(check(rsa().token(valid), keys({jwt_signer("HS256", "rsa").jwk()})) == "no_key");
    // a key's own `alg` binds, too
    auto const head = R"({"alg":"PS256","kid":"rsa"})";
    jwt_signer const pss("PS256", "rsa");
    CHECK(check(pss.token(head, valid), keys({pss.jwk()})) == "ok");
    CHECK(check(pss.token(head, valid), keys({pss.jwk(R"("alg": "RS256")")})) == "no_key");
}

TEST_CASE("`kid` chooses the key; without one each key of the type is tried") {
    jwt_signer const a("ES256", "a");
    jwt_signer const b("ES256", "b");
    jwt_signer const nameless("ES256");
    auto const with = keys({a.jwk(), b.jwk(), rsa().jwk()});
    CHECK(check(a.token(valid), with) == "ok");
    CHECK(check(b.token(valid), with) == "ok");
    CHECK(check(a.token(R"({"alg":"ES256"})", valid), with) == "ok");
    CHECK(check(b.token(R"({"alg":"ES256"})", valid), with) == "ok");
    CHECK(check(a.token(R"({"alg":"ES256","kid":"b"})", valid), with) == "signature");
    CHECK(check(a.token(R"({"alg":"ES256","kid":"c"})", valid), with) == "no_key");
    CHECK(check(a.token(R"({"alg":"ES256","kid":"A"})", valid), with) == "no_key");
    CHECK(check(a.token(R"({"alg":"ES256","kid":"rsa"})", valid), with) == "no_key");
    CHECK(check(a.token(R"({"alg":"ES256","kid":7})", valid), with) == "malformed");
    CHECK(check(nameless.token(R"({"alg":"ES256","kid":"a"})", valid), keys({nameless.jwk()})) ==
          "no_key");

    SUBCASE("no more than eight keys are tried for one token") {
        std::vector<std::string> many;
        for (int i = 0; i < 8; ++i) {
            many.push_back(jwt_signer("ES256").jwk());
        }
        auto first = many;
        first.insert(first.begin(), a.jwk());
        auto last = many;
        last.push_back(a.jwk());
        CHECK(check(a.token(R"({"alg":"ES256"})", valid), keys(first)) == "ok");
        CHECK(check(a.token(R"({"alg":"ES256"})", valid), keys(last)) == "signature");
        CHECK(check(a.token(valid), keys(last)) == "ok");  // by its name
    }
    SUBCASE("keys in the token itself are not looked at") {
        auto const own = R"({"alg":"ES256","jwk":)" + nameless.jwk() + "}";
        CHECK(check(nameless.token(own, valid), with) == "signature");
    }
}

TEST_CASE("what is no strict JWS is refused") {
    auto const with = keys({hs256().jwk()});
    auto const token = hs256().token(valid);
    REQUIRE(check(token, with) == "ok");
    auto const signed_with = [](std::string_view header, std::string_view claims) {
        return hs256().token(header, claims);
    };
    constexpr char const* head = R"({"alg":"HS256"})";

    SUBCASE("its form") {
        for (std::string const text : {"", ".", "..", "...", "a", "a.b", "a.b.c.d", "....."}) {
            CAPTURE(text);
            CHECK(check(text, with) == "malformed");
        }
        CHECK(check(token + "=", with) == "malformed");
        CHECK(check(token + " ", with) == "malformed");
        CHECK(check(" " + token, with) == "malformed");
        CHECK(check(token + "\n", with) == "malformed");
        CHECK(check(token + ".", with) == "malformed");
        CHECK(check(R"({"payload":"e30","signatures":[]})", with) == "malformed");
    }
    SUBCASE("a JWE") {
        CHECK(check("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", with) == "encrypted");
        CHECK(check(signed_with(R"({"alg":"HS256","enc":"A128GCM"})", valid), with) == "encrypted");
    }
    SUBCASE("critical extensions") {
        CHECK(check(signed_with(R"({"alg":"HS256","crit":["exp"],"exp":1})", valid), with) ==
              "critical");
        CHECK(check(signed_with(R"({"alg":"HS256","crit":[]})", valid), with) == "critical");
        CHECK(check(signed_with(R"({"alg":"HS256","b64":false,"crit":["b64"]})", valid), with) ==
              "critical");
    }
    SUBCASE("a name that comes twice, at any depth and in any spelling") {
        for (auto const* twice : {R"({"alg":"HS256","alg":"none"})",
                                  R"({"alg":"HS256","\u0061lg":"HS256"})",
                                  R"({"alg":"HS256","kid":"a","kid":"hs"})"}) {
            CHECK(check(signed_with(twice, valid), with) == "malformed");
        }
        for (auto const* twice : {R"({"exp":2000,"exp":9999})",
                                  R"({"exp":2000,"org":{"id":1,"id":2}})",
                                  R"({"exp":2000,"org":[{"id":1},{"id":1,"i\u0064":2}]})"}) {
            CHECK(check(signed_with(head, twice), with) == "malformed");
        }
        CHECK(check(signed_with(head, R"({"exp":2000,"a":{"id":1},"b":{"id":1}})"), with) == "ok");
    }
    SUBCASE("what is no JSON object") {
        for (std::string const text : {"",
                                       "7",
                                       "null",
                                       "[]",
                                       "\"exp\"",
                                       R"({"exp":2000)",
                                       R"({"exp":2000}x)",
                                       R"({"exp":2000}{})",
                                       R"({"exp":2000,})",
                                       R"(/**/{"exp":2000})",
                                       "\xef\xbb\xbf{\"exp\":2000}",
                                       "{\"exp\":2000,\"a\":\"\xff\"}"}) {
            CAPTURE(text);
            CHECK(check(signed_with(head, text), with) == "malformed");
            CHECK(check(signed_with(text, valid), with) == "malformed");
        }
        auto const deep = std::string(40, '[') + std::string(40, ']');
        CHECK(check(signed_with(head, R"({"exp":2000,"a":)" + deep + "}"), with) == "malformed");
    }
    SUBCASE("its size") {
        auto const of_size = [&](std::size_t n) {
            return signed_with(head, R"({"exp":2000,"a":")" + std::string(n, 'x') + "\"}");
        };
        auto const longest = of_size(6'040);
        REQUIRE(longest.size() <= max_token);
        CHECK(check(longest, with) == "ok");
        CHECK(check(of_size(6'200), with) == "too_large");
        CHECK(check(std::string(1'000'000, '.'), with) == "too_large");
    }
}

TEST_CASE("base64url is strict") {
    CHECK(decode_base64url("") == "");
    CHECK(decode_base64url("Zg") == "f");
    CHECK(decode_base64url("Zm9v") == "foo");
    CHECK(decode_base64url("-_-_") == "\xfb\xff\xbf");
    for (auto const* bad :
         {"Z", "Zm9vY", "Zg==", "Zm8=", "Zh", "Zm9", "+/+/", "Zm 9v", "Zm9v\n", "Zm9v\xc3\xa9"}) {
        CAPTURE(bad);
        CHECK(decode_base64url(bad) == std::nullopt);
    }
    CHECK(decode_base64url(std::string_view("Zm9\0", 4)) == std::nullopt);
}

TEST_CASE("a token holds from nbf to exp, give or take the leeway") {
    auto const with = keys({es256().jwk()});
    struct row {
        char const* claims;
        std::int64_t now;
        std::int64_t leeway;
        char const* result;
    };
    for (auto const& r : std::vector<row>{
             {R"({"exp":1000})", 999, 0, "ok"},
             {R"({"exp":1000})", 1'000, 0, "expired"},  // RFC 7519 section 4.1.4: "on or after"
             {R"({"exp":1000})", 1'029, 30, "ok"},
             {R"({"exp":1000})", 1'030, 30, "expired"},
             {R"({"exp":1000.9})", 1'000, 0, "expired"},
             {R"({"exp":0})", 0, 0, "expired"},
             {R"({"exp":-5})", 0, 0, "expired"},
             {R"({"exp":1e3})", 999, 0, "ok"},
             {R"({"exp":1e300})", 1'000, 0, "ok"},
             {R"({"exp":-1e300})", 1'000, 30, "expired"},
             {R"({"exp":18446744073709551615})", 1'000, 30, "ok"},
             {R"({"exp":-9223372036854775808})", 1'000, 30, "expired"},
             {R"({})", 1'000, 0, "no_expiry"},
             {R"({"exp":null})", 1'000, 0, "no_expiry"},
             {R"({"exp":"2000"})", 1'000, 0, "no_expiry"},
             {R"({"exp":[2000]})", 1'000, 0, "no_expiry"},
             {R"({"exp":true})", 0, 0, "no_expiry"},
             {R"({"exp":2000,"nbf":1000})", 1'000, 0, "ok"},
             {R"({"exp":2000,"nbf":1000})", 999, 0, "not_yet"},
             {R"({"exp":2000,"nbf":1000})", 970, 30, "ok"},
             {R"({"exp":2000,"nbf":1000})", 969, 30, "not_yet"},
             {R"({"exp":2000,"nbf":1000.1})", 1'000, 0, "not_yet"},
             {R"({"exp":2000,"nbf":"1"})", 1'000, 0, "not_yet"},
             {R"({"exp":2000,"nbf":1e300})", 1'000, 0, "not_yet"},
             {R"({"exp":2000,"nbf":-1e300})", 1'000, 0, "ok"},
             {R"({"exp":2000,"iat":9999})", 1'000, 0, "ok"},  // not asked for
         }) {
        CAPTURE(r.claims);
        CAPTURE(r.now);
        auto policy = any();
        policy.leeway = std::chrono::seconds(r.leeway);
        CHECK(check(es256().token(r.claims), with, policy, at(r.now)) == r.result);
    }
    auto policy = any();
    policy.leeway = std::chrono::seconds(30);
    auto const result = verify_jwt(es256().token(R"({"exp":1000.5})"), with, policy, at(900));
    REQUIRE(std::holds_alternative<jwt_claims>(result));
    CHECK(std::get<jwt_claims>(result).until == at(1'030));
    CHECK(std::get<jwt_claims>(result).text == R"({"exp":1000.5})");
}

TEST_CASE("issuer and audience are compared exactly") {
    auto const with = keys({es256().jwk()});
    auto policy = any();
    policy.issuer = "https://login.example";
    struct row {
        char const* claims;
        char const* result;
    };
    for (auto const& r : std::vector<row>{
             {R"({"exp":2000,"iss":"https://login.example"})", "ok"},
             {R"({"exp":2000,"iss":"https://login.example/"})", "issuer"},
             {R"({"exp":2000,"iss":"https://LOGIN.example"})", "issuer"},
             {R"({"exp":2000,"iss":["https://login.example"]})", "issuer"},
             {R"({"exp":2000,"iss":null})", "issuer"},
             {R"({"exp":2000})", "issuer"},
         }) {
        CAPTURE(r.claims);
        CHECK(check(es256().token(r.claims), with, policy) == r.result);
    }
    policy = any();
    policy.audience = {"products", "orders"};
    for (auto const& r : std::vector<row>{
             {R"({"exp":2000,"aud":"products"})", "ok"},
             {R"({"exp":2000,"aud":["x","orders"]})", "ok"},
             {R"({"exp":2000,"aud":"product"})", "audience"},
             {R"({"exp":2000,"aud":"products orders"})", "audience"},
             {R"({"exp":2000,"aud":[]})", "audience"},
             {R"({"exp":2000,"aud":[["products"]]})", "audience"},
             {R"({"exp":2000,"aud":{"products":1}})", "audience"},
             {R"({"exp":2000,"aud":7})", "audience"},
             {R"({"exp":2000})", "audience"},
         }) {
        CAPTURE(r.claims);
        CHECK(check(es256().token(r.claims), with, policy) == r.result);
    }
}
