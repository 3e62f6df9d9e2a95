#include "proxy/identity/key_check.hpp"

#include "config/problem.hpp"
#include "proxy/identity/key_ring.hpp"

#include <string>
#include <utility>

namespace sidecache::identity {

namespace {

/// False when they cannot be used.
bool check(config::jwt const& from, config::loaded& what, std::string const& config_file) {
    key_ring const ring(from);
    auto const name = config::quoted(ring.file());
    auto const say = [&](rules::severity level, std::string text, std::string hint) {
        what.findings.push_back(
            {level, config_file, from.file_at, std::move(text), std::move(hint)});
    };
    for (auto const& note : ring.keys()->notes) {
        say(rules::severity::warning, std::string(name).append(": ").append(note), "");
    }
    if (auto const& error = ring.error()) {
        say(rules::severity::error,
            name + " " + error->text,
            from.secret_file.empty() ? "write the issuer's key set (RFC 7517) there"
                                     : "write the secret there, 32 bytes or more");
        return false;
    }
    return true;
}

}  // namespace

void check_keys(config::loaded& what, std::string const& config_file) {
    if (!what.config) {
        return;
    }
    // Held: whoever refuses them lets go of the configuration.
    auto const config = what.config;
    auto const& identity = config->identity;
    if (identity && identity->jwt && !check(*identity->jwt, what, config_file)) {
        what.config.reset();
    }
}

}  // namespace sidecache::identity
