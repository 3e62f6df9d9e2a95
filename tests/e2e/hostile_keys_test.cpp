// What of a hostile request ends up in Redis: names and tags in which no value is syntax.
#include "tests/e2e/hostile.hpp"
#include "tests/e2e/products.hpp"
#include "tests/support/redis_server.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace sidecache::tests;

namespace {

constexpr std::string_view rules = R"(
rules:
  - name: thing
    match: GET /things/{id}
    key: "thing:{id}:{q}:{h}:{c}"
    ttl: 10m
    partition: none
    vars: {q: {from: query.q, default: ""}, h: {from: header.X-H, default: ""}, c: {from: cookie.c, default: ""}}
purges:
  - {name: changed, on: "PUT /things/{id}", patterns: ["thing:{id}*"]}
  - {name: swept, on: "POST /sweep", patterns: ["thing:{b}*"], vars: {b: body.id}}
)";

/// The bytes that a value has to be written without.
constexpr std::string_view syntax = "*?[]{}| \r\n\t\"\\\x7f";

/// Values that would mean something to a shell of Redis, to a pattern, to a tag or to RESP.
struct spelled {
    std::string in_path, in_query, plain, escaped;
};
std::vector<spelled> const values{
    {"%2A", "%2A", "*", "%2A"},
    {"a%3Ab", "a%3Ab", "a:b", "a%3Ab"},
    {"%7Bx%7D", "%7Bx%7D", "{x}", "%7Bx%7D"},
    {"x%5By%5D%3F", "x%5By%5D%3F", "x[y]?", "x%5By%5D%3F"},
    {"1%7CorgId=7", "1%7CorgId=7", "1|orgId=7", "1%7CorgId=7"},
    {"%25", "%25", "%", "%25"},
    {"a%20b", "a%20b", "a b", "a%20b"},
    {"..x", "..", "..", ".."},
    {"x.", "x.", "x.", "x."},
    {"sidecache", "sidecache", "sidecache", "sidecache"},
};

}  // namespace

TEST_CASE("a value stands in a key's name as itself, whatever it is and wherever it comes from") {
    redis_server redis;
    hostile_stage s({.rules = std::string(rules), .store_url = redis.url()});
    for (auto const& v : values) {
        CAPTURE(v.plain);
        auto const id = v.in_path;
        auto const target = "/things/" + id + "?q=" + v.in_query;
        http_fields const fields{{"Host", "a"}, {"X-H", v.plain}, {"Cookie", "c=" + v.plain}};
        CHECK(s.proxy().get(target, fields).status == 200);
        CHECK(eventually([&] { return is_hit(s.proxy().get(target, fields)); }));
        auto const key = "thing:" + (id == "..x" ? std::string("..x") : v.escaped) + ":" +
                         v.escaped + ":" + v.escaped + ":" + v.escaped;
        CHECK(redis.exists(key));
    }
    SUBCASE("line ends, and bytes that are no text") {
        for (std::string const id : {"%0D%0ASET%20x%20y%0D%0A", "%FF%FE", "%C3%A9", "%01", "%7F"}) {
            CAPTURE(id);
            http_fields const fields{{"Host", "a"}};
            CHECK(s.proxy().get("/things/" + id, fields).status == 200);
            CHECK(eventually([&] { return is_hit(s.proxy().get("/things/" + id, fields)); }));
        }
        CHECK(redis.exists("thing:%0D%0ASET%20x%20y%0D%0A:::"));
        CHECK(redis.exists("thing:\xff\xfe:::"));
        CHECK_FALSE(redis.exists("x"));
    }
    // Whatever lies in Redis now, no name of it holds what a pattern or a tag would take for
    // syntax.
    std::set<std::string> const kinds{"thing", "sidecache"};
    for (auto const& key : redis.keys()) {
        CAPTURE(key);
        CHECK(kinds.contains(key.substr(0, key.find(':'))));
        // A tag is named by its pattern, which ends in a star of the rule's author.
        auto name = key;
        if (name.starts_with("sidecache:") && name.ends_with('*')) {
            name.pop_back();
        }
        CHECK(name.find_first_of(syntax) == std::string::npos);
    }
}

TEST_CASE("a purge by a hostile value reaches that value and no other") {
    redis_server redis;
    hostile_stage s({.rules = std::string(rules), .store_url = redis.url()});
    auto const fill = [&](std::string const& id) {
        return eventually([&] { return is_hit(s.proxy().get("/things/" + id, {{"Host", "a"}})); });
    };
    REQUIRE(fill("1"));
    REQUIRE(fill("12"));
    REQUIRE(fill("%2A"));
    for (std::string const id : {"%2A", "*", "%3F", "1%3A", "%7Bid%7D", "1%7C", "1%20", "%0D%0A"}) {
        CAPTURE(id);
        CHECK(s.proxy().request("PUT", "/things/" + id, {{"Host", "a"}}).status == 200);
    }
    for (std::string const json : {R"("*")",
                                   R"("1*")",
                                   R"("thing:1")",
                                   R"("1\r\nDEL thing:1:::")",
                                   R"("1\u0000")",
                                   R"("{id}")"}) {
        CAPTURE(json);
        auto const body = R"({"id": )" + json + "}";
        CHECK(s.proxy().request("POST", "/sweep", {{"Host", "a"}}, body).status == 200);
    }
    CHECK(is_hit(s.proxy().get("/things/1", {{"Host", "a"}})));
    CHECK(is_hit(s.proxy().get("/things/12", {{"Host", "a"}})));
    CHECK_FALSE(is_hit(s.proxy().get("/things/%2A", {{"Host", "a"}})));
    CHECK(redis.exists("thing:1:::"));
}

TEST_CASE("two spellings of a path are two to the backend, and never one entry") {
    hostile_stage s({.rules = std::string(rules)});
    CHECK(s.proxy().get("/things/1", {{"Host", "a"}}).status == 200);
    CHECK(eventually([&] { return is_hit(s.proxy().get("/things/1", {{"Host", "a"}})); }));
    s.arrived();
    for (std::string const target : {"/%74hings/1",
                                     "/things/%31",
                                     "/things/1.",
                                     "/things/1/",
                                     "/things//1",
                                     "/things/./1",
                                     "/things/x/../1",
                                     "/things/1;v=2",
                                     "/things%2F1",
                                     "/Things/1",
                                     "/things/1%20",
                                     "/things/1?q",
                                     "/things/1?%71=",
                                     "/things/1?q=%00",
                                     "/things/1?Q=",
                                     "/things/1?q=&q=",
                                     "/things/1?_method=DELETE"}) {
        CAPTURE(target);
        auto const answer = s.proxy().get(target, {{"Host", "a"}});
        CHECK(answer.status == 200);
        CHECK_FALSE(is_hit(answer));
        CHECK(s.arrived() == std::vector{at_backend("GET " + target + " HTTP/1.1")});
    }
}
