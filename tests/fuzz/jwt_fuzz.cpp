#include "proxy/identity/base64url.hpp"
#include "proxy/identity/jwt.hpp"
#include "proxy/identity/jwt_json.hpp"
#include "tests/identity/jwt_signer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

using namespace sidecache::identity;
using sidecache::tests::jwt_signer;

namespace {

constexpr instant now{std::chrono::seconds(1'000'000)};

void must(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// Keys of every type; the secret is one that this program signs with.
key_set const& keys() {
    static key_set const made = [] {
        auto parsed = parse_jwks(
            R"({"keys":[{"kid":"hs","kty":"oct","k":"c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M"},)"
            R"({"kid":"rsa","kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},)"
            R"({"kid":"ec","kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},)"
            R"({"kid":"ed","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
        must(std::holds_alternative<key_set>(parsed));
        return std::get<key_set>(std::move(parsed));
    }();
    return made;
}

jwt_policy const& policy() {
    static jwt_policy const made = [] {
        jwt_policy out;
        for (auto const& known : known_algorithms()) {
            out.allowed.add(known.id);
        }
        out.leeway = std::chrono::seconds(30);
        return out;
    }();
    return made;
}

/// Any token. What is taken is what was signed, byte for byte: no other spelling of it passes.
void check_token(std::string_view token, std::size_t elsewhere) {
    auto const result = verify_jwt(token, keys(), policy(), now);
    auto const* claims = std::get_if<jwt_claims>(&result);
    if (claims == nullptr) {
        return;
    }
    must(claims->until > now);
    must(parse_strict_object(claims->text).has_value());
    auto const first = token.find('.');
    auto const payload = token.substr(first + 1, token.rfind('.') - first - 1);
    must(decode_base64url(payload) == claims->text);
    std::string changed(token);
    changed[elsewhere % changed.size()] ^= 1;
    must(std::holds_alternative<jwt_fault>(verify_jwt(changed, keys(), policy(), now)));
    must(std::holds_alternative<jwt_fault>(verify_jwt(changed + "=", keys(), policy(), now)));
    must(std::holds_alternative<jwt_fault>(verify_jwt(token, keys(), jwt_policy{}, now)));
}

}  // namespace

/// The first byte says what the rest is: a token; a header and, behind an empty line, claims, which
/// are signed with our own secret so that what comes after the signature is reached; a key set.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    std::string_view const rest(reinterpret_cast<char const*>(data) + 1, size - 1);
    if (data[0] == 't') {
        check_token(rest, size);
    } else if (data[0] == 's') {
        static auto const issuer = jwt_signer::of_secret("HS256", std::string(32, 's'));
        auto const gap = std::min(rest.find("\n\n"), rest.size());
        auto const claims = rest.substr(std::min(gap + 2, rest.size()));
        check_token(issuer.token(rest.substr(0, gap), claims), claims.size());
    } else {
        auto const parsed = parse_jwks(rest);
        if (auto const* set = std::get_if<key_set>(&parsed)) {
            must(!set->keys.empty());
            auto const token = std::string("eyJhbGciOiJIUzI1NiJ9.e30.AAAA");
            must(std::holds_alternative<jwt_fault>(verify_jwt(token, *set, policy(), now)));
        }
        (void)parse_secret(rest, policy().allowed);
    }
    return 0;
}
