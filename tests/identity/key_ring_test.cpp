// Keys come and go with their file.
#include "proxy/identity/key_ring.hpp"

#include "proxy/identity/jwt.hpp"
#include "proxy/identity/key_check.hpp"
#include "tests/identity/jwt_signer.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

using namespace sidecache;
using namespace sidecache::identity;
using change = key_ring::change;
using tests::jwks_of;
using tests::jwt_signer;

namespace {

config::jwt jwks_at(std::filesystem::path const& file) {
    config::jwt out;
    out.jwks_file = file;
    return out;
}

bool takes(key_ring const& ring, jwt_signer const& from) {
    jwt_policy policy;
    policy.allowed = allowed_algorithms({});
    auto const result = verify_jwt(from.token(R"({"exp":2000})"), *ring.keys(), policy, instant());
    return std::holds_alternative<jwt_claims>(result);
}

}  // namespace

TEST_CASE("new keys are taken, and those that are gone take effect no more") {
    tests::temp_dir const folder;
    jwt_signer const a("ES256", "a");
    jwt_signer const b("ES256", "b");
    auto const file = folder.write("jwks.json", jwks_of({a.jwk()}));
    key_ring ring(jwks_at(file));
    CHECK_FALSE(ring.error());
    CHECK(takes(ring, a));
    CHECK_FALSE(takes(ring, b));
    CHECK(ring.look() == change::none);

    folder.write("jwks.json", jwks_of({a.jwk(), b.jwk()}));
    CHECK(ring.look() == change::taken);
    CHECK(takes(ring, a));
    CHECK(takes(ring, b));

    folder.write("jwks.json", jwks_of({b.jwk()}));
    CHECK(ring.look() == change::taken);
    CHECK_FALSE(takes(ring, a));
    CHECK(takes(ring, b));
    CHECK(ring.look() == change::none);
}

TEST_CASE("a mounted Secret is swapped by a symbolic link that leads elsewhere") {
    // jwks.json -> ..data/jwks.json, ..data -> ..one; then ..data -> ..two in one rename
    namespace fs = std::filesystem;
    tests::temp_dir const folder;
    jwt_signer const a("ES256", "a");
    jwt_signer const b("ES256", "a");
    fs::create_directory(folder.path() / "..one");
    fs::create_directory(folder.path() / "..two");
    folder.write("..one/jwks.json", jwks_of({a.jwk()}));
    folder.write("..two/jwks.json", jwks_of({b.jwk()}));
    // The same size and the same times: nothing but the content tells them apart.
    REQUIRE(fs::file_size(folder.path() / "..one/jwks.json") ==
            fs::file_size(folder.path() / "..two/jwks.json"));
    fs::last_write_time(folder.path() / "..two/jwks.json",
                        fs::last_write_time(folder.path() / "..one/jwks.json"));
    fs::create_directory_symlink("..one", folder.path() / "..data");
    fs::create_symlink("..data/jwks.json", folder.path() / "jwks.json");
    key_ring ring(jwks_at(folder.path() / "jwks.json"));
    CHECK(takes(ring, a));

    fs::create_directory_symlink("..two", folder.path() / "..data_tmp");
    fs::rename(folder.path() / "..data_tmp", folder.path() / "..data");
    fs::remove_all(folder.path() / "..one");
    CHECK(ring.look() == change::taken);
    CHECK_FALSE(takes(ring, a));
    CHECK(takes(ring, b));
}

TEST_CASE("a file that cannot be used keeps the keys, and is told once") {
    tests::temp_dir const folder;
    jwt_signer const a("ES256", "a");
    auto const good = jwks_of({a.jwk()});
    auto const file = folder.write("jwks.json", good);
    key_ring ring(jwks_at(file));

    folder.write("jwks.json", good.substr(0, good.size() / 2));  // half written
    CHECK(ring.look() == change::broken);
    REQUIRE(ring.error());
    CHECK(ring.error()->text.starts_with("is no JWKS"));
    CHECK(ring.look() == change::none);
    CHECK(ring.error());
    CHECK(takes(ring, a));

    std::filesystem::remove(file);
    CHECK(ring.look() == change::broken);
    CHECK(ring.error()->text == "cannot be read: No such file or directory");
    CHECK(ring.look() == change::none);
    CHECK(takes(ring, a));

    SUBCASE("until it can be used again, with whatever it holds then") {
        folder.write("jwks.json", good);
        CHECK(ring.look() == change::taken);
        CHECK_FALSE(ring.error());
        CHECK(takes(ring, a));
    }
    SUBCASE("a folder in its place is no file") {
        std::filesystem::create_directory(file);
        CHECK(ring.look() == change::broken);
        CHECK(ring.error()->text == "is no regular file");
    }
    SUBCASE("nor is a pipe, which must not be waited for") {
        REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
        CHECK(ring.look() == change::broken);
        CHECK(ring.error()->text == "is no regular file");
    }
}

TEST_CASE("without a usable file there are no keys, and nobody is verified") {
    tests::temp_dir const folder;
    jwt_signer const a("ES256", "a");
    key_ring ring(jwks_at(folder.path() / "none"));
    REQUIRE(ring.error());
    CHECK(ring.keys()->keys.empty());
    CHECK_FALSE(takes(ring, a));
    folder.write("none", jwks_of({a.jwk()}));
    CHECK(ring.look() == change::taken);
    CHECK(takes(ring, a));
}

TEST_CASE("a secret file is for the algorithms that the configuration names") {
    tests::temp_dir const folder;
    config::jwt from;
    from.secret_file = folder.write("secret", std::string(48, 's') + "\n");
    CHECK(takes(key_ring(from), jwt_signer::of_secret("HS256", std::string(48, 's'))));
    CHECK(takes(key_ring(from), jwt_signer::of_secret("HS384", std::string(48, 's'))));
    CHECK_FALSE(takes(key_ring(from), jwt_signer::of_secret("HS512", std::string(48, 's'))));
    CHECK_FALSE(key_ring(from).error());
    from.algorithms = {"HS256", "HS512"};
    key_ring const ring(from);
    REQUIRE(ring.error());
    CHECK(ring.error()->text == "its secret has 48 bytes; HS512 needs 64");
}

TEST_CASE("a configuration may name every algorithm that is known") {
    std::string names;
    for (auto const& known : known_algorithms()) {
        names += (names.empty() ? "" : ", ") + std::string(known.name);
    }
    auto const loaded =
        config::load_text("identity: {jwt: {jwks_file: k, issuer: i, audience: a, algorithms: [" +
                              names + "]}, vars: {orgId: claims.org}}\n",
                          "sidecache.yaml",
                          [](std::string_view) { return std::nullopt; });
    REQUIRE(loaded.config);
    CHECK(loaded.config->identity->jwt->algorithms.size() == algorithms);
}

TEST_CASE("the keys of a configuration are checked where the file names them") {
    tests::temp_dir const folder;
    auto const checked = [&](std::string const& jwks) {
        auto const file = folder.write("jwks.json", jwks);
        auto loaded = config::load_text(
            "identity:\n  jwt:\n    issuer: i\n    audience: a\n    jwks_file: " + file +
                "\n  vars: {orgId: claims.org}\nrules: [{name: a, match: GET /a, key: a, ttl: 1s, "
                "ttl_only: true, partition: [orgId]}]\n",
            "sidecache.yaml",
            [](std::string_view) { return std::nullopt; });
        REQUIRE(loaded.config);
        check_keys(loaded, "sidecache.yaml");
        std::string out = loaded.config ? "" : "refused: ";
        for (auto const& f : loaded.findings) {
            auto text = f.print();
            text.replace(text.find(file), file.size(), "FILE");
            out += text;
        }
        return out;
    };
    CHECK(checked(jwks_of({jwt_signer("ES256", "a").jwk()})) == "");
    CHECK(checked(jwks_of({jwt_signer("ES256", "a").jwk(), R"({"kty":"X"})"})) ==
          "sidecache.yaml:5:16: warning: `FILE`: keys[1]: not used: its type `X` is not known");
    CHECK(checked(jwks_of({jwt_signer("RS256", "a", 1'024).jwk()})) ==
          "refused: sidecache.yaml:5:16: error: `FILE` keys[0] (`kid` `a`): its RSA key has 1024 "
          "bits; fewer than 2048 can be broken; write the issuer's key set (RFC 7517) there");
}
