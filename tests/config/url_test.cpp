#include "config/url.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sidecache::config {
namespace {

template <class T>
std::string refusal(parsed<T> const& p) {
    auto const* bad = std::get_if<problem>(&p);
    return bad == nullptr ? "" : bad->text + "; " + bad->hint;
}

TEST_CASE("listen addresses") {
    struct {
        std::string_view text;
        std::string_view host;
        std::uint16_t port;
    } const table[] = {
        {"0.0.0.0:8080", "0.0.0.0", 8080},
        {"127.0.0.1:0", "127.0.0.1", 0},
        {"localhost:9090", "127.0.0.1", 9090},
        {"[::1]:9090", "::1", 9090},
        {"[::]:65535", "::", 65535},
    };
    for (auto const& [text, host, port] : table) {
        CAPTURE(text);
        auto const got = parse_listen(text);
        REQUIRE(refusal(got) == "");
        CHECK(std::get<endpoint>(got).host == host);
        CHECK(std::get<endpoint>(got).port == port);
    }
    CHECK(refusal(parse_listen("8080")) ==
          "`8080` is not an address with a port; write ADDRESS:PORT, such as 0.0.0.0:8080 or "
          "[::]:8080");
    CHECK(refusal(parse_listen(":8080")) ==
          "`:8080` is not an address to listen on; write 0.0.0.0:8080 for all addresses, "
          "127.0.0.1:8080 for this host alone");
    CHECK(refusal(parse_listen("0.0.0.0:65536")) ==
          "`0.0.0.0:65536` is not an address with a port; write ADDRESS:PORT, such as 0.0.0.0:8080 "
          "or [::]:8080");
    CHECK(
        refusal(parse_listen("::1:9090")) ==
        "`::1:9090` is not an address to listen on; write an IPv6 address in brackets: [::1]:9090");
    CHECK(refusal(parse_listen("example.org:80")) ==
          "`example.org:80` is not an address to listen on; names are not looked up here: write an "
          "IP address, or 0.0.0.0 for all");
}

TEST_CASE("upstream URLs are a host and a port") {
    struct {
        std::string_view text;
        std::string_view host;
        std::uint16_t port;
        std::string_view host_header;
    } const table[] = {
        {"http://127.0.0.1:3000", "127.0.0.1", 3000, "127.0.0.1:3000"},
        {"http://backend.svc", "backend.svc", 80, "backend.svc"},
        {"http://backend:3000/", "backend", 3000, "backend:3000"},
        {"http://[::1]:3000", "::1", 3000, "[::1]:3000"},
    };
    for (auto const& [text, host, port, host_header] : table) {
        CAPTURE(text);
        auto const got = parse_upstream_url(text);
        REQUIRE(refusal(got) == "");
        auto const& url = std::get<upstream_url>(got);
        CHECK(url.address.host == host);
        CHECK(url.address.port == port);
        CHECK(url.host_header == host_header);
    }
    CHECK(refusal(parse_upstream_url("127.0.0.1:3000")) ==
          "`127.0.0.1:3000` is not the URL of a backend; write http://HOST:PORT");
    CHECK(refusal(parse_upstream_url("https://b")) ==
          "the backend cannot be spoken to over TLS; a sidecar shares the pod's loopback with its "
          "backend: write http://127.0.0.1:PORT");
    CHECK(refusal(parse_upstream_url("ftp://b")) ==
          "`ftp://b` is not an http:// URL; write http://HOST:PORT");
    CHECK(refusal(parse_upstream_url("http://b/api")) ==
          "`http://b/api` holds more than a host and a port; requests are forwarded with the path "
          "and query they came with: write http://HOST:PORT");
    CHECK(refusal(parse_upstream_url("http://u:p@b")).find("p@") == std::string::npos);
    CHECK(refusal(parse_upstream_url("http://b:0")) ==
          "`http://b:0` has no usable port; a port is a number from 1 to 65535");
    CHECK(refusal(parse_upstream_url("http://b:70000")) ==
          "`http://b:70000` has no usable port; a port is a number from 1 to 65535");
    CHECK(refusal(parse_upstream_url("http://:80")) == "`http://...` names no host; ");
}

TEST_CASE("store URLs") {
    SUBCASE("redis over TCP") {
        auto const got = parse_store_url("redis://127.0.0.1:6379/2");
        REQUIRE(refusal(got) == "");
        auto const& url = std::get<store_url>(got);
        CHECK(url.what == store::kind::redis_tcp);
        CHECK(url.address.text() == "127.0.0.1:6379");
        CHECK(url.database == 2);
        CHECK(url.user == "");
        CHECK(url.password == "");
    }
    SUBCASE("redis over TLS") {
        auto const got = parse_store_url("rediss://redis.example:6380/1");
        REQUIRE(refusal(got) == "");
        auto const& url = std::get<store_url>(got);
        CHECK(url.what == store::kind::redis_tcp);
        CHECK(url.is_tls);
        CHECK(url.address.text() == "redis.example:6380");
        CHECK(url.description == "rediss://redis.example:6380/1");
    }
    SUBCASE("an IPv6 address") {
        auto const got = parse_store_url("redis://[2001:db8::1]:6379/0");
        REQUIRE(refusal(got) == "");
        CHECK(std::get<store_url>(got).address.host == "2001:db8::1");
        CHECK_FALSE(std::get<store_url>(got).is_tls);
    }
    SUBCASE("port and database have defaults") {
        auto const got = parse_store_url("redis://redis");
        REQUIRE(refusal(got) == "");
        CHECK(std::get<store_url>(got).address.text() == "redis:6379");
        CHECK(std::get<store_url>(got).database == 0);
    }
    SUBCASE("credentials are percent-decoded and stay out of the description") {
        auto const got = parse_store_url("redis://cache:p%40ss%2Fword@redis:6380/1");
        REQUIRE(refusal(got) == "");
        auto const& url = std::get<store_url>(got);
        CHECK(url.user == "cache");
        CHECK(url.password == "p@ss/word");
        CHECK(url.description == "redis://redis:6380/1");
    }
    SUBCASE("a password without a user") {
        auto const got = parse_store_url("redis://:secret@redis");
        REQUIRE(refusal(got) == "");
        CHECK(std::get<store_url>(got).user == "");
        CHECK(std::get<store_url>(got).password == "secret");
    }
    SUBCASE("a primary that Sentinels name") {
        auto const got = parse_store_url(
            "redis+sentinel://cache:p%40ss@one,two:26380,[2001:db8::1]:26381/main.cache/2");
        REQUIRE(refusal(got) == "");
        auto const& url = std::get<store_url>(got);
        CHECK(url.what == store::kind::redis_tcp);
        CHECK(url.sentinels ==
              std::vector<endpoint>{{"one", 26379}, {"two", 26380}, {"2001:db8::1", 26381}});
        CHECK(url.master_name == "main.cache");
        CHECK(url.database == 2);
        CHECK(url.user == "cache");
        CHECK(url.password == "p@ss");
        CHECK_FALSE(url.is_tls);
        CHECK(url.description ==
              "redis+sentinel://one:26379,two:26380,[2001:db8::1]:26381/main.cache/2");
        auto const over_tls = parse_store_url("rediss+sentinel://one/main");
        REQUIRE(refusal(over_tls) == "");
        CHECK(std::get<store_url>(over_tls).is_tls);
        CHECK(std::get<store_url>(over_tls).database == 0);
    }
    SUBCASE("a Cluster, by some of its nodes") {
        auto const got =
            parse_store_url("redis+cluster://cache:p%40ss@one,two:6380,[2001:db8::1]:6381");
        REQUIRE(refusal(got) == "");
        auto const& url = std::get<store_url>(got);
        CHECK(url.what == store::kind::redis_tcp);
        CHECK(url.cluster_seeds ==
              std::vector<endpoint>{{"one", 6379}, {"two", 6380}, {"2001:db8::1", 6381}});
        CHECK(url.sentinels.empty());
        CHECK(url.user == "cache");
        CHECK(url.password == "p@ss");
        CHECK_FALSE(url.is_tls);
        CHECK(url.description == "redis+cluster://one:6379,two:6380,[2001:db8::1]:6381");
        auto const over_tls = parse_store_url("rediss+cluster://one/0");
        REQUIRE(refusal(over_tls) == "");
        CHECK(std::get<store_url>(over_tls).is_tls);
        CHECK(refusal(parse_store_url("redis+cluster://one/1")) ==
              "`redis+cluster://one/1` names a database; a Cluster has none but 0");
        CHECK(refusal(parse_store_url("redis+cluster://a b")) ==
              "`redis+cluster://a b` does not name nodes of a Cluster; write "
              "redis+cluster://HOST:6379,HOST:6379: a few of them are enough");
        CHECK(refusal(parse_store_url("redis+cluster://:s3cret@one?x=1")).find("s3cret") ==
              std::string::npos);
    }
    SUBCASE("redis over a unix socket") {
        auto const got = parse_store_url("unix:///run/redis/redis.sock?db=4");
        REQUIRE(refusal(got) == "");
        auto const& url = std::get<store_url>(got);
        CHECK(url.what == store::kind::redis_unix);
        CHECK(url.path == "/run/redis/redis.sock");
        CHECK(url.database == 4);
        CHECK(url.description == "unix:///run/redis/redis.sock?db=4");
    }
    SUBCASE("the embedded store") {
        auto const got = parse_store_url("memory://");
        REQUIRE(refusal(got) == "");
        CHECK(std::get<store_url>(got).what == store::kind::memory);
    }
}

TEST_CASE("store URLs that are not for now, or for nobody") {
    auto const general =
        "is not the URL of a store; write redis://HOST:6379/0, rediss://HOST:6379/0 for TLS, "
        "unix:///PATH or memory://; a special character in a password is percent-encoded";
    CHECK(refusal(parse_store_url("redis")) == std::string("`redis` ") + general);
    CHECK(refusal(parse_store_url("memcached://x")) == std::string("`memcached://x` ") + general);
    CHECK(refusal(parse_store_url("redis://h/x")) ==
          "`redis://h/x` names no database; a database is a number: redis://HOST:6379/0");
    CHECK(refusal(parse_store_url("redis://h/0?x=1")) ==
          "`redis://h/0` has a query; redis:// and rediss:// URLs take none");
    CHECK(refusal(parse_store_url("unix://run/redis.sock")) ==
          "`unix://run/redis.sock` is not the path of a socket; write three slashes: "
          "unix:///run/redis/redis.sock");
    CHECK(refusal(parse_store_url("unix:///" + std::string(120, 'a')))
              .find("is too long for a unix socket") != std::string::npos);
    CHECK(refusal(parse_store_url("unix:///s?dB=1")) ==
          "`unix:///s` has an unknown parameter; unix:// URLs take ?db=DATABASE alone");
    for (std::string const bad : {"redis+sentinel://one,two",
                                  "redis+sentinel://one,two/",
                                  "redis+sentinel://one,two//0",
                                  "redis+sentinel://one,,two/main",
                                  "redis+sentinel://one/ma%20in",
                                  "redis+sentinel://one/main?x=1",
                                  "redis+sentinel://a@one,b@two/main/x"}) {
        CAPTURE(bad);
        CHECK(refusal(parse_store_url(bad)) != "");
    }
    CHECK(refusal(parse_store_url("redis+sentinel://one/main/x")).find("names no database") !=
          std::string::npos);
    // Whatever is wrong with it, a password is not shown.
    for (std::string const bad : {"redis://:pass word@h",
                                  "redis://u:secret@h/x",
                                  "x://u:secret@h",
                                  "redis://:secret@",
                                  "redis://:secret",
                                  "redis://user:secret",
                                  "redis://:se/secret@h/x",
                                  "redis://h/0?password=secret",
                                  "redis://h:99999/secret@x",
                                  "redis:secret@h",
                                  "u:secret@h",
                                  "unix://u:secret@/s?x=1",
                                  "redis+sentinel://u:secret@one,two",
                                  "redis+sentinel://one,u:secret@two/main/x",
                                  "redis+sentinel://u:secret,two/main",
                                  "http://u:secret@h"}) {
        CAPTURE(bad);
        auto const said = refusal(parse_store_url(bad));
        CHECK(said != "");
        CHECK(said.find("secret") == std::string::npos);
        CHECK(said.find("pass word") == std::string::npos);
    }
}

}  // namespace
}  // namespace sidecache::config
