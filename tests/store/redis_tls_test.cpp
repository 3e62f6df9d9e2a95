#include "tests/store/redis_fixture.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

/// `rediss://` and passwords, against a real redis-server with a CA of the test's own.
using namespace sidecache;
using namespace sidecache::store;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

/// Speaks TLS on one port and plainly on another.
struct tls_server {
    certificate_authority ca;
    std::uint16_t port = free_port();
    redis_server server;

    explicit tls_server(certificate_authority::subject const& who = {},
                        std::string clients = "no",
                        std::vector<std::string> more = {})
        : server(arguments(who, std::move(clients), std::move(more))) {}

    std::vector<std::string> arguments(certificate_authority::subject const& who,
                                       std::string clients,
                                       std::vector<std::string> more) {
        auto const files = ca.issue(who);
        std::vector<std::string> all{"--tls-port",
                                     std::to_string(port),
                                     "--tls-cert-file",
                                     files.certificate,
                                     "--tls-key-file",
                                     files.key,
                                     "--tls-ca-cert-file",
                                     ca.file(),
                                     "--tls-auth-clients",
                                     std::move(clients)};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    /// What a file with `rediss://127.0.0.1:PORT` and this CA comes to.
    redis_settings settings() const {
        auto s = settings_for(port);
        s.where.is_tls = true;
        s.where.tls.ca_file = ca.file();
        return s;
    }
};

bool works(replica& r) {
    auto const tags = tags_of({"rule:details"});
    return r.run(r.s.read("k", tags)).has_value();
}

/// What the status says once the first attempt has failed.
std::string failure(redis_settings settings) {
    replica one(std::move(settings));
    auto const initial = one.s.status().last_error;
    one.run_until([&] { return one.s.status().last_error != initial; });
    CHECK_FALSE(works(one));
    return one.s.status().last_error;
}

/// `haystack` holds all of these.
void says(std::string const& text, std::vector<std::string> const& words) {
    for (auto const& word : words) {
        CAPTURE(text);
        CAPTURE(word);
        CHECK(text.find(word) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("over TLS the store is the same store") {
    tls_server tls;
    replica one(tls.settings());
    REQUIRE(works(one));
    auto const tags = tags_of({"rule:details"});
    fill_request const f{"k", &tags, 1h, "", {}, 0ms};
    REQUIRE(one.run(one.s.begin_fill(f)).has_value());
    // Longer than what TLS frames at once.
    auto const body = "SCE1" + std::string(200'000, 'x');
    put_request const p{"k", body, 60s, &tags, "", {}};
    REQUIRE(one.run(one.s.put(p)).has_value());
    auto const read = one.run(one.s.read("k", tags));
    REQUIRE(read.has_value());
    REQUIRE(read->entry != nullptr);
    CHECK(*read->entry == body);

    std::vector<std::string> heard;
    bool stands = false;
    one.hub.subscribe(
        one.io,
        [&](std::string_view payload) { heard.emplace_back(payload); },
        [&] { stands = true; });
    one.run_until([&] { return stands; });
    REQUIRE(one.run(one.s.publish("hello")).has_value());
    one.run_until([&] { return !heard.empty(); });
    CHECK(heard == std::vector<std::string>{"hello"});

    SUBCASE("a connection that breaks comes back") {
        tls.server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
        one.run_until([&] { return works(one); });
    }
    SUBCASE("nothing of it went over the plain port") {
        auto const list = tls.server.cli({"CLIENT", "LIST"});
        CHECK(list.find(":" + std::to_string(tls.port) + " ") != std::string::npos);
        CHECK(tls.server.cli({"INFO", "clients"}).find("connected_clients:") != std::string::npos);
    }
}

TEST_CASE("a server that is not who it should be is refused, with the reason") {
    SUBCASE("a CA that nobody here knows") {
        tls_server tls;
        certificate_authority const other("another CA");
        auto settings = tls.settings();
        settings.where.tls.ca_file = other.file();
        says(failure(settings), {"CA that is not known", "store.tls.ca_file"});
        settings.where.tls.ca_file.clear();  // the system's
        says(failure(settings), {"CA that is not known", "store.tls.ca_file"});
        settings.where.tls.verify = false;
        replica one(settings);
        CHECK(works(one));
    }
    SUBCASE("an expired certificate") {
        tls_server tls({.is_expired = true});
        says(failure(tls.settings()), {"has expired"});
    }
    SUBCASE("a certificate for another address") {
        tls_server tls({.alternatives = {"IP:127.0.0.9", "DNS:redis.example"}});
        auto settings = tls.settings();
        says(failure(settings), {"is not for 127.0.0.1", "store.tls.server_name"});
        settings.where.address.host = "localhost";
        says(failure(settings), {"is not for localhost", "store.tls.server_name"});
        settings.where.tls.server_name = "redis.example";
        replica one(settings);
        CHECK(works(one));
    }
    SUBCASE("a name that the certificate has") {
        tls_server tls;
        auto settings = tls.settings();
        settings.where.address.host = "localhost";
        replica one(settings);
        CHECK(works(one));
    }
}

TEST_CASE("a server that wants to know who we are") {
    tls_server tls({}, "yes");
    auto settings = tls.settings();
    SUBCASE("a certificate of its CA") {
        auto const ours = tls.ca.issue({.name = "client", .alternatives = {}});
        settings.where.tls.cert_file = ours.certificate;
        settings.where.tls.key_file = ours.key;
        replica one(settings);
        CHECK(works(one));
    }
    SUBCASE("none") {
        says(failure(settings), {"wants a certificate of ours", "store.tls.cert_file"});
    }
    SUBCASE("of another CA") {
        certificate_authority const other("another CA");
        auto const ours = other.issue({.name = "client", .alternatives = {}});
        settings.where.tls.cert_file = ours.certificate;
        settings.where.tls.key_file = ours.key;
        says(failure(settings), {"refuses our certificate", "store.tls.cert_file"});
    }
    SUBCASE("expired; and renewed in its place, without a restart") {
        temp_dir folder;
        auto const copy = [&](char const* name, std::string const& from) {
            std::filesystem::copy_file(
                from, folder.path() / name, std::filesystem::copy_options::overwrite_existing);
            return (folder.path() / name).string();
        };
        auto const old = tls.ca.issue({.name = "client", .alternatives = {}, .is_expired = true});
        settings.where.tls.cert_file = copy("client.pem", old.certificate);
        settings.where.tls.key_file = copy("client.key", old.key);
        replica one(settings);
        one.run_until(
            [&] { return one.s.status().last_error.find("has expired") != std::string::npos; });
        says(one.s.status().last_error, {"refuses our certificate"});
        auto const fresh = tls.ca.issue({.name = "client", .alternatives = {}});
        copy("client.pem", fresh.certificate);
        copy("client.key", fresh.key);
        one.run_until([&] { return works(one); });
    }
    SUBCASE("files that are not there, or do not belong together") {
        auto const ours = tls.ca.issue({.name = "client", .alternatives = {}});
        auto const other = tls.ca.issue({.name = "other", .alternatives = {}});
        settings.where.tls.cert_file = ours.certificate;
        settings.where.tls.key_file = other.key;
        says(failure(settings), {"store.tls.key_file (" + other.key + ") cannot be used"});
        settings.where.tls.cert_file = "/nowhere/client.pem";
        says(failure(settings), {"store.tls.cert_file (/nowhere/client.pem) cannot be used"});
        settings.where.tls.ca_file = "/nowhere/ca.pem";
        says(failure(settings), {"store.tls.ca_file (/nowhere/ca.pem) cannot be used"});
    }
}

TEST_CASE("TLS and plain ports mixed up") {
    tls_server tls;
    SUBCASE("TLS to the plain port") {
        auto settings = tls.settings();
        settings.where.address.port = tls.server.port();
        says(failure(settings), {"plain", "redis://"});
    }
    SUBCASE("plain to the TLS port") {
        auto settings = settings_for(tls.port);
        says(failure(settings), {"is it a TLS port (rediss://)?"});
    }
}

TEST_CASE("a server that only speaks old TLS is refused") {
    tls_server tls({}, "no", {"--tls-protocols", "TLSv1.1", "--tls-ciphers", "DEFAULT@SECLEVEL=0"});
    says(failure(tls.settings()), {"1.2 or later"});
}

TEST_CASE("a password from a file, read for each connection") {
    temp_dir folder;
    redis_server server;
    server.command({"CONFIG", "SET", "requirepass", "first"});
    server.command({"AUTH", "first"});
    auto settings = settings_for(server.port());
    settings.where.password_file = folder.write("password", "first\n");
    SUBCASE("a rotated one counts from the next connection on") {
        replica one(settings);
        REQUIRE(works(one));
        server.command({"CONFIG", "SET", "requirepass", "second"});
        folder.write("password", "second\r\n");
        server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
        one.run_until([&] { return works(one); });
    }
    SUBCASE("a user's") {
        server.command({"ACL", "SETUSER", "side", "on", ">third", "~*", "&*", "+@all"});
        folder.write("password", "third");
        settings.where.user = "side";
        replica one(settings);
        CHECK(works(one));
        CHECK(server.cli({"CLIENT", "LIST"}).find("user=side") != std::string::npos);
    }
    SUBCASE("a wrong one is named by its file, and shown nowhere") {
        folder.write("password", "s3cret-of-nobody");
        auto const text = failure(settings);
        says(text, {"WRONGPASS"});
        CHECK(text.find("s3cret-of-nobody") == std::string::npos);
    }
    SUBCASE("none") {
        settings.where.password_file = "/nowhere/password";
        says(failure(settings), {"the password file /nowhere/password cannot be read"});
        settings.where.password_file = folder.write("password", "\n");
        says(failure(settings), {"is empty"});
    }
}
