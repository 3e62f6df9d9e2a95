// `ttl: origin` with an attacker's eyes: whom its entries are for, what an answer may not do to
// others, and what conditions, parts and stale answers must not give away.
#include "tests/e2e/hostile.hpp"
#include "tests/e2e/products.hpp"
#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>

using namespace sidecache::tests;

namespace {

constexpr std::string_view catch_all = R"(
rules:
  - {name: rest, match: "GET /{path*}", ttl: origin}
)";

/// What the backend says next to a target; without a script "ok", which is fresh for nobody.
struct script {
    std::mutex mutex;
    std::map<std::string, std::deque<std::string>, std::less<>> replies;
    std::set<std::string, std::less<>> failing;

    /// "200 OK\nName: value", and the content.
    void say(std::string const& target, std::string_view head, std::string const& body = "body") {
        std::string out = "HTTP/1.1 ";
        for (char const c : head.ends_with('\n') ? head.substr(0, head.size() - 1) : head) {
            out += c == '\n' ? std::string("\r\n") : std::string(1, c);
        }
        bool const has_content = !head.starts_with("304");
        out += has_content ? "\r\nContent-Length: " + std::to_string(body.size()) : std::string();
        out += "\r\n\r\n" + (has_content ? body : std::string());
        std::lock_guard const lock(mutex);
        replies[target].push_back(out);
    }
    /// Nothing, as often as it is asked: it closes.
    void fail(std::string const& target, bool fails = true) {
        std::lock_guard const lock(mutex);
        fails ? void(failing.insert(target)) : void(failing.erase(target));
    }
    std::string answer(std::string_view target) {
        std::lock_guard const lock(mutex);
        if (failing.contains(target)) {
            return {};
        }
        auto const found = replies.find(target);
        if (found == replies.end() || found->second.empty()) {
            return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        }
        auto out = found->second.front();
        found->second.pop_front();
        return out;
    }
};

struct stage_of_origin {
    std::shared_ptr<script> backend = std::make_shared<script>();
    hostile_stage stage;

    explicit stage_of_origin(std::string const& rules = std::string(catch_all))
        : stage({.settings = "workers: 1\n",
                 .rules = rules,
                 .answer = [b = backend](std::string_view, std::string_view target) {
                     return b->answer(target);
                 }}) {}

    http_response get(std::string const& target, http_fields fields = {}) {
        fields.emplace_back("Host", "a");
        auto out = stage.proxy().get(target, fields);
        // Its one worker has dealt with everything that was sent to it before.
        fetch(stage.proxy().admin_port(), "GET", "/livez");
        return out;
    }
};

std::string const fresh = "200 OK\nCache-Control: public, max-age=60\n";
std::string const stale = "200 OK\nCache-Control: public, max-age=10\nAge: 20\n";

}  // namespace

TEST_CASE("what was fetched with a credential, a key or for a tenant is for that one alone") {
    stage_of_origin s;
    int id = 0;
    for (std::string const name :
         {"Authorization", "Cookie", "X-Api-Key", "X-Tenant-Id", "X-Forwarded-User"}) {
        CAPTURE(name);
        auto const target = "/of/" + std::to_string(++id);
        s.backend->say(target, fresh + "ETag: \"1\"", "of mine");
        CHECK(is_stored(s.get(target, {{name, "mine"}})));
        CHECK(is_hit(s.get(target, {{name, "mine"}})));
        s.stage.arrived();
        s.backend->say(target, fresh + "ETag: \"2\"", "of yours");
        // Not by asking whether it has changed, nor for a part of it, nor for what is stored only.
        auto const yours =
            s.get(target, {{name, "yours"}, {"If-None-Match", "\"1\""}, {"If-Range", "\"1\""}});
        CHECK(yours.status == 200);
        CHECK(yours.body == "of yours");
        CHECK(s.stage.arrived() == std::vector{at_backend("GET " + target + " HTTP/1.1",
                                                          name + ": yours\r\nHost: a\r\n")});
        CHECK(s.get(target, {{name, "third"}, {"Cache-Control", "only-if-cached"}}).status == 504);
        CHECK(s.get(target, {{"Cache-Control", "only-if-cached, max-stale"}}).status == 504);
        CHECK(s.get(target, {{name, "mine"}}).body == "of mine");
    }
}

TEST_CASE("with `partition: none` the answer to an Authorization needs the backend's word") {
    stage_of_origin s(
        "rules:\n  - {name: rest, match: \"GET /{path*}\", ttl: origin, "
        "partition: none}\n");
    s.backend->say("/a", "200 OK\nCache-Control: max-age=60", "of mine");
    CHECK(says(s.get("/a", {{"Authorization", "mine"}}), "detail=authorization"));
    CHECK(s.get("/a").body == "ok");
    s.backend->say("/b", fresh, "of all");
    CHECK(is_stored(s.get("/b", {{"Authorization", "mine"}})));
    CHECK(s.get("/b").body == "of all");
}

TEST_CASE("an error of one request is nobody else's") {
    stage_of_origin s;
    int id = 0;
    for (std::string const status : {"400 Bad Request",
                                     "401 Unauthorized",
                                     "403 Forbidden",
                                     "406 Not Acceptable",
                                     "413 Content Too Large",
                                     "429 Too Many Requests",
                                     "431 Request Header Fields Too Large",
                                     "500 Internal Server Error",
                                     "503 Service Unavailable"}) {
        CAPTURE(status);
        auto const target = "/error/" + std::to_string(++id);
        s.backend->say(target, status + "\nCache-Control: public, max-age=60", "poison");
        CHECK(s.get(target, {{"X-Much", std::string(9'000, 'x')}}).body == "poison");
        CHECK(s.get(target).body == "ok");
    }
}

TEST_CASE("an answer that forbids sharing in an odd way is not shared") {
    stage_of_origin s;
    int id = 0;
    for (std::string const fields : {"Cache-Control: max-age=60, private",
                                     "Cache-Control: max-age=60\nCache-Control: PRIVATE",
                                     "Cache-Control: max-age=60, ext=\"a, private",
                                     "Cache-Control: max-age=60, private =",
                                     "Cache-Control: max-age=60, no-store=1",
                                     "Cache-Control: max-age=60\nSet-Cookie: id=mine",
                                     "Cache-Control: max-age=60\nVary: *",
                                     "Cache-Control: max-age=60\nVary: Accept, *",
                                     "Cache-Control: max-age=60\nVary: \"Accept, Cookie\"",
                                     "CDN-Cache-Control: private, max-age=60"}) {
        CAPTURE(fields);
        auto const target = "/private/" + std::to_string(++id);
        s.backend->say(target, "200 OK\n" + fields, "of mine");
        auto const first = s.get(target);
        CHECK(first.body == "of mine");
        CHECK_FALSE(is_stored(first));
        CHECK(s.get(target).body == "ok");
    }
}

TEST_CASE("fields that no key holds poison no entry, however they are spelled") {
    stage_of_origin s;
    int id = 0;
    for (std::string const field : {"X-Forwarded-Host: evil",
                                    "X-Original-URL: /admin",
                                    "X-HTTP-Method-Override: DELETE",
                                    "X_Forwarded_Host: evil",
                                    "X_HTTP_Method_Override: DELETE",
                                    "X.Forwarded.Host: evil"}) {
        CAPTURE(field);
        auto const target = "/unkeyed/" + std::to_string(++id);
        s.backend->say(target, fresh, "poison");
        auto const colon = field.find(": ");
        http_fields const evil{{field.substr(0, colon), field.substr(colon + 2)}};
        CHECK(s.get(target, evil).body == "poison");
        CHECK(s.get(target).body == "ok");
    }
    // Another host's, another target's.
    s.backend->say("/host", fresh, "of a");
    CHECK(is_stored(s.get("/host")));
    CHECK(s.stage.proxy().get("/host", {{"Host", "b"}}).body == "ok");
    CHECK(s.get("/host?").body == "ok");
    CHECK(s.get("/hos%74").body == "ok");
}

TEST_CASE("a variant is for who has sent the same, and the backend has seen it") {
    stage_of_origin s;
    s.backend->say("/v", fresh + "Vary: X-A, Cookie", "of 1");
    CHECK(is_stored(s.get("/v", {{"X-A", "1"}})));
    CHECK(s.get("/v", {{"X-A", "2"}}).body == "ok");
    CHECK(s.get("/v").body == "ok");
    CHECK(s.get("/v", {{"X-A", "1"}, {"X-A", "1"}}).body == "ok");
    CHECK(s.get("/v", {{"X-A", "1"}}).body == "of 1");
    // Kept back from the backend: what it answered is not for those who send the field.
    s.backend->say("/w", fresh + "Vary: X-A", "of none");
    s.get("/w", {{"X-A", "1"}, {"Connection", "X-A"}});
    CHECK(s.get("/w", {{"X-A", "1"}}).body == "ok");
    // Made by the proxy, different for each client.
    s.backend->say("/x", fresh + "Vary: X-Forwarded-For", "of mine");
    CHECK_FALSE(is_stored(s.get("/x")));
}

TEST_CASE("a stale answer stands in for whom it was stored, and for nobody else") {
    stage_of_origin s;
    s.backend->say("/s", stale + "ETag: \"1\"", "of mine");
    s.get("/s", {{"Authorization", "mine"}});
    s.backend->fail("/s");
    auto const mine = s.get("/s", {{"Authorization", "mine"}});
    CHECK(mine.body == "of mine");
    CHECK(says(mine, "detail=stale_if_error"));
    CHECK(s.get("/s", {{"Authorization", "yours"}}).status == 502);
    CHECK(s.get("/s", {{"Cache-Control", "max-stale"}}).status == 502);
    // Nor past a write, whatever a client asks for.
    s.backend->fail("/s", false);
    CHECK(s.stage.proxy().request("POST", "/s", {{"Host", "a"}}, "x").status == 200);
    s.backend->fail("/s");
    CHECK(s.get("/s", {{"Authorization", "mine"}, {"Cache-Control", "max-stale"}}).status == 502);
}

TEST_CASE("a 304 changes what was asked about, and cannot make it anybody else's") {
    stage_of_origin s;
    auto const store = [&](std::string const& target) {
        s.backend->say(target, stale + "ETag: \"1\"\nContent-Type: text/plain", "body");
        s.get(target);
        s.stage.arrived();
    };
    store("/cookie");
    s.backend->say("/cookie",
                   "304 Not Modified\nETag: \"1\"\nCache-Control: max-age=60\nSet-Cookie: a=b");
    CHECK(s.get("/cookie").body == "body");
    CHECK(s.get("/cookie").field("Set-Cookie") == std::nullopt);
    store("/private");
    s.backend->say("/private", "304 Not Modified\nETag: \"1\"\nCache-Control: private, max-age=60");
    CHECK_FALSE(is_stored(s.get("/private")));
    store("/type");
    s.backend->say("/type",
                   "304 Not Modified\nETag: \"1\"\nCache-Control: max-age=60\n"
                   "Content-Type: text/html\nContent-Length: 1\nContent-Encoding: gzip\n"
                   "Connection: X-Gone\nX-Gone: 1\nX-New: 1");
    s.get("/type");
    auto const after = s.get("/type");
    CHECK(is_hit(after));
    CHECK(after.body == "body");
    CHECK(after["Content-Type"] == "text/plain");
    CHECK(after["Content-Length"] == "4");
    CHECK_FALSE(after.field("Content-Encoding"));
    CHECK_FALSE(after.field("X-Gone"));
    CHECK(after["X-New"] == "1");
}

TEST_CASE("ranges that would cost more than the whole are answered with the whole") {
    stage_of_origin s;
    std::string const body(10'000, 'x');
    s.backend->say("/r", fresh + "ETag: \"1\"", body);
    s.get("/r");
    std::string many = "bytes=0-0";
    for (int i = 1; i < 2'000; ++i) {
        many += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
    }
    for (std::string const& range : {many,
                                     std::string("bytes=0-,0-,0-,0-"),
                                     std::string("bytes=0-9999,0-9999"),
                                     std::string("bytes=18446744073709551616-"),
                                     std::string("bytes=-18446744073709551616"),
                                     std::string("bytes=5-4"),
                                     std::string("bytes=--1"),
                                     std::string("bytes=0x1-2"),
                                     std::string("chars=0-1")}) {
        CAPTURE(range.substr(0, 40));
        auto const answer = s.get("/r", {{"Range", range}});
        CHECK((answer.status == 200 || answer.status == 206 || answer.status == 416));
        CHECK(answer.body.size() <= body.size());
        CHECK(is_hit(answer));
    }
}
