// The admin port from the wrong side, secrets, and what is left behind by requests that are
// refused.
#include "tests/e2e/hostile.hpp"
#include "tests/e2e/products.hpp"
#include "tests/support/redis_server.hpp"

#include <doctest/doctest.h>

using namespace sidecache::tests;

namespace {

bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::string answer_to(hostile_stage& s, std::string_view bytes) {
    http_client client(s.proxy().port());
    client.send_raw(bytes);
    return client.receive_until_closed();
}

}  // namespace

TEST_CASE("nothing of the admin port can be reached through the data port") {
    hostile_stage s;
    for (std::string const path :
         {"/metrics", "/healthz", "/livez", "/readyz", "/stats", "/explain?uri=/", "/"}) {
        CAPTURE(path);
        play(s,
             {"GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n",
              {200},
              false,
              {at_backend("GET " + path + " HTTP/1.1")}});
    }
    auto const admin = "127.0.0.1:" + std::to_string(s.proxy().admin_port());
    play(s,
         {"POST http://" + admin + "/purge HTTP/1.1\r\nHost: " + admin +
              "\r\nContent-Length: 2\r\n\r\n{}",
          {200},
          false,
          {at_backend("POST /purge HTTP/1.1",
                      "Host: " + admin + "\r\n",
                      "Content-Length: 2\r\n",
                      "{}",
                      admin)}});
}

TEST_CASE("a refused request is counted, logged, and says so in Cache-Status") {
    hostile_stage s({.settings = "limits: {header_timeout: 200ms, max_body: 10B, max_target: 200B, "
                                 "max_header: 1KiB}\n"});
    struct row {
        std::string bytes;
        int status;
        std::string reason;
    };
    std::string const host = "Host: a\r\n";
    std::string const x300(300, 'x');
    std::string const x2000(2'000, 'x');
    row const table[] = {
        {"GET /%zz?secret=1 HTTP/1.1\r\n\r\n", 400, "bad_request"},
        {"GET http://u:secret@a/ HTTP/1.1\r\n" + host + "\r\n", 400, "bad_request"},
        {"CONNECT a:1 HTTP/1.1\r\n" + host + "\r\n", 405, "bad_method"},
        {"GET / HTTP/1.1\r\nAuthorization: secret", 408, "request_timeout"},
        {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 11\r\n\r\n", 413, "request_too_large"},
        {"PUT / HTTP/1.1\r\n" + host +
             "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
         413,
         "request_too_large"},
        {"GET /?secret" + x300 + " HTTP/1.1\r\n" + host + "\r\n", 414, "target_too_long"},
        {"GET / HTTP/1.1\r\n" + host + "Expect: secret\r\n\r\n", 417, "bad_expectation"},
        {"GET / HTTP/1.1\r\nX: " + x2000 + "\r\n\r\n", 431, "header_too_large"},
        {"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: a, chunked\r\n\r\n", 501, "bad_coding"},
        {"GET / HTTP/2.0\r\n" + host + "\r\n", 505, "bad_version"},
    };
    for (auto const& r : table) {
        CAPTURE(r.bytes);
        auto const label = "reason=\"" + r.reason + "\"";
        auto const before = s.proxy().metric("sidecache_rejected_requests_total", {label});
        auto const answer = answer_to(s, r.bytes);
        CHECK(answer.starts_with("HTTP/1.1 " + std::to_string(r.status) + " "));
        CHECK(holds(answer, "\r\nCache-Status: sidecache; detail=" + r.reason + "\r\n"));
        CHECK(s.proxy().metric("sidecache_rejected_requests_total", {label}) == before + 1);
        auto const line = s.proxy().server().wait_for_line("\"reason\":\"" + r.reason + "\"");
        CHECK(holds(line, "\"status\":" + std::to_string(r.status)));
        CHECK_FALSE(holds(line, "secret"));
    }
    CHECK(s.arrived() == std::vector<std::string>{});
}

TEST_CASE("no secret shows in logs, metrics, statistics or errors") {
    redis_server redis({"--user", "cache", "on", ">s3cret-store", "~*", "&*", "+@all"});
    auto const store =
        "redis://cache:s3cret-store@127.0.0.1:" + std::to_string(redis.port()) + "/0";
    recording_upstream backend;
    sidecache_process proxy(
        "listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\", token: s3cret-admin}\n"
        "log: {level: debug, access: {hits: true}}\nstore: {url: \"" +
        store + "\"}\nupstream: {url: \"" + backend.url() + R"("}
rules:
  - {name: thing, match: "GET /things/{id}", key: "thing:{id}", ttl: 10m}
purges:
  - {name: changed, on: "PUT /things/{id}", patterns: ["thing:{id}*"]}
)");
    http_fields const fields{{"Authorization", "Bearer s3cret-bearer"},
                             {"Cookie", "session=s3cret-cookie"}};
    CHECK(eventually([&] { return is_hit(proxy.get("/things/1", fields)); }));
    std::string seen;
    auto const look = [&](http_response const& r) {
        for (auto const& [name, value] : r.fields) {
            seen += name + ": " + value + "\n";
        }
        seen += r.body;
    };
    look(proxy.get("/things/1", fields));
    look(proxy.get("/things/1?token=s3cret-query", fields));
    look(proxy.request("PUT", "/things/1", fields, "s3cret-body"));
    look(proxy.request("PUT", "/things/1", {{"Expect", "s3cret-expect"}}));
    // A token is taken from its header alone.
    std::string const purge = R"({"rule": "thing"})";
    auto const wrong =
        proxy.admin("POST", "/purge", {{"Authorization", "Bearer s3cret-wrong"}}, purge);
    CHECK(wrong.status == 401);
    look(wrong);
    auto const in_query = proxy.admin("POST", "/purge?token=s3cret-admin", {}, purge);
    CHECK(in_query.status == 401);
    look(in_query);
    auto const right =
        proxy.admin("POST", "/purge", {{"Authorization", "Bearer s3cret-admin"}}, purge);
    CHECK(right.status == 200);
    look(right);
    look(proxy.admin("GET", "/stats"));
    look(proxy.admin("GET", "/metrics"));
    look(
        proxy.admin("GET", "/explain?uri=/things/1&header=Authorization:%20Bearer%20s3cret-asked"));
    look(proxy.admin("GET", "/readyz"));
    look(proxy.admin("GET", "/"));
    proxy.server().terminate();
    proxy.server().wait();
    seen += proxy.server().output();
    CHECK(holds(seen, "thing"));
    auto const at = seen.find("s3cret");
    if (at != std::string::npos) {
        FAIL_CHECK(seen.substr(at < 200 ? 0 : at - 200, 300));
    }
    CHECK_FALSE(holds(seen, "s3cret"));
}

TEST_CASE("who listens on more than loopback without a token is warned at the start") {
    recording_upstream backend;
    auto const yaml = [&](std::string const& admin) {
        return "listen: 127.0.0.1:0\nadmin: {" + admin +
               "}\nstore: {url: \"memory://\"}\nupstream: {url: \"" + backend.url() + "\"}\n";
    };
    sidecache_process open(yaml("listen: \"0.0.0.0:0\""));
    CHECK(holds(open.server().standard_error(), "anybody who reaches 0.0.0.0:0 can purge"));
    sidecache_process guarded(yaml("listen: \"0.0.0.0:0\", token: t"));
    CHECK_FALSE(holds(guarded.server().standard_error(), "can purge"));
}
