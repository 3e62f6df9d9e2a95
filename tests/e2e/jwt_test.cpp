// `identity.jwt` with real processes: whose token is believed, for how long, and with which keys.
// Tokens are made here, with OpenSSL.
#include "tests/e2e/products.hpp"
#include "tests/identity/jwt_signer.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace sidecache::tests;

namespace {

constexpr char const* shared_rules = R"(
rules:
  - {name: details, match: "GET /products/{id}", key: "product:{id}", ttl: 10m, partition: [orgId], ttl_only: true}
  - {name: list, match: GET /products, vars: {orgId: identity.orgId}, key: "products:org:{orgId}", ttl: 10m,
     partition: [orgId], ttl_only: true}
)";

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// The claims of somebody of an organization.
std::string claims(std::string const& user, int org, std::int64_t exp = now() + 3'600) {
    return R"({"iss":"https://login.example","aud":["products"],"sub":")" + user +
           R"(","org":{"id":)" + std::to_string(org) + R"(},"exp":)" + std::to_string(exp) + "}";
}

/// In a field of its own: what comes as Authorization the demo backend checks itself.
http_fields bearer(std::string const& token) {
    return {{"X-Token", "Bearer " + token}};
}

/// An issuer, its keys in a file, and one replica that believes it.
struct login {
    temp_dir folder;
    jwt_signer issuer{"ES256", "one"};
    std::string file;
    stack_options options = patient();

    explicit login(std::string const& more = "") {
        file = folder.write("jwks.json", jwks_of({issuer.jwk()}));
        options.replicas = 1;
        options.settings = settings("jwks_file: " + file + more);
        options.rules = shared_rules;
        // By which the demo backend goes instead of the token.
        options.upstream = "trusted_headers: [X-Org-Id]";
    }

    static std::string settings(std::string const& keys) {
        return "identity:\n  jwt: {issuer: \"https://login.example\", audience: products, leeway: "
               "0s, header: X-Token, " +
               keys + "}\n  vars: {orgId: claims.org.id, userId: claims.sub}\n";
    }

    http_fields of(std::string const& user, int org) const {
        return bearer(issuer.token(claims(user, org)));
    }
};

bool is_unverified(http_response const& r) {
    return r.status == 200 && says(r, "fwd=bypass; detail=unverified_identity");
}

}  // namespace

TEST_CASE("callers share what their tokens say they share, and nothing else") {
    login const with;
    stack s(with.options);
    REQUIRE(becomes_hit(s, 0, "/products/1", with.of("ada", 1)));
    auto const same = s[0].get("/products/1", with.of("bob", 1));
    CHECK(is_hit(same));
    CHECK(says(same, R"(key="product:1|orgId=1")"));
    auto const other = s[0].get("/products/1", with.of("eve", 2));
    CHECK_FALSE(is_hit(other));
    CHECK(says(other, R"(key="product:1|orgId=2")"));
    CHECK(becomes_hit(s, 0, "/products/1", with.of("eve", 2)));

    auto list_of = [&](std::string const& user, int org) {
        auto fields = with.of(user, org);
        fields.emplace_back("X-Org-Id", std::to_string(org));  // what the demo backend goes by
        return s[0].get("/products", fields);
    };
    auto const first = list_of("ada", 1);
    CHECK(says(first, R"(key="products:org:1")"));
    CHECK(eventually([&] { return is_hit(list_of("ada", 1)); }));
    CHECK(list_of("bob", 1).body == first.body);
    CHECK(is_hit(list_of("bob", 1)));
    auto const second = list_of("eve", 2);
    CHECK_FALSE(is_hit(second));
    CHECK(second.body != first.body);

    CHECK(s[0].metric("sidecache_identity_total", {R"(outcome="verified")"}) > 0);
}

TEST_CASE("the token is looked for in Authorization unless the configuration says otherwise") {
    login with;
    with.options.settings.replace(
        with.options.settings.find(", header: X-Token"), sizeof(", header: X-Token") - 1, "");
    stack s(with.options);
    auto const token = "bearer " + with.issuer.token(claims("ada", 1));
    // The demo backend knows no such token; that its answer would be the organization's shows here.
    CHECK(says(s[0].get("/products/1", {{"Authorization", token}}),
               R"(fwd=miss; key="product:1|orgId=1"; detail=status)"));
    CHECK(says(s[0].get("/products/1", {{"Authorization", token + "x"}}),
               "fwd=bypass; detail=unverified_identity"));
    CHECK(is_unverified(s[0].get("/products/1", with.of("ada", 1))));
}

TEST_CASE("whose token does not hold is served by the backend alone") {
    login const with;
    stack s(with.options);
    REQUIRE(becomes_hit(s, 0, "/products/1", with.of("ada", 1)));
    jwt_signer const stranger("ES256", "one");
    auto const body = claims("ada", 1);
    auto const token = with.issuer.token(body);
    auto const changed = [&](std::string const& from, std::string const& to) {
        auto text = body;
        text.replace(text.find(from), from.size(), to);
        return with.issuer.token(text);
    };
    auto const none = encode_base64url(R"({"alg":"none"})") + "." + encode_base64url(body) + ".";
    auto const pem = jwt_signer::of_secret("HS256", with.issuer.pem());
    struct row {
        char const* what;
        http_fields fields;
    };
    for (auto const& r : std::vector<row>{
             {"no token", {}},
             {"a cookie", {{"Cookie", "session=1"}}},
             {"a cookie beside it", {{"X-Token", "Bearer " + token}, {"Cookie", "session=1"}}},
             {"two of them", {{"X-Token", "Bearer " + token}, {"X-Token", "Bearer " + token}}},
             {"another scheme", {{"X-Token", "Basic " + token}}},
             {"expired", bearer(with.issuer.token(claims("ada", 1, now() - 1)))},
             {"another issuer", bearer(changed("login", "l0gin"))},
             {"another audience", bearer(changed("products", "orders"))},
             {"no organization", bearer(changed("\"org\"", "\"group\""))},
             {"alg none", bearer(none)},
             {"a public key as a secret", bearer(pem.token(body))},
             {"... under the key's name",
              bearer(pem.token(R"({"alg":"HS256","kid":"one"})", body))},
             {"another's key of that name", bearer(stranger.token(body))},
             {"another's key inside",
              bearer(stranger.token(R"({"alg":"ES256","jwk":)" + stranger.jwk() + "}", body))},
             {"another signature", bearer(token.substr(0, token.size() - 8) + "AAAAAAAA")},
             {"no signature", bearer(token.substr(0, token.rfind('.') + 1))},
             {"too large", bearer(token + std::string(9'000, 'A'))},
         }) {
        CAPTURE(r.what);
        CHECK(is_unverified(s[0].get("/products/1", r.fields)));
        CHECK(is_unverified(s[0].get("/products/1", r.fields)));  // what is known of it now
    }
    CHECK(is_hit(s[0].get("/products/1", with.of("bob", 1))));
}

TEST_CASE("a cookie beside the token does not matter where the backend never goes by it") {
    login const with(", ignore: [Cookie]");
    stack s(with.options);
    auto fields = with.of("ada", 1);
    fields.emplace_back("Cookie", "consent=yes");
    CHECK(becomes_hit(s, 0, "/products/1", fields));
    CHECK(is_hit(s[0].get("/products/1", with.of("bob", 1))));
}

TEST_CASE("a token is believed until its exp, and not a second longer") {
    login const with;
    stack s(with.options);
    REQUIRE(becomes_hit(s, 0, "/products/1", with.of("ada", 1)));
    auto const exp = now() + 3;
    auto const short_lived = bearer(with.issuer.token(claims("bob", 1, exp)));
    bool was_hit = false;
    CHECK(eventually([&] {
        auto const sent = now();
        auto const answer = s[0].get("/products/1", short_lived);
        if (sent < exp && is_hit(answer)) {
            was_hit = true;
        }
        if (sent >= exp) {
            CHECK(is_unverified(answer));
        }
        return sent > exp;
    }));
    CHECK(was_hit);
    CHECK(is_hit(s[0].get("/products/1", with.of("ada", 1))));
}

TEST_CASE("keys are swapped as Kubernetes swaps a mounted Secret") {
    namespace fs = std::filesystem;
    login with;
    auto const& root = with.folder.path();
    jwt_signer const next("ES256", "two");
    fs::create_directory(root / "..1");
    fs::create_directory(root / "..2");
    fs::create_directory(root / "..3");
    with.folder.write("..1/keys", jwks_of({with.issuer.jwk()}));
    with.folder.write("..2/keys", jwks_of({next.jwk()}));
    with.folder.write("..3/keys", "{\"keys\": [");
    auto const lead_to = [&](std::string const& target) {
        fs::create_directory_symlink(target, root / "..data_tmp");
        fs::rename(root / "..data_tmp", root / "..data");
    };
    lead_to("..1");
    fs::create_symlink("..data/keys", root / "keys");
    with.options.settings = login::settings("jwks_file: " + (root / "keys").string());
    stack s(with.options);
    auto const old_token = with.of("ada", 1);
    auto const new_token = bearer(next.token(claims("bob", 1)));
    REQUIRE(becomes_hit(s, 0, "/products/1", old_token));
    CHECK(is_unverified(s[0].get("/products/1", new_token)));

    // What is remembered of tokens goes with the keys.
    lead_to("..2");
    CHECK(eventually([&] { return is_hit(s[0].get("/products/1", new_token)); }));
    CHECK(is_unverified(s[0].get("/products/1", old_token)));
    CHECK(s[0].metric("sidecache_identity_key_reloads_total", {R"(outcome="ok")"}) == 1);

    // A broken file keeps the keys, and says so once.
    lead_to("..3");
    s[0].server().wait_for_line("identity keys");
    CHECK(eventually([&] {
        return s[0].metric("sidecache_identity_key_reloads_total", {R"(outcome="failed")"}) == 1;
    }));
    CHECK(is_hit(s[0].get("/products/1", new_token)));
    lead_to("..1");
    CHECK(eventually([&] { return is_hit(s[0].get("/products/1", old_token)); }));
    CHECK(is_unverified(s[0].get("/products/1", new_token)));
    CHECK(s[0].metric("sidecache_identity_key_reloads_total", {R"(outcome="failed")"}) == 1);

    // Neither keys nor tokens are told to anybody.
    auto const output = s[0].server().output();
    for (auto const& fields : {old_token, new_token}) {
        auto const& value = fields.front().second;
        CHECK(output.find(value.substr(value.size() - 20)) == std::string::npos);
    }
}

TEST_CASE("a secret file, and new settings with SIGHUP") {
    login with;
    std::string const secret(32, 's');
    auto const trusted = jwt_signer::of_secret("HS256", secret);
    auto const by_secret =
        login::settings("secret_file: " + with.folder.write("secret", secret + "\n"));
    with.options.settings = by_secret;
    stack s(with.options);
    auto const token = bearer(trusted.token(claims("ada", 1)));
    REQUIRE(becomes_hit(s, 0, "/products/1", token));
    CHECK(is_unverified(s[0].get("/products/1", with.of("bob", 1))));

    auto yaml = s.yaml(0, shared_rules);
    auto const at = yaml.find(by_secret);
    REQUIRE(at != std::string::npos);
    SUBCASE("other keys") {
        yaml.replace(at, by_secret.size(), login::settings("jwks_file: " + with.file));
        s[0].rewrite(yaml);
        s[0].server().signal(SIGHUP);
        CHECK(eventually([&] { return is_hit(s[0].get("/products/1", with.of("bob", 1))); }));
        // ... each worker in its time.
        CHECK(eventually([&] { return is_unverified(s[0].get("/products/1", token)); }));
    }
    SUBCASE("keys that are not there: the settings before go on") {
        yaml.replace(at, by_secret.size(), login::settings("jwks_file: /nowhere/keys"));
        s[0].rewrite(yaml);
        s[0].server().signal(SIGHUP);
        s[0].server().wait_for_line("`/nowhere/keys` cannot be read");
        CHECK(is_hit(s[0].get("/products/1", token)));
    }
}

TEST_CASE("keys that cannot be used are found before anything runs") {
    temp_dir const folder;
    auto const file = folder.write(
        "sidecache.yaml",
        "identity:\n  jwt:\n    jwks_file: " + (folder.path() / "keys").string() +
            "\n  vars: {orgId: claims.org.id}\nstore: {url: \"memory://\"}\n" + shared_rules);
    for (auto const* command : {"check", "run"}) {
        CAPTURE(command);
        auto const done = sidecache_command({command, file});
        CHECK(done.status.code == 1);
        auto const said = done.out + done.err;
        CHECK(said.find("sidecache.yaml:3:16: error: `" + (folder.path() / "keys").string() +
                        "` cannot be read: No such file or directory") != std::string::npos);
        CHECK(said.find("warning: `jwt` has no `issuer`") != std::string::npos);
        CHECK(said.find("warning: `jwt` has no `audience`") != std::string::npos);
    }
    folder.write("keys",
                 jwks_of({jwt_signer("ES256").jwk(), jwt_signer("ES256").jwk(R"("use": "enc")")}));
    auto const done = sidecache_command({"check", file});
    CHECK(done.status.code == 0);
    CHECK(done.out.find("keys[1]: not used: its `use` is not `sig`") != std::string::npos);
}
