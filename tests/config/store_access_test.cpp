#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <string>

/// Where the store is, and how one gets in.
namespace sidecache::tests {
namespace {

std::string with_store(std::string const& keys) {
    return "store: {" + keys + "}" + std::string(one_rule);
}

std::string refusal_of(std::string const& keys) {
    auto const loaded = load(with_store(keys));
    CHECK(loaded.config == nullptr);
    return findings_of(loaded);
}

TEST_CASE("a store behind TLS, a password in a file") {
    auto const loaded = load(with_store(
        "url: \"rediss://cache@redis.example/2\", password_file: /run/secrets/redis, tls: "
        "{ca_file: "
        "/tls/ca.pem, cert_file: /tls/own.pem, key_file: /tls/own.key, server_name: r.example}"));
    REQUIRE(findings_of(loaded) == "");
    auto const& store = loaded.config->store;
    CHECK(store.is_tls);
    CHECK(store.address.text() == "redis.example:6379");
    CHECK(store.user == "cache");
    CHECK(store.password == "");
    CHECK(store.password_file == "/run/secrets/redis");
    CHECK(store.tls.verify);
    CHECK(store.tls.ca_file == "/tls/ca.pem");
    CHECK(store.tls.cert_file == "/tls/own.pem");
    CHECK(store.tls.key_file == "/tls/own.key");
    CHECK(store.tls.server_name == "r.example");
}

TEST_CASE("Sentinels have credentials of their own") {
    auto const loaded = load(with_store(
        "url: \"rediss+sentinel://:primary@one,two:26380/main/1\", sentinel: {user: watcher, "
        "password: s3cret}, tls: {ca_file: /ca.pem}"));
    REQUIRE(findings_of(loaded) == "");
    auto const& store = loaded.config->store;
    CHECK(store.sentinel_addresses.size() == 2);
    CHECK(store.master_name == "main");
    CHECK(store.database == 1);
    CHECK(store.password == "primary");
    CHECK(store.sentinel.user == "watcher");
    CHECK(store.sentinel.password == "s3cret");
    CHECK(store.is_tls);
    CHECK(refusal_of("url: \"redis://redis\", sentinel: {password: s3cret}") ==
          "sidecache.yaml:1:41: error: `sentinel` is given, but `redis://redis` names no "
          "Sentinels; write redis+sentinel://HOST,HOST/MASTER-NAME, or leave it out");
    CHECK(refusal_of("url: \"redis+sentinel://one/main\", sentinel: {user: watcher}")
              .find("the Sentinels' user has no password") != std::string::npos);
    CHECK(refusal_of("url: \"redis+sentinel://one/main\", sentinel: {password: a, "
                     "password_file: b}")
              .find("given twice") != std::string::npos);
}

TEST_CASE("TLS alone needs nothing more than its scheme") {
    auto const loaded = load(with_store("url: \"rediss://redis\""));
    REQUIRE(findings_of(loaded) == "");
    CHECK(loaded.config->store.is_tls);
    CHECK(loaded.config->store.tls.verify);
}

TEST_CASE("not to verify is allowed, with a warning") {
    auto const loaded = load(with_store("url: \"rediss://redis\", tls: {verify: false}"));
    REQUIRE(loaded.config != nullptr);
    CHECK_FALSE(loaded.config->store.tls.verify);
    CHECK(findings_of(loaded).find("warning: the store's certificate is not verified") !=
          std::string::npos);
}

TEST_CASE("what cannot be meant is refused, and shows no password") {
    CHECK(refusal_of("url: \"redis://redis\", tls: {ca_file: /ca.pem}") ==
          "sidecache.yaml:1:36: error: `tls` is given, but `redis://redis` is spoken to plainly; "
          "write rediss:// (rediss+sentinel://, rediss+cluster://) for TLS, or leave out `tls`");
    CHECK(refusal_of("url: \"rediss://redis\", tls: {cert_file: /own.pem}") ==
          "sidecache.yaml:1:37: error: a certificate of ours needs its key; give both `cert_file` "
          "and `key_file`, or neither");
    CHECK(refusal_of("url: \"redis://cache@redis\"") ==
          "sidecache.yaml:1:14: error: `redis://redis` has a user without a password; write "
          "redis://USER:PASSWORD@HOST, or name a `password_file`; redis://:PASSWORD@HOST is a "
          "password alone");
    CHECK(refusal_of("url: \"redis://cache:s3cret@redis\", password_file: /run/secrets/redis") ==
          "sidecache.yaml:1:14: error: the store's password is given twice; leave it out of `url`, "
          "or leave out `password_file`");
    CHECK(refusal_of("tls: {ca: /ca.pem}").find("ca_file") != std::string::npos);
}

}  // namespace
}  // namespace sidecache::tests
