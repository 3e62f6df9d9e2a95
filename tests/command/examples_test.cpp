// The shipped configurations as they are, with real processes in front of the demo backend: what a
// reader copies works. What differs from machine to machine comes from the environment, as they
// say.
#include "tests/e2e/products.hpp"
#include "tests/identity/jwt_signer.hpp"
#include "tests/support/demo_backend.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sidecache_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace sidecache::tests;

namespace {

std::string text_of(std::filesystem::path const& file) {
    std::ifstream in(file);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::vector<std::filesystem::path> shipped_files() {
    std::vector<std::filesystem::path> out{SIDECACHE_CONFIG_DIR "/products.yaml"};
    for (auto const& entry :
         std::filesystem::directory_iterator(SIDECACHE_CONFIG_DIR "/examples")) {
        if (entry.path().extension() == ".yaml") {
            out.push_back(entry.path());
        }
    }
    return out;
}

/// Where an example runs: a Redis, an issuer of tokens, a backend, and ports of its own.
struct place {
    temp_dir folder;
    redis_server redis;
    demo_backend backend;
    jwt_signer issuer{"ES256", "one"};

    launch environment() {
        launch how;
        how.environment = {{"SIDECACHE_LISTEN", "127.0.0.1:0"},
                           {"SIDECACHE_ADMIN_LISTEN", "127.0.0.1:0"},
                           {"SIDECACHE_ADMIN_TOKEN", "of-the-test"},
                           {"UPSTREAM_URL", backend.url()},
                           {"REDIS_URL", redis.url()},
                           {"JWKS_FILE", folder.write("jwks.json", jwks_of({issuer.jwk()}))},
                           {"JWT_HEADER", "X-Token"}};
        return how;
    }

    /// The demo backend knows its own tokens only: one of an issuer comes in a field of its own.
    http_fields somebody(bool has_token) const {
        if (!has_token) {
            return {{"Authorization", "Bearer token-1-1"}};
        }
        auto const now = std::chrono::duration_cast<std::chrono::seconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
        auto const claims =
            R"({"iss":"https://login.example.com/","aud":"products","sub":"ada","exp":)" +
            std::to_string(now + 3'600) + "}";
        return {{"X-Token", "Bearer " + issuer.token(claims)}, {"X-Org-Id", "1"}};
    }
};

void tell_the_story(sidecache_process& proxy, http_fields const& who) {
    auto const first = proxy.get("/products/1", who);
    CHECK(first.status == 200);
    CHECK(says(first, "fwd=miss"));
    REQUIRE(eventually([&] { return is_hit(proxy.get("/products/1", who)); }));
    REQUIRE(eventually([&] { return is_hit(proxy.get("/products?page=1", who)); }));
    auto const changed =
        proxy.request("PATCH", "/products/1", who, R"({"name": "told by an example"})");
    CHECK(changed.status == 200);
    auto const after = proxy.get("/products/1", who);
    CHECK_FALSE(is_hit(after));
    CHECK(after.body.find("told by an example") != std::string::npos);
    CHECK_FALSE(is_hit(proxy.get("/products?page=1", who)));
}

/// The demo backend sends an ETag and says nothing of freshness: each read asks it whether what is
/// stored is still right.
void tell_the_story_of_the_origin(sidecache_process& proxy) {
    http_fields const who{{"X-Org-Id", "1"}};
    auto const first = proxy.get("/products/1", who);
    CHECK(first.status == 200);
    CHECK(says(first, "fwd=uri-miss; stored"));
    REQUIRE(eventually([&] { return says(proxy.get("/products/1", who), "fwd-status=304"); }));
    CHECK(proxy.get("/products/1", who).body == first.body);
    auto const changed =
        proxy.request("PATCH", "/products/1", who, R"({"name": "told by an example"})");
    CHECK(changed.status == 200);
    auto const after = proxy.get("/products/1", who);
    CHECK_FALSE(says(after, "fwd-status=304"));
    CHECK(after.body.find("told by an example") != std::string::npos);
}

}  // namespace

TEST_CASE("each shipped configuration: a miss, a hit, and after a write a miss with what is new") {
    for (auto const& file : shipped_files()) {
        CAPTURE(file.filename().string());
        place here;
        auto text = text_of(file);
        if (text.find("\n  jwt:") != std::string::npos) {
            // By which the demo backend goes instead of the token.
            text.replace(
                text.find("\nupstream:\n"), 11, "\nupstream:\n  trusted_headers: [X-Org-Id]\n");
        }
        sidecache_process proxy(text, here.environment());
        if (text.find("ttl: origin") != std::string::npos) {
            tell_the_story_of_the_origin(proxy);
        } else {
            tell_the_story(proxy, here.somebody(text.find("\n  jwt:") != std::string::npos));
        }
    }
}

TEST_CASE(
    "what init makes of the products API serves it: a miss, a hit, and after a write a miss") {
    place here;
    auto const made = sidecache_command({"init", SIDECACHE_OPENAPI_DIR "/products.yaml"});
    REQUIRE(made.status == exit_status{0, 0});
    auto const file = here.folder.write(
        "made.yaml", made.out + "\nadmin: {listen: \"${SIDECACHE_ADMIN_LISTEN}\"}\n");
    sidecache_process proxy(text_of(file), here.environment());
    auto const who = here.somebody(false);
    tell_the_story(proxy, who);
    // Lists below an organization, and a bulk write that names its products in the body.
    REQUIRE(eventually([&] { return is_hit(proxy.get("/organizations/1/products", who)); }));
    auto const items = json_of(proxy.get("/products", who)).at("items").as_array();
    REQUIRE(items.size() > 2);
    auto const path_of = [&](std::size_t i) {
        return "/products/" + boost::json::serialize(items.at(i).at("id"));
    };
    auto const gone = path_of(1);
    auto const kept = path_of(2);
    REQUIRE(eventually([&] { return is_hit(proxy.get(gone, who)); }));
    REQUIRE(eventually([&] { return is_hit(proxy.get(kept, who)); }));
    auto const body = R"({"ids": [)" + gone.substr(gone.rfind('/') + 1) + "]}";
    CHECK(proxy.request("POST", "/products/bulk-delete", who, body).status == 200);
    CHECK_FALSE(is_hit(proxy.get("/organizations/1/products", who)));
    CHECK(proxy.get(gone, who).status == 404);
    CHECK(is_hit(proxy.get(kept, who)));
}
