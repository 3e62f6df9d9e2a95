// `ttl: origin` under the protocol: what is stale by time, asked about, or known to belong to
// groups never reaches past a write, wherever the write falls between its steps.
#include "proxy/cache/pending_purges.hpp"
#include "rules/http_cache/groups.hpp"
#include "tests/machines/fill_world.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sidecache;
using store::end_action;
using telemetry::request_result;
using test::fill_world;

namespace {

constexpr char const* rules_yaml = R"(
upstream: {url: "http://127.0.0.1:3000"}
store: {url: "memory://"}
rules:
  - name: windowed
    match: GET /windowed/{id}
    key: windowed:{id}
    ttl: 1ms
    partition: none
    ttl_only: true
    stale_while_revalidate: 1h
    stale_if_error: 1h
  - {name: rest, match: "GET /{path*}", ttl: origin, partition: none}
)";

using fields = test::stepped_upstream::fields;
fields const fresh{{"Cache-Control", "max-age=60"}, {"ETag", "\"a\""}};
fields const stale{{"Cache-Control", "max-age=10"}, {"Age", "20"}, {"ETag", "\"a\""}};
fields const may_be_stale{
    {"Cache-Control", "max-age=10, stale-while-revalidate=600, stale-if-error=600"},
    {"Age", "20"},
    {"ETag", "\"a\""}};

/// The last fetch is answered, and everything that follows from it done.
void answer(fill_world& w, unsigned status, std::string_view content, fields const& with = {}) {
    w.upstream().fetches.back()->answer(status, content, with);
    w.settle();
}

void fill(fill_world& w, std::string_view content, fields const& with) {
    auto const before = w.upstream().count();
    auto const c = w.get("/a");
    REQUIRE(w.upstream().count() == before + 1);
    answer(w, 200, content, with);
    REQUIRE(c->client.body == content);
}

bool asks(fill_world& w, std::size_t i, std::string_view condition) {
    return w.upstream()[i].request.fields.find(condition).has_value();
}

std::string body_of_next(fill_world& w) {
    auto const before = w.upstream().count();
    auto const c = w.get("/a");
    if (w.upstream().count() != before) {
        answer(w, 200, "asked", fresh);
    }
    return c->client.body;
}

constexpr std::string_view path = "path:/a";

}  // namespace

TEST_CASE("a revalidation that a write ends under: the 304 is nobody's but its own client's") {
    fill_world w(1, rules_yaml);
    fill(w, "old", stale);
    auto const asking = w.get("/a");
    REQUIRE(w.upstream().count() == 2);
    CHECK(asks(w, 1, "If-None-Match"));

    SUBCASE("begun and ended before the 304") {
        w.purge(path);
        answer(w, 304, "", fresh);
        CHECK(asking->client.body == "old");  // his request is older than the write
        CHECK(body_of_next(w) == "asked");
    }
    SUBCASE("begun before it, ended after it") {
        auto const write = w.begin(path);
        answer(w, 304, "", fresh);
        CHECK(asking->client.body == "old");
        CHECK(body_of_next(w) == "asked");
        w.end(write, path, end_action::bump);
        CHECK(body_of_next(w) == "asked");
    }
    SUBCASE("begun after it") {
        answer(w, 304, "", fresh);
        CHECK(body_of_next(w) == "old");
        w.purge(path);
        CHECK(body_of_next(w) == "asked");
    }
    SUBCASE("whoever comes after the write does not wait for that 304") {
        w.purge(path);
        auto const later = w.get("/a");
        answer(w, 304, "", fresh);
        CHECK_FALSE(later->done);
        // The purged entry's tag is strong: the backend may say that the very bytes are right.
        w.upstream().fetches.back()->answer(200, "new", fresh);
        w.settle();
        CHECK(later->client.body == "new");
    }
}

TEST_CASE("a revalidation sent under a marker is not stored, though the generation stands") {
    fill_world w(1, rules_yaml);
    fill(w, "old", stale);
    auto const write = w.begin(path);
    auto const during = w.get("/a");
    answer(w, 304, "", fresh);
    CHECK(during->client.body == "old");
    w.end(write, path, end_action::clear);  // nothing was changed
    CHECK(w.upstream().count() == 2);
    CHECK(body_of_next(w) == "asked");
    CHECK(w.upstream().count() == 3);
}

TEST_CASE("a write between snapshot and request: the stale entry is asked about as a purged one") {
    fill_world w(1, rules_yaml);
    fields weak{{"Cache-Control", "max-age=10"}, {"Age", "20"}, {"ETag", "W/\"a\""}};
    fill(w, "old", weak);
    auto const door = w.store().hold("begin_fill");
    auto const asking = w.get("/a");
    REQUIRE(door->reached);
    w.purge(path);
    door->open();
    w.settle();
    REQUIRE(w.upstream().count() == 2);
    // By a weak tag a backend would call what it has now the same: not asked about at all.
    CHECK_FALSE(asks(w, 1, "If-None-Match"));
    answer(w, 200, "new", fresh);
    CHECK(asking->client.body == "new");
    CHECK(body_of_next(w) == "new");
}

TEST_CASE("nothing stale is served while a mark stands, or behind a bump") {
    fill_world w(1, rules_yaml);
    fill(w, "old", may_be_stale);
    auto const write = w.begin(path);
    auto const during = w.get("/a");
    CHECK_FALSE(during->done);
    SUBCASE("nor when the backend fails meanwhile") {
        w.upstream().fetches.back()->fail(upstream::failure::broken);
        w.settle();
        CHECK(during->client.head.status == 502);
        w.end(write, path, end_action::bump);
    }
    SUBCASE("nor when it answers with an error after the end") {
        w.end(write, path, end_action::bump);
        answer(w, 503, "no");
        CHECK(during->client.head.status == 503);
    }
}

TEST_CASE("a stale entry stands in only if it still is valid when the backend has failed") {
    fill_world w(1, rules_yaml);
    fill(w,
         "old",
         {{"Cache-Control", "max-age=10, stale-if-error=600"}, {"Age", "20"}, {"ETag", "\"a\""}});
    auto const asking = w.get("/a");
    REQUIRE(w.upstream().count() == 2);
    SUBCASE("no write: it does") {
        answer(w, 503, "no");
        CHECK(asking->client.body == "old");
    }
    SUBCASE("a write has ended meanwhile: it does not") {
        w.purge(path);
        answer(w, 503, "no");
        // Fetched once more, since what might have stood in is gone.
        REQUIRE(w.upstream().count() == 3);
        answer(w, 503, "no");
        CHECK(asking->client.head.status == 503);
    }
    SUBCASE("a write is under way: it does not") {
        auto const write = w.begin(path);
        w.upstream().fetches.back()->fail(upstream::failure::broken);
        w.settle();
        CHECK(asking->client.head.status == 502);
        w.end(write, path, end_action::bump);
    }
}

TEST_CASE("what is fetched behind its clients is dead when a write has ended under it") {
    for (std::string const target : {"/windowed/1", "/a"}) {
        CAPTURE(target);
        fill_world w(1, rules_yaml);
        w.get(target);
        answer(w, 200, "old", target == "/a" ? may_be_stale : fields());
        REQUIRE(w.until([&] {
            auto const c = w.get(target);
            return c->done && c->client.body == "old" && w.upstream().count() == 2;
        }));
        w.purge("path:" + target);
        // The one behind began before the write.
        w.upstream()[1].answer(target == "/a" ? 304 : 200, target == "/a" ? "" : "old", fresh);
        w.settle();
        auto const next = w.get(target);
        CHECK_FALSE(next->done);
        REQUIRE(w.upstream().count() == 3);
        answer(w, 200, "new", fresh);
        CHECK(next->client.body == "new");
    }
}

// --- Groups (RFC 9875, proxy/cache/entry_groups.hpp) ---------------------------------------------

namespace {

fields const grouped{{"Cache-Control", "max-age=60"}, {"ETag", "\"a\""}, {"Cache-Groups", "\"g\""}};
std::string const any(rules::http_cache::any_group);
std::string const group = rules::http_cache::group_tag("g");

/// As a write does it: both marked before either is bumped.
void invalidate_group(fill_world& w) {
    auto const one = w.begin(any);
    auto const two = w.begin(group);
    w.end(two, group, end_action::bump);
    w.end(one, any, end_action::bump);
}

}  // namespace

TEST_CASE("an entry with groups is hit by their generations as well") {
    fill_world w(1, rules_yaml);
    fill(w, "old", grouped);
    CHECK(body_of_next(w) == "old");
    auto const reads = w.store().count("read");
    CHECK(body_of_next(w) == "old");
    CHECK(w.store().count("read") == reads + 2);  // the entry tells what else to read

    SUBCASE("a marker on a group") {
        auto const write = w.begin(group);
        auto const during = w.get("/a");
        CHECK_FALSE(during->done);
        answer(w, 200, "new", fresh);
        w.end(write, group, end_action::bump);
    }
    SUBCASE("a group that was bumped") {
        invalidate_group(w);
        CHECK(body_of_next(w) == "asked");
    }
    SUBCASE("another group") {
        w.purge(rules::http_cache::group_tag("h"));
        CHECK(body_of_next(w) == "old");
    }
    SUBCASE("between the two reads") {
        auto const door = w.store().hold_reply("read");
        auto const asking = w.get("/a");
        REQUIRE(door->reached);
        invalidate_group(w);
        door->open();
        w.settle();
        CHECK_FALSE(asking->done);
        answer(w, 200, "new", fresh);
        CHECK(asking->client.body == "new");
    }
}

TEST_CASE("a group that is invalidated while its response is on the way: not stored, not shared") {
    fill_world w(1, rules_yaml);
    auto const first = w.get("/a");
    SUBCASE("before the response") {
        invalidate_group(w);
        // He comes after the write, whose own path is another: his tags are as the fill's were.
        auto const later = w.get("/a");
        answer(w, 200, "old", grouped);
        CHECK(first->client.body == "old");
        CHECK_FALSE(later->done);
        answer(w, 200, "new", grouped);
        CHECK(later->client.body == "new");
    }
    SUBCASE("the group is bumped when its generation is read, the tag of all is not yet") {
        auto const one = w.begin(any);
        auto const two = w.begin(group);
        w.end(two, group, end_action::bump);
        answer(w, 200, "old", grouped);
        w.end(one, any, end_action::bump);
    }
    SUBCASE("between the two looks of the fill") {
        auto const door = w.store().hold("read");
        answer(w, 200, "old", grouped);
        REQUIRE(door->reached);
        invalidate_group(w);
        door->open();
        w.settle();
    }
    SUBCASE("before the generations of its groups are read") {
        auto const door = w.store().hold("begin_fill");
        answer(w, 200, "old", grouped);
        REQUIRE(door->reached);
        invalidate_group(w);
        door->open();
        w.settle();
    }
    CHECK(first->client.body == "old");
    CHECK(body_of_next(w) != "old");
}

TEST_CASE("stored under its groups, and invalidated after the last look: dead on arrival") {
    fill_world w(1, rules_yaml);
    w.get("/a");
    auto const door = w.store().hold("put");
    answer(w, 200, "old", grouped);
    REQUIRE(door->reached);
    invalidate_group(w);
    door->open();
    w.settle();
    CHECK(body_of_next(w) == "asked");
}

TEST_CASE("who has joined a fill reads its groups himself") {
    fill_world w(1, rules_yaml);
    auto const first = w.get("/a");
    SUBCASE("as they were: one fetch for both") {
        auto const joiner = w.get("/a");
        answer(w, 200, "x", grouped);
        CHECK(joiner->client.body == "x");
        CHECK(w.upstream().count() == 1);
    }
    SUBCASE("who comes after a write that the fill's last look has not seen") {
        auto const last_look = w.store().hold_reply("read");
        answer(w, 200, "old", grouped);
        REQUIRE(last_look->reached);
        invalidate_group(w);
        // The tags of his request are as the fill's were: he joins.
        auto const joiner = w.get("/a");
        CHECK(w.upstream().count() == 1);
        last_look->open();
        w.settle();
        CHECK(first->client.body == "old");
        CHECK_FALSE(joiner->done);
        REQUIRE(w.upstream().count() == 2);
        answer(w, 200, "new", grouped);
        CHECK(joiner->client.body == "new");
    }
}

TEST_CASE("who sees a fill's response in a near cache loses it with the group") {
    fill_world w(1, rules_yaml, 1 << 20);
    fill(w, "old", grouped);
    CHECK(body_of_next(w) == "old");
    auto const reads = w.store().count("read");
    CHECK(body_of_next(w) == "old");
    CHECK(w.store().count("read") == reads);  // from memory
    w[0].drop(group);
    invalidate_group(w);
    CHECK(body_of_next(w) == "asked");
}

TEST_CASE(
    "a group whose purge the store has not had: nothing of it from memory, and nothing stored") {
    fill_world w(1, rules_yaml, 1 << 20);
    fill(w, "old", grouped);
    CHECK(body_of_next(w) == "old");
    CHECK(body_of_next(w) == "old");
    auto const puts = w.store().count("put");
    auto held = w[0].shared.pending.hold({group, any}, w.config().rules);
    auto const during = w.get("/a");
    CHECK_FALSE(during->done);
    answer(w, 200, "new", grouped);
    CHECK(during->client.body == "new");
    CHECK(w.store().count("put") == puts);
    // What belongs to none of it goes on.
    w.get("/b");
    answer(w, 200, "b", fresh);
    CHECK(w.get("/b")->client.body == "b");
    held.release();
}
