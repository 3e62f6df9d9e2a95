// What goes along in the batch of a begin or an end, and who joins others with other rules
// (protocol.md sections 3.2, 3.5 and 3.8).
#include "tests/store/fixtures.hpp"
#include "tests/store/redis_fixture.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace sidecache;
using namespace sidecache::store;
using namespace sidecache::tests;
using namespace std::chrono_literals;
using telemetry::store_command;

namespace {

constexpr mutation_id mine{1, 1};
constexpr mutation_id theirs{2, 2};
constexpr auto keep = std::chrono::milliseconds(1h);
constexpr auto life = std::chrono::milliseconds(35s);
std::vector<begin_mark> const one_mark{{"product:1*", mark_kind::marker}};

}  // namespace

#define FIXTURES memory_fixture, redis_fixture, cluster_fixture

TEST_CASE_TEMPLATE("a look goes behind the marks of a begin, and before those of an end go",
                   Fixture,
                   FIXTURES) {
    Fixture f;
    auto const tags = tags_of({"product:1*", "rule:details"});
    lookup const all{"product:1", &tags};
    std::vector<lookup> const looks{all};
    auto const begun = f.run(f.s.begin_with(mine, one_mark, life, keep, {looks, {}}));
    REQUIRE(begun.has_value());
    REQUIRE(begun->seen.size() == 1);
    auto const& first = begun->seen[0];
    CHECK(first.entry == nullptr);
    REQUIRE(first.tags.size() == 2);
    CHECK(first.tags[0].markers == 1);
    CHECK(first.tags[0].gen == begun->tags[0].gen);
    CHECK_FALSE(first.tags[1].present);
    CHECK_FALSE(begun->told.has_value());

    std::vector<end_mark> const ends{{"product:1*", end_action::bump, {}}};
    lookup const only_tags{{}, &tags};
    std::vector<lookup> const again{only_tags};
    SUBCASE("nobody else: as it was") {
        auto const ended = f.run(f.s.end_with(mine, ends, life, keep, {again, {}}));
        REQUIRE(ended.has_value());
        REQUIRE(ended->seen.size() == 1);
        CHECK(ended->seen[0].tags[0].markers == 1);
        CHECK(ended->seen[0].tags[0].gen == begun->tags[0].gen);
        CHECK(ended->after[0] != begun->tags[0].gen);
        CHECK(ended->had_mark[0]);
    }
    SUBCASE("another mutation's marker is counted with the own") {
        REQUIRE(f.run(f.s.begin(theirs, one_mark, life, keep)).has_value());
        auto const ended = f.run(f.s.end_with(mine, ends, life, keep, {again, {}}));
        REQUIRE(ended.has_value());
        CHECK(ended->seen[0].tags[0].markers == 2);
    }
    SUBCASE("another mutation has ended: another generation") {
        REQUIRE(f.run(f.s.begin(theirs, one_mark, life, keep)).has_value());
        REQUIRE(f.run(f.s.end(theirs, ends, life, keep)).has_value());
        auto const ended = f.run(f.s.end_with(mine, ends, life, keep, {again, {}}));
        REQUIRE(ended.has_value());
        CHECK(ended->seen[0].tags[0].gen != begun->tags[0].gen);
    }
}

TEST_CASE("through Redis all of it is one batch, whose message finds marks and generations") {
    redis_fixture f;
    std::string heard;
    std::string value_then;
    f.one.hub.announce("rules", {"details"});
    f.subscribe([&](std::string_view payload) {
        heard = payload;
        value_then = f.server.cli({"GET", "sidecache:tag:product:1*"});
    });
    auto const tags = tags_of({"product:1*"});
    std::vector<lookup> const looks{{"product:1", &tags}};
    auto const before = f.one.counted(store_command::begin, store_error::ok);
    auto const begun = f.run(f.s.begin_with(mine, one_mark, life, keep, {looks, "a drop"}));
    REQUIRE(begun.has_value());
    CHECK(begun->told.has_value());
    CHECK(f.one.counted(store_command::begin, store_error::ok) == before + 1);
    CHECK(f.one.counted(store_command::read, store_error::ok) == 0);
    CHECK(f.one.counted(store_command::publish, store_error::ok) == 0);
    f.run_until([&] { return heard == "a drop"; });
    CHECK(value_then.find(";m") != std::string::npos);

    std::vector<end_mark> const ends{{"product:1*", end_action::bump, {}}};
    auto const ended = f.run(f.s.end_with(mine, ends, life, keep, {{}, "another"}));
    REQUIRE(ended.has_value());
    CHECK(ended->told.has_value());
    f.run_until([&] { return heard == "another"; });
    CHECK(value_then == ended->after[0].hex());
}

TEST_CASE("a message that was not taken is not told, and the marks count") {
    redis_server server;
    server.command({"ACL", "SETUSER", "side", "on", ">s3cret", "~*", "&*", "+@all"});
    auto settings = settings_for(server.port());
    settings.where.user = "side";
    settings.where.password = "s3cret";
    replica one(settings);
    auto const tags = tags_of({"product:1*"});
    REQUIRE(one.run(one.s.read("product:1", tags)).has_value());
    // Later: who lacks it from the start has no store.
    server.command({"ACL", "SETUSER", "side", "-publish"});
    auto const begun = one.run(one.s.begin_with(mine, one_mark, life, keep, {{}, "a drop"}));
    REQUIRE(begun.has_value());
    CHECK_FALSE(begun->told.has_value());
}

TEST_CASE("who joins others with other rules is quiet, and forgets what it had stored before") {
    redis_server server;
    auto settings = settings_for(server.port());
    settings.quarantine = 1500ms;
    auto const tags = tags_of({"rule:details"});
    fill_request r;
    r.key = "k";
    r.tags = &tags;
    r.keep_tags = keep;
    replica one(settings);
    one.hub.announce("rules-1", {"details"});
    auto const first = one.run(one.s.begin_fill(r));
    REQUIRE(first.has_value());
    CHECK_FALSE(first->quarantined);
    SUBCASE("the same rules: nothing of that") {
        replica two(settings);
        two.hub.announce("rules-1", {"details"});
        auto const ground = two.run(two.s.begin_fill(r));
        REQUIRE(ground.has_value());
        CHECK_FALSE(ground->quarantined);
        CHECK(ground->tags[0].gen == first->tags[0].gen);
        CHECK(two.hub.others_over(0s) > boot_clock::now());
    }
    SUBCASE("others") {
        auto const began = boot_clock::now();
        replica two(settings);
        two.hub.announce("rules-2", {"details"});
        auto ground = two.run(two.s.begin_fill(r));
        REQUIRE(ground.has_value());
        CHECK(ground->quarantined);
        CHECK(two.s.status().quarantined);
        CHECK(ground->tags[0].gen != first->tags[0].gen);
        auto const read = two.run(two.s.read("k", tags));
        REQUIRE(read.has_value());
        CHECK(read->by.quiet);
        two.run_until([&] { return !two.s.status().quarantined; });
        CHECK(boot_clock::now() - began >= settings.quarantine);
        // Who was there before never was, and by now neither marks for nothing.
        CHECK_FALSE(one.s.status().quarantined);
        auto const begun = one.run(one.s.begin(mine, one_mark, life, keep));
        REQUIRE(begun.has_value());
        CHECK(begun->foreign_fingerprint);
    }
    SUBCASE("quarantine 0s: at once") {
        settings.quarantine = 0ms;
        replica two(settings);
        two.hub.announce("rules-2", {"details"});
        auto const ground = two.run(two.s.begin_fill(r));
        REQUIRE(ground.has_value());
        CHECK_FALSE(ground->quarantined);
    }
    SUBCASE("a reload that waits is of both: its own writes mark for both") {
        bool is_told = false;
        one.hub.announce("rules-1+rules-2", {"details", "list"}, [&] { is_told = true; });
        auto const begun = one.run(one.s.begin(mine, one_mark, life, keep));
        REQUIRE(begun.has_value());
        CHECK(begun->foreign_fingerprint);
        CHECK(begun->foreign_rules == std::vector<std::string>{"details", "list"});
        one.run_until([&] { return is_told; });
        CHECK(one.hub.others_over(1h) == boot_clock::time_point{});  // nobody else is there
    }
}
