// `ttl: origin`, line by line: what is stored and for how long, validation, parts, stale answers,
// invalidation, interim answers, and what Cache-Status says of it.
#include "tests/e2e/origin_stage.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/redis_server.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace sidecache::tests;

namespace {

bool has(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

bool says(http_response const& r, std::string_view part) {
    return has(r["Cache-Status"], part);
}

/// The backend was asked once, and of what is stored.
bool asked_about(origin_stage& s, std::string_view condition) {
    auto const asked = s.asked();
    return asked.size() == 1 && has(asked[0], condition);
}

std::string const fresh = "200\nCache-Control: max-age=60\n";
std::string const stale = "200\nCache-Control: max-age=10\nAge: 20\n";

}  // namespace

TEST_CASE("an entry lies under method, host and target, and longer than it is fresh") {
    redis_server redis;
    origin_stage s({.store = redis.url()});
    s.reply("/a/b?x=1", fresh + "ETag: \"a\"");
    CHECK(
        says(s.get("/a/b?x=1"), "fwd=uri-miss; stored; key=\"http:GET:shop.example:/a/b%3Fx=1\""));
    std::string const key = "http:GET:shop.example:/a/b%3Fx=1";
    CHECK(eventually([&] { return redis.exists(key); }));
    auto const life = redis.command({"TTL", key}).number();
    CHECK(life > 600);
    CHECK(life <= 660);
    auto const hit = s.get("/a/b?x=1");
    CHECK(says(hit, "sidecache; hit; ttl="));
    CHECK(hit.field("Age"));
    CHECK(says(s.get("/a/b?x=2"), "fwd=uri-miss"));
}

TEST_CASE("Cache-Status says why the backend was asked (RFC 9211 section 2.2)") {
    origin_stage s;
    s.reply("/a", fresh + "Vary: Foo");
    CHECK(says(s.get("/a", {{"Foo", "1"}}), "fwd=uri-miss; stored"));
    CHECK(says(s.get("/a", {{"Foo", "1"}}), "; hit; "));
    s.reply("/a", fresh + "Vary: Foo");
    CHECK(says(s.get("/a", {{"Foo", "2"}}), "fwd=vary-miss; stored"));
    s.reply("/b", stale + "ETag: \"a\"");
    s.get("/b");
    s.reply("/b", "304\nCache-Control: max-age=60\nETag: \"a\"");
    CHECK(says(s.get("/b"), "fwd=stale; fwd-status=304; stored"));
    s.reply("/b", fresh);
    CHECK(says(s.get("/b", {{"Cache-Control", "no-cache"}}), "fwd=request; stored"));
    CHECK(says(s.get("/c", {{"If-Match", "\"a\""}}), "fwd=bypass; detail=precondition"));
    CHECK(says(s.get("/c", {{"Cache-Control", "only-if-cached"}}),
               "fwd=request; key=\"http:GET:shop.example:/c\"; detail=only_if_cached"));
    CHECK(says(s.ask("POST", "/c", {}, "x"), "fwd=method"));
    s.reply("/d", "200\nCache-Control: no-store");
    CHECK(says(s.get("/d"), "fwd=uri-miss; key=\"http:GET:shop.example:/d\"; detail=no_store"));
    CHECK(says(s.get("/d"), "detail=unstorable"));
}

TEST_CASE("what may have been purged is validated by a strong ETag only") {
    redis_server redis;
    origin_stage s({.near = "0", .store = redis.url()});
    int id = 0;
    for (auto const& [validator, is_strong] :
         std::vector<std::pair<std::string, bool>>{{"ETag: \"a\"", true},
                                                   {"ETag: W/\"a\"", false},
                                                   {"Last-Modified: " + date_in(-5000), false}}) {
        CAPTURE(validator);
        auto const target = "/p/" + std::to_string(++id);
        s.reply(target, fresh + validator);
        s.get(target);
        CHECK(eventually([&] { return says(s.get(target), "hit"); }));
        // A tag that has been evicted: nobody knows what has changed since.
        CHECK(redis.command({"DEL", "sidecache:tag:path:" + target}).number() == 1);
        s.asked();
        s.reply(target, is_strong ? "304\nETag: \"a\"" : fresh + validator);
        CHECK(s.get(target).body == "body");
        auto const asked = s.asked();
        REQUIRE(asked.size() == 1);
        CHECK(has(asked[0], "If-None-Match: \"a\"") == is_strong);
        CHECK_FALSE(has(asked[0], "If-Modified-Since"));
        CHECK(eventually([&] { return says(s.get(target), "hit"); }));
    }
    SUBCASE("what a write has changed is gone, and fetched whole") {
        s.reply("/w", fresh + "ETag: \"a\"");
        s.get("/w");
        s.ask("POST", "/w", {}, "x");
        s.asked();
        s.reply("/w", fresh + "ETag: \"b\"", "new");
        CHECK(s.get("/w").body == "new");
    }
}

TEST_CASE("a 304 that is about another response is asked again, whole") {
    origin_stage s;
    s.reply("/a", stale + "ETag: \"a\"");
    s.get("/a");
    s.asked();
    s.reply("/a", "304\nETag: \"b\"");
    s.reply("/a", fresh + "ETag: \"b\"", "new");
    CHECK(s.get("/a").body == "new");
    auto const asked = s.asked();
    REQUIRE(asked.size() == 2);
    CHECK(has(asked[0], "If-None-Match: \"a\""));
    CHECK_FALSE(has(asked[1], "If-None-Match"));
    CHECK(s.get("/a").body == "new");
    CHECK(s.asked().empty());
}

TEST_CASE("a 304 that forbids storing is obeyed") {
    origin_stage s;
    s.reply("/a", stale + "ETag: \"a\"");
    s.get("/a");
    s.reply("/a", "304\nCache-Control: no-store\nETag: \"a\"");
    auto const answer = s.get("/a");
    CHECK(answer.status == 200);
    CHECK(answer.body == "body");
    CHECK(says(answer, "detail=no_store"));
}

TEST_CASE("stale-while-revalidate: served at once, validated once behind it") {
    origin_stage s;
    std::string const windowed = "Cache-Control: max-age=10, stale-while-revalidate=600\n";
    s.reply("/a", "200\nAge: 20\nETag: \"a\"\n" + windowed);
    s.get("/a");
    s.asked();
    s.reply("/a", "304\nCache-Control: max-age=60\nETag: \"a\"");
    auto const served = s.get("/a");
    CHECK(served.body == "body");
    CHECK(says(served, "hit; ttl=-1"));
    CHECK(eventually([&] { return says(s.get("/a"), "hit; ttl=5"); }));
    CHECK(asked_about(s, "If-None-Match: \"a\""));

    SUBCASE("never what a write has made stale") {
        s.reply("/b", "200\nAge: 20\nETag: \"a\"\n" + windowed);
        s.get("/b");
        s.ask("POST", "/b", {}, "x");
        s.reply("/b", fresh, "new");
        CHECK(s.get("/b").body == "new");
    }
}

TEST_CASE("a backend that is gone: what is stored stands in, unless that is forbidden") {
    origin_stage s;
    s.reply("/may", stale + "ETag: \"a\"");
    s.reply("/may-not", "200\nCache-Control: max-age=10, must-revalidate\nAge: 20\nETag: \"a\"");
    s.reply("/purged", stale + "ETag: \"a\"");
    for (auto const* target : {"/may", "/may-not", "/purged"}) {
        CHECK(s.get(target).status == 200);
    }
    s.ask("DELETE", "/purged");
    s.stop_backend();
    auto const stood_in = s.get("/may");
    CHECK(stood_in.status == 200);
    CHECK(stood_in.body == "body");
    CHECK(says(stood_in, "fwd=stale; ttl=-1"));
    CHECK(says(stood_in, "detail=stale_if_error"));
    CHECK(s.get("/may-not").status == 502);
    CHECK(s.get("/purged").status == 502);
    CHECK(s.proxy().metric("sidecache_requests_total", {"result=\"stale\""}) == 1);
}

TEST_CASE("stale-if-error: an error of the backend is not passed on") {
    origin_stage s;
    s.reply("/a", "200\nCache-Control: max-age=10, stale-if-error=60\nAge: 20");
    s.get("/a");
    s.reply("/a", "503");
    auto const served = s.get("/a");
    CHECK(served.status == 200);
    CHECK(says(served, "fwd=stale; fwd-status=503; ttl=-1"));
    s.reply("/a", "404");
    CHECK(s.get("/a").status == 404);
}

TEST_CASE("an ETag of our own, for entries without one") {
    origin_stage s;
    s.reply("/a", fresh);
    CHECK_FALSE(s.get("/a").field("ETag"));
    auto const tag = s.get("/a")["ETag"];
    CHECK(tag.starts_with("\"sidecache-"));
    CHECK(s.get("/a", {{"If-None-Match", tag}}).status == 304);
    CHECK(s.get("/a", {{"If-None-Match", "W/" + tag}}).status == 304);
    CHECK(s.get("/a", {{"Range", "bytes=0-1"}, {"If-Range", tag}}).body == "bo");

    SUBCASE("the same content has the same one") {
        s.reply("/b", fresh);
        s.get("/b");
        CHECK(s.get("/b")["ETag"] == tag);
    }
    SUBCASE("the backend is never asked by it") {
        s.reply("/c", stale + "Last-Modified: " + date_in(-5000));
        s.get("/c");
        s.asked();
        s.get("/c");
        auto const asked = s.asked();
        REQUIRE(asked.size() == 1);
        CHECK(has(asked[0], "If-Modified-Since"));
        CHECK_FALSE(has(asked[0], "If-None-Match"));
    }
}

TEST_CASE("own_etag: false") {
    origin_stage s({.rule = ", own_etag: false"});
    s.reply("/a", fresh);
    s.get("/a");
    auto const hit = s.get("/a");
    CHECK(says(hit, "hit"));
    CHECK_FALSE(hit.field("ETag"));
}

TEST_CASE("parts of what is stored: one, several, none, conditional") {
    origin_stage s;
    s.reply("/a", fresh + "Content-Type: text/plain\nETag: \"a\"", "0123456789A");
    s.get("/a");
    s.asked();
    auto const part = [&](std::string const& range, std::string const& condition = "\"a\"") {
        return s.get("/a", {{"Range", range}, {"If-Range", condition}});
    };
    for (int round = 0; round < 2; ++round) {
        auto const one = part("bytes=2-4");
        CHECK(one.status == 206);
        CHECK(one.body == "234");
        CHECK(one["Content-Range"] == "bytes 2-4/11");
        CHECK(one["Content-Type"] == "text/plain");
        CHECK(one["ETag"] == "\"a\"");
        auto const two = part("bytes=0-1,-1");
        CHECK(two.status == 206);
        CHECK(has(two["Content-Type"], "multipart/byteranges; boundary=sidecache-part-"));
        CHECK_FALSE(two.field("Content-Range"));
        CHECK(
            has(two.body, "Content-Type: text/plain\r\nContent-Range: bytes 0-1/11\r\n\r\n01\r\n"));
        CHECK(has(two.body, "Content-Range: bytes 10-10/11\r\n\r\nA\r\n"));
        auto const none = part("bytes=50-60");
        CHECK(none.status == 416);
        CHECK(none["Content-Range"] == "bytes */11");
        CHECK(part("bytes=2-4", "\"b\"").status == 200);
        CHECK(part("bytes=2-4", "W/\"a\"").body == "0123456789A");
        CHECK(s.get("/a", {{"Range", "bytes=0-1"}, {"If-None-Match", "\"a\""}}).status == 304);
        auto const head = s.ask("HEAD", "/a", {{"Range", "bytes=0-1"}});
        CHECK(head.status == 200);
        CHECK(head["Content-Length"] == "11");
    }
    CHECK(s.asked().empty());
}

TEST_CASE("a conditional request that nothing is stored for fetches the whole, and gets a 304") {
    origin_stage s;
    s.reply("/a", fresh + "ETag: \"a\"");
    auto const first = s.get("/a", {{"If-None-Match", "\"a\""}});
    CHECK(first.status == 304);
    CHECK(first["ETag"] == "\"a\"");
    auto const asked = s.asked();
    REQUIRE(asked.size() == 1);
    CHECK_FALSE(has(asked[0], "If-None-Match"));
    CHECK(s.get("/a").body == "body");
    CHECK(s.asked().empty());
}

TEST_CASE("a write makes stale what its answer names (RFC 9111 section 4.4, RFC 9875)") {
    origin_stage s;
    auto const store = [&](std::string const& target) {
        s.reply(target, fresh);
        s.get(target);
        CHECK(says(s.get(target), "hit"));
    };
    for (auto const* target : {"/made", "/made/again", "/other", "/elsewhere"}) {
        store(target);
    }
    s.reply("/writes", "201\nLocation: /made\nContent-Location: http://shop.example/made/again");
    s.ask("POST", "/writes", {}, "x");
    CHECK_FALSE(says(s.get("/made"), "hit"));
    CHECK_FALSE(says(s.get("/made/again"), "hit"));
    CHECK(says(s.get("/other"), "hit"));
    s.reply("/writes", "200\nLocation: http://elsewhere.example/elsewhere");
    s.ask("POST", "/writes", {}, "x");
    CHECK(says(s.get("/elsewhere"), "hit"));
    s.reply("/writes", "404\nLocation: /other");
    s.ask("POST", "/writes", {}, "x");
    CHECK(says(s.get("/other"), "hit"));
}

TEST_CASE("groups: a write's answer names them, and they go, these and no others (RFC 9875)") {
    origin_stage::options how;
    SUBCASE("from memory") {}
    SUBCASE("from the store") {
        how.near = "0";
    }
    std::optional<redis_server> redis;
    SUBCASE("from Redis") {
        redis.emplace();
        how.store = redis->url();
        how.near = "0";
    }
    origin_stage s(how);
    auto const store = [&](std::string const& target, std::string const& groups) {
        s.reply(target, fresh + groups);
        s.get(target);
        CHECK(eventually([&] { return says(s.get(target), "hit"); }));
        auto const again = s.get(target);  // once from where a hit has put it
        CHECK(says(again, "hit"));
        CHECK(again.field("Cache-Status"));
    };
    auto const is_hit = [&](std::string const& target) { return says(s.get(target), "hit"); };
    store("/a", "Cache-Groups: \"x\", \"y\"");
    store("/b", "Cache-Groups: \"y\"");
    store("/c", "Surrogate-Key: x other");
    store("/d", "Cache-Groups: no list of strings");
    store("/e", "X-A: 1");

    SUBCASE("named by a write") {
        s.reply("/w", "204\nCache-Group-Invalidation: \"x\"");
        s.ask("POST", "/w", {}, "x");
        CHECK_FALSE(is_hit("/a"));
        CHECK(is_hit("/b"));
        CHECK_FALSE(is_hit("/c"));
        CHECK_FALSE(is_hit("/d"));  // of which nobody can tell
        CHECK(is_hit("/e"));
    }
    SUBCASE("by a write that was refused: none") {
        s.reply("/w", "403\nCache-Group-Invalidation: \"x\"");
        s.ask("POST", "/w", {}, "x");
        for (auto const* target : {"/a", "/b", "/c", "/d", "/e"}) {
            CHECK(is_hit(target));
        }
    }
    SUBCASE("a safe request names none") {
        s.reply("/w", fresh + "Cache-Group-Invalidation: \"x\"");
        s.get("/w");
        CHECK(is_hit("/a"));
    }
    SUBCASE("what cannot be read means everything") {
        s.reply("/w", "204\nCache-Group-Invalidation: x");
        s.ask("POST", "/w", {}, "x");
        for (auto const* target : {"/a", "/b", "/c", "/d", "/e"}) {
            CHECK_FALSE(is_hit(target));
        }
    }
    SUBCASE("by hand") {
        auto const purged = s.proxy().admin("POST", "/purge", {}, R"({"groups": ["y", "z"]})");
        CHECK(purged.status == 200);
        CHECK_FALSE(is_hit("/a"));
        CHECK_FALSE(is_hit("/b"));
        CHECK(is_hit("/c"));
        CHECK(s.proxy().admin("POST", "/purge", {}, R"({"group": "other"})").status == 200);
        CHECK_FALSE(is_hit("/c"));
        CHECK(is_hit("/e"));
    }
    SUBCASE("a new response may belong to others") {
        s.ask("DELETE", "/a");
        store("/a", "Cache-Groups: \"z\"");
        s.reply("/w", "204\nCache-Group-Invalidation: \"x\", \"y\"");
        s.ask("POST", "/w", {}, "x");
        CHECK(is_hit("/a"));
        CHECK_FALSE(is_hit("/b"));
    }
    SUBCASE("a 304 may take it into one") {
        s.reply("/f", stale + "ETag: \"f\"");
        s.get("/f");
        s.reply("/f", "304\nETag: \"f\"\nCache-Control: max-age=60\nCache-Groups: \"x\"");
        CHECK(s.get("/f").status == 200);
        CHECK(is_hit("/f"));
        s.reply("/w", "204\nCache-Group-Invalidation: \"x\"");
        s.ask("POST", "/w", {}, "x");
        CHECK_FALSE(is_hit("/f"));
    }
}

TEST_CASE("a HEAD whose answer differs makes what is stored stale (RFC 9111 section 4.3.5)") {
    origin_stage s;
    auto const anew = http_fields{{"Cache-Control", "no-cache"}};
    auto const last_modified = "Last-Modified: " + date_in(-500);
    s.reply("/a", fresh + "ETag: \"1\"\n" + last_modified);
    s.get("/a");
    CHECK(says(s.get("/a"), "hit"));

    SUBCASE("the same: it stays") {
        s.reply("/a", fresh + "ETag: \"1\"\n" + last_modified);
        CHECK(says(s.ask("HEAD", "/a", anew), "fwd=request"));
        CHECK(says(s.get("/a"), "hit"));
    }
    SUBCASE("another ETag") {
        s.reply("/a", fresh + "ETag: \"2\"");
        s.ask("HEAD", "/a", anew);
        CHECK(eventually([&] { return !says(s.get("/a"), "hit"); }));
    }
    SUBCASE("another Last-Modified") {
        s.reply("/a", fresh + "Last-Modified: " + date_in(-5));
        s.ask("HEAD", "/a", anew);
        CHECK(eventually([&] { return !says(s.get("/a"), "hit"); }));
    }
    SUBCASE("another length") {
        s.reply("/a", fresh, "longer than it was");
        s.ask("HEAD", "/a", anew);
        CHECK(eventually([&] { return !says(s.get("/a"), "hit"); }));
    }
    SUBCASE("an error says nothing") {
        s.reply("/a", "404", "longer than it was");
        s.ask("HEAD", "/a", anew);
        CHECK(says(s.get("/a"), "hit"));
    }
}

TEST_CASE("an interim answer reaches the client of a fill") {
    origin_stage s;
    s.reply_raw("/a",
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok");
    auto const first = s.get("/a");
    CHECK(first.interims == std::vector<int>{103});
    CHECK(first.body == "ok");
    auto const hit = s.get("/a");
    CHECK(says(hit, "hit"));
    CHECK(hit.interims.empty());
    CHECK_FALSE(hit.field("Link"));  // it was the hint's, not the response's
}

TEST_CASE("named fields are not stored, and the rest is") {
    origin_stage s;
    s.reply("/a",
            "200\nCache-Control: max-age=60, private=\"X-User\", no-cache=\"X-Token\"\n"
            "X-User: ann\nX-Token: t\nX-Rest: r");
    CHECK(s.get("/a")["X-User"] == "ann");
    auto const hit = s.get("/a");
    CHECK(says(hit, "hit"));
    CHECK_FALSE(hit.field("X-User"));
    CHECK_FALSE(hit.field("X-Token"));
    CHECK(hit["X-Rest"] == "r");
}

TEST_CASE(
    "a rule with a duration: conditions, parts and HEAD, and its clients' wishes if it says so") {
    std::string const rules =
        "rules:\n"
        "  - {name: plain, match: \"GET /plain/{id}\", key: \"plain:{id}\", ttl: 1m, ttl_only: "
        "true}\n"
        "  - {name: kind, match: \"GET /kind/{id}\", key: \"kind:{id}\", ttl: 1m, ttl_only: true, "
        "request_directives: obey}\n";
    recording_upstream backend([](std::string_view, std::string_view) {
        return std::string("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: \"a\"\r\n\r\nbody");
    });
    sidecache_process proxy(
        "listen: 127.0.0.1:0\nworkers: 1\nadmin: {listen: \"127.0.0.1:0\"}\n"
        "store: {url: \"memory://\"}\nupstream: {url: \"" +
        backend.url() + "\"}\n" + rules);
    auto const get = [&](std::string const& target, http_fields fields = {}) {
        fields.emplace_back("Host", "shop.example");
        return proxy.get(target, fields);
    };
    for (auto const* target : {"/plain/1", "/kind/1"}) {
        CHECK(eventually([&] { return says(get(target), "hit"); }));
        CHECK(get(target, {{"If-None-Match", "\"a\""}}).status == 304);
        CHECK(get(target, {{"Range", "bytes=1-2"}}).body == "od");
    }
    CHECK(says(get("/plain/1", {{"Cache-Control", "no-cache"}}), "hit"));
    CHECK(says(get("/kind/1", {{"Cache-Control", "no-cache"}}), "fwd=request"));
    CHECK(says(get("/plain/2", {{"Range", "bytes=1-2"}}), "fwd=miss"));
}
