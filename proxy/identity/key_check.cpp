#include "proxy/identity/key_check.hpp"

#include "proxy/identity/key_ring.hpp"

#include <string>

namespace sidecache::identity {

void check_keys(config::loaded& what, std::string const& config_file) {
    if (!what.config || !what.config->identity || !what.config->identity->jwt) {
        return;
    }
    auto const& jwt = *what.config->identity->jwt;
    key_ring const ring(jwt);
    auto const at = jwt.file_at;
    auto const say = [&](rules::severity level, std::string text, std::string hint) {
        what.findings.push_back({level, config_file, at, std::move(text), std::move(hint)});
    };
    for (auto const& note : ring.keys()->notes) {
        say(rules::severity::warning, "`" + ring.file() + "`: " + note, "");
    }
    if (ring.error()) {
        say(rules::severity::error,
            "`" + ring.file() + "` " + ring.error()->text,
            jwt.secret_file.empty() ? "write the issuer's key set (RFC 7517) there"
                                    : "write the secret there, 32 bytes or more");
        what.config.reset();
    }
}

}  // namespace sidecache::identity
