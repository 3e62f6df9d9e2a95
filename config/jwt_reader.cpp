#include "config/jwt_reader.hpp"

#include "config/name_list.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sidecache::config {
namespace {

using namespace std::chrono_literals;
using std::string_view;

// The verifier's own list is identity::known_algorithms; a test holds the two together.
constexpr std::array<string_view, 13> algorithms{"HS256",
                                                 "HS384",
                                                 "HS512",
                                                 "RS256",
                                                 "RS384",
                                                 "RS512",
                                                 "PS256",
                                                 "PS384",
                                                 "PS512",
                                                 "ES256",
                                                 "ES384",
                                                 "EdDSA",
                                                 "Ed25519"};

bool is_algorithm(string_view name) {
    return std::ranges::find(algorithms, name) != algorithms.end();
}

void read_audience(section& s, std::vector<std::string>& out) {
    auto const* node = s.find("audience");
    if (node != nullptr && node->what == yaml_node::kind::scalar) {
        out = {node->text};
        return;
    }
    read_names(s, "audience", out, "write audience: products, or a list of them", [](string_view) {
        return true;
    });
}

void read_file_names(section& s, jwt& out) {
    s.text("jwks_file", out.jwks_file);
    s.text("secret_file", out.secret_file);
    if (out.jwks_file.empty() == out.secret_file.empty()) {
        s.findings().error(s.at(),
                           "`jwt` needs either `jwks_file` or `secret_file`",
                           "write one of them: jwks_file: /etc/sidecache/jwks.json");
        return;
    }
    if (auto const* node = s.find(out.secret_file.empty() ? "jwks_file" : "secret_file")) {
        out.file_at = node->at;
    }
}

/// A secret's algorithms with public keys, or the other way round: no token would ever pass.
void check_algorithms(section& s, jwt const& from) {
    auto const is_secret = !from.secret_file.empty();
    for (auto const& name : from.algorithms) {
        if (is_secret && !name.starts_with("HS")) {
            s.findings().error(s.find("algorithms")->at,
                               quoted(name) + " does not sign with a secret",
                               "name some of HS256, HS384 and HS512, or give a `jwks_file`");
        }
    }
}

void warn_of_what_is_open(section& s, jwt const& from) {
    if (from.issuer.empty()) {
        s.findings().warning(s.at(),
                             "`jwt` has no `issuer`: whatever the keys signed is taken",
                             "write issuer: with the `iss` of your tokens");
    }
    if (from.audience.empty()) {
        s.findings().warning(s.at(),
                             "`jwt` has no `audience`: tokens for other services are taken, too",
                             "write audience: with the `aud` of your tokens");
    }
}

}  // namespace

void read_jwt(section& s, jwt& out) {
    read_file_names(s, out);
    read_names(s,
               "algorithms",
               out.algorithms,
               "name some of HS256, RS256, PS256, ES256 and EdDSA, or leave it out",
               is_algorithm);
    s.text("issuer", out.issuer);
    read_audience(s, out.audience);
    s.duration("leeway", out.leeway, {0ms, 10min});
    auto const* header = s.find("header");
    s.text("header", out.header);
    if (header != nullptr && !is_credential_field(out.header)) {
        s.findings().error(header->at,
                           quoted(out.header) + " cannot be the field of a token",
                           "leave it out for Authorization");
    }
    read_names(s,
               "ignore",
               out.ignore,
               "name what the backend never goes by: [Cookie], or Authorization",
               is_usual_credential);
    check_algorithms(s, out);
    warn_of_what_is_open(s, out);
}

}  // namespace sidecache::config
