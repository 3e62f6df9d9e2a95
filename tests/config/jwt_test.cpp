#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

/// `identity.jwt`. The keys themselves are no matter of the configuration's: tests/identity.
namespace sidecache::tests {
namespace {

using namespace std::chrono_literals;

std::string file(std::string const& jwt) {
    return "identity: {jwt: " + jwt +
           ", vars: {orgId: claims.org.id}}\nrules: [{name: a, match: GET /a, key: a, ttl: 1s, "
           "ttl_only: true, partition: [orgId]}]\n";
}

TEST_CASE("a token, with its defaults") {
    auto const loaded = load(file("{jwks_file: /k, issuer: i, audience: a}"));
    REQUIRE(findings_of(loaded) == "");
    auto const& id = loaded.config->identity;
    REQUIRE(id);
    REQUIRE(id->jwt);
    CHECK_FALSE(id->probe);
    CHECK(id->jwt->jwks_file == "/k");
    CHECK(id->jwt->secret_file == "");
    CHECK(id->jwt->file_at == rules::position{1, 29});
    CHECK(id->jwt->algorithms.empty());
    CHECK(id->jwt->issuer == "i");
    CHECK(id->jwt->audience == std::vector<std::string>{"a"});
    CHECK(id->jwt->leeway == 30s);
    CHECK(id->jwt->header == "Authorization");
    CHECK(id->jwt->ignore.empty());
    CHECK(id->vars == std::vector<config::identity_variable>{{"orgId", ".org.id"}});
}

TEST_CASE("everything of a token can be given") {
    auto const loaded =
        load(file("{secret_file: /s, algorithms: [HS256, HS512], issuer: i, audience: [a, b], "
                  "leeway: 0s, header: X-Token, ignore: [Cookie]}"));
    REQUIRE(findings_of(loaded) == "");
    config::jwt expected;
    expected.secret_file = "/s";
    expected.file_at = {1, 31};
    expected.algorithms = {"HS256", "HS512"};
    expected.issuer = "i";
    expected.audience = {"a", "b"};
    expected.leeway = 0ms;
    expected.header = "X-Token";
    expected.ignore = {"Cookie"};
    CHECK(loaded.config->identity->jwt == expected);
}

TEST_CASE("a token that could not be verified as meant") {
    struct mistake {
        std::string jwt;
        std::string printed;
    };
    std::string const rest = ", issuer: i, audience: a}";
    for (auto const& [jwt, printed] : std::vector<mistake>{
             {"{issuer: i, audience: a}",
              "17: error: `jwt` needs either `jwks_file` or `secret_file`; write one of them: "
              "jwks_file: /etc/sidecache/jwks.json"},
             {"{jwks_file: /k, secret_file: /s" + rest,
              "17: error: `jwt` needs either `jwks_file` or `secret_file`; write one of them: "
              "jwks_file: /etc/sidecache/jwks.json"},
             {"{jwks_file: /k, audience: a}",
              "17: warning: `jwt` has no `issuer`: whatever the keys signed is taken; write "
              "issuer: with the `iss` of your tokens"},
             {"{jwks_file: /k, issuer: i}",
              "17: warning: `jwt` has no `audience`: tokens for other services are taken, too; "
              "write audience: with the `aud` of your tokens"},
             {"{jwks_file: /k, algorithms: [none]" + rest,
              "46: error: `none` cannot stand in `algorithms`; name some of HS256, RS256, PS256, "
              "ES256 and EdDSA, or leave it out"},
             {"{jwks_file: /k, algorithms: [rs256]" + rest,
              "46: error: `rs256` cannot stand in `algorithms`; name some of HS256, RS256, PS256, "
              "ES256 and EdDSA, or leave it out"},
             {"{jwks_file: /k, algorithms: RS256" + rest,
              "45: error: `algorithms` must be a list; name some of HS256, RS256, PS256, ES256 and "
              "EdDSA, or leave it out"},
             {"{secret_file: /s, algorithms: [HS256, RS256]" + rest,
              "47: error: `RS256` does not sign with a secret; name some of HS256, HS384 and "
              "HS512, or give a `jwks_file`"},
             {"{jwks_file: /k, header: Host" + rest,
              "41: error: `Host` cannot be the field of a token; leave it out for Authorization"},
             {"{jwks_file: /k, ignore: [X-Api-Key]" + rest,
              "42: error: `X-Api-Key` cannot stand in `ignore`; name what the backend never goes "
              "by: [Cookie], or Authorization"},
             {"{jwks_file: /k, leeway: 1h" + rest, "41: error: `leeway` is 1h; the most is 10m"},
             {"{jwks_file: /k, kid: a" + rest,
              "33: error: unknown key `kid`; the keys here are jwks_file, secret_file, algorithms, "
              "issuer, audience, leeway, header and ignore"},
         }) {
        CAPTURE(jwt);
        CHECK(findings_of(load(file(jwt))) == "sidecache.yaml:1:" + printed);
    }
    CHECK(findings_of(load("identity: {jwt: {jwks_file: /k" + rest +
                           ", vars: {orgId: response.org}}\n" + std::string(one_rule))) ==
          "sidecache.yaml:1:72: error: `response.org` is no source of an identity; write vars: "
          "{orgId: claims.organizationId}");
}

}  // namespace
}  // namespace sidecache::tests
