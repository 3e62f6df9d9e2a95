// A request's token as an identity: what is asked of the request, and for how long it counts.
#include "proxy/identity/jwt_source.hpp"

#include "tests/identity/jwt_signer.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace sidecache;
using namespace sidecache::identity;
using namespace std::chrono_literals;
using tests::jwks_of;
using tests::jwt_signer;

namespace {

/// A source with one key, whose clock a test sets.
struct stage {
    jwt_signer issuer{"ES256", "k"};
    tests::temp_dir folder;
    config::identity settings;
    std::chrono::system_clock::time_point now{1'000s};

    stage() {
        settings.jwt.emplace();
        settings.jwt->jwks_file = folder.write("jwks.json", jwks_of({issuer.jwk()}));
        settings.jwt->leeway = 30s;
        settings.vars = {{"userId", ".sub"}, {"orgId", ".org.id"}};
    }

    verdict judge(std::vector<std::pair<std::string, std::string>> const& fields) const {
        http::field_list credentials;
        for (auto const& [name, value] : fields) {
            credentials.add(name, value);
        }
        jwt_source const source(
            *settings.jwt, settings.vars, std::make_shared<key_ring>(*settings.jwt), [this] {
                return now;
            });
        return source.judge(credentials);
    }

    std::string token(std::string_view claims = R"({"exp":2000,"sub":"u","org":{"id":7}})") const {
        return issuer.token(claims);
    }
};

/// "userId=u orgId=7", or why not.
std::string shown(verdict const& v) {
    if (v.what != outcome::verified) {
        CHECK_FALSE(v.who);
        CHECK(v.keep == 2s);
        return std::string(v.why);
    }
    std::string out;
    for (auto const& f : v.who->variables()) {
        out += (out.empty() ? "" : " ") + std::string(f.name) + "=" + std::string(f.value);
    }
    return out;
}

}  // namespace

TEST_CASE("a bearer token gives the variables of its claims") {
    stage s;
    CHECK(shown(s.judge({{"Authorization", "Bearer " + s.token()}})) == "userId=u orgId=7");
    CHECK(shown(s.judge({{"authorization", "bEARER   " + s.token()}})) == "userId=u orgId=7");
    for (auto const& value : {std::string("Bearer"),
                              std::string("Bearer "),
                              "Bearer" + s.token(),
                              "Basic " + s.token(),
                              s.token(),
                              "Bearer\t" + s.token(),
                              std::string()}) {
        CAPTURE(value);
        CHECK(shown(s.judge({{"Authorization", value}})) == "no_token");
    }
    CHECK(shown(s.judge({{"Authorization", "Bearer " + s.token() + " x"}})) == "malformed");
    CHECK(shown(s.judge({{"Authorization", "Bearer " + s.token() + ",x"}})) == "malformed");
    CHECK(shown(s.judge({})) == "no_token");
}

TEST_CASE("who is asking is not guessed when there is another credential") {
    stage s;
    auto const bearer = "Bearer " + s.token();
    CHECK(shown(s.judge({{"Authorization", bearer}, {"Authorization", bearer}})) ==
          "other_credential");
    CHECK(shown(s.judge({{"Authorization", bearer}, {"Cookie", "session=1"}})) ==
          "other_credential");
    CHECK(shown(s.judge({{"Cookie", "session=1"}})) == "no_token");

    SUBCASE("which fields those are, the configuration says") {
        CHECK(config::credential_fields(s.settings) ==
              std::vector<std::string>{"Authorization", "Cookie"});
        s.settings.jwt->ignore = {"cookie"};
        CHECK(config::credential_fields(s.settings) == std::vector<std::string>{"Authorization"});
        s.settings.jwt->header = "X-Token";
        s.settings.jwt->ignore = {};
        CHECK(config::credential_fields(s.settings) ==
              std::vector<std::string>{"X-Token", "Authorization", "Cookie"});
    }
}

TEST_CASE("the token may come in another field") {
    stage s;
    s.settings.jwt->header = "X-Token";
    CHECK(shown(s.judge({{"x-token", "Bearer " + s.token()}})) == "userId=u orgId=7");
    CHECK(shown(s.judge({{"Authorization", "Bearer " + s.token()}})) == "no_token");
}

TEST_CASE("a claim that a variable needs must have one value") {
    stage s;
    struct row {
        char const* claims;
        char const* result;
    };
    for (auto const& r : std::vector<row>{
             {R"({"exp":2000,"sub":"u","org":{"id":true}})", "userId=u orgId=true"},
             {R"({"exp":2000,"sub":7,"org":{"id":"a b"}})", "userId=7 orgId=a b"},
             {R"({"exp":2000,"sub":"u"})", "missing_claim"},
             {R"({"exp":2000,"sub":"u","org":7})", "missing_claim"},
             {R"({"exp":2000,"sub":"u","org":{"id":""}})", "missing_claim"},
             {R"({"exp":2000,"sub":"u","org":{"id":null}})", "missing_claim"},
             {R"({"exp":2000,"sub":"u","org":{"id":[7]}})", "missing_claim"},
             {R"({"exp":2000,"sub":"u","org":{"id":0.5}})", "missing_claim"},
             {R"({"exp":2000,"sub":"u","org":[{"id":7}]})", "missing_claim"},
         }) {
        CAPTURE(r.claims);
        CHECK(shown(s.judge({{"Authorization", "Bearer " + s.token(r.claims)}})) == r.result);
    }
    auto const longest = std::string(1'024, 'x');
    auto const of = [&](std::string const& id) {
        return s.judge(
            {{"Authorization",
              "Bearer " + s.token(R"({"exp":2000,"sub":"u","org":{"id":")" + id + "\"}}")}});
    };
    CHECK(shown(of(longest)) == "userId=u orgId=" + longest);
    CHECK(shown(of(longest + "x")) == "missing_claim");
}

TEST_CASE("a token is believed for a minute, and never beyond its exp and the leeway") {
    stage s;
    auto const keep = [&](std::chrono::milliseconds at) {
        s.now = std::chrono::system_clock::time_point(at);
        return s.judge({{"Authorization", "Bearer " + s.token()}}).keep;
    };
    CHECK(keep(1'000s) == 60s);
    CHECK(keep(1'970s) == 60s);
    CHECK(keep(2'000s) == 30s);
    CHECK(keep(2'029'250ms) == 750ms);
    CHECK(keep(2'029'999ms) == 1ms);
    s.now = std::chrono::system_clock::time_point(2'030s);
    CHECK(shown(s.judge({{"Authorization", "Bearer " + s.token()}})) == "expired");
}

TEST_CASE("issuer, audience and algorithms are those of the configuration") {
    stage s;
    s.settings.jwt->issuer = "i";
    s.settings.jwt->audience = {"a", "b"};
    auto const judged = [&](std::string const& claims) {
        return shown(s.judge({{"Authorization", "Bearer " + s.token(claims)}}));
    };
    CHECK(judged(R"({"exp":2000,"sub":"u","org":{"id":7},"iss":"i","aud":"b"})") ==
          "userId=u orgId=7");
    CHECK(judged(R"({"exp":2000,"sub":"u","org":{"id":7},"iss":"x","aud":"b"})") == "issuer");
    CHECK(judged(R"({"exp":2000,"sub":"u","org":{"id":7},"iss":"i","aud":"c"})") == "audience");
    s.settings.jwt->algorithms = {"RS256", "EdDSA"};
    CHECK(judged(R"({"exp":2000,"sub":"u","org":{"id":7},"iss":"i","aud":"b"})") == "algorithm");
}
