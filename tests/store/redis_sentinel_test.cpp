#include "tests/store/redis_fixture.hpp"
#include "tests/support/redis_sentinels.hpp"
#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

/// `redis+sentinel://` against a real primary, its replicas and three Sentinels.
using namespace sidecache;
using namespace sidecache::store;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

redis_settings settings_with(redis_sentinels const& group, std::vector<std::size_t> of) {
    auto s = settings_for(0);
    s.where.description = group.url();
    s.where.master_name = "main";
    for (auto const i : of) {
        s.where.sentinel_addresses.push_back(
            {"127.0.0.1", const_cast<redis_sentinels&>(group).sentinel(i).port()});
    }
    return s;
}

auto const tags = tags_of({"rule:details"});

bool works(replica& r) {
    return r.run(r.s.read("k", tags)).has_value();
}

result<fill_ground> snapshot(replica& r) {
    fill_request const f{"k", &tags, 1h, "", {}, 0ms};
    return r.run(r.s.begin_fill(f));
}

std::string failure(redis_settings settings) {
    replica one(std::move(settings));
    auto const initial = one.s.status().last_error;
    one.run_until([&] { return one.s.status().last_error != initial; });
    CHECK_FALSE(works(one));
    return one.s.status().last_error;
}

bool holds(std::string const& text, std::string const& word) {
    return text.find(word) != std::string::npos;
}

}  // namespace

TEST_CASE("the primary is whom the Sentinels name") {
    redis_sentinels group({.replicas = 1, .sentinels = 1});
    SUBCASE("it is found, and used") {
        replica one(settings_with(group, {0}));
        REQUIRE(works(one));
        REQUIRE(snapshot(one).has_value());
        CHECK(group.server(0).exists("sidecache:tag:rule:details"));
        CHECK(group.sentinel(0).cli({"CLIENT", "LIST"}).find("name=sidecache-sentinel") !=
              std::string::npos);
    }
    SUBCASE("behind Sentinels that are gone") {
        auto settings = settings_with(group, {0});
        settings.where.sentinel_addresses.insert(settings.where.sentinel_addresses.begin(),
                                                 {"127.0.0.1", free_port()});
        replica one(settings);
        CHECK(works(one));
    }
    SUBCASE("one that nobody knows is named in the message") {
        auto settings = settings_with(group, {0});
        settings.where.master_name = "other";
        auto const text = failure(settings);
        CAPTURE(text);
        CHECK(holds(text, "no Sentinel names a primary (127.0.0.1:"));
        CHECK(holds(text, "it watches over no master named \"other\""));
    }
    SUBCASE("a plain Redis is no Sentinel") {
        auto settings = settings_with(group, {});
        settings.where.sentinel_addresses = {{"127.0.0.1", group.server(0).port()}};
        auto const text = failure(settings);
        CAPTURE(text);
        CHECK(holds(text, "unknown command"));
    }
    SUBCASE("a Sentinel is no Redis") {
        auto const text = failure(settings_for(group.sentinel(0).port()));
        CAPTURE(text);
        CHECK(holds(text, "this is a Sentinel: write redis+sentinel://"));
    }
    SUBCASE("nobody there at all") {
        auto settings = settings_with(group, {});
        settings.where.sentinel_addresses = {{"127.0.0.1", free_port()}};
        CHECK(holds(failure(settings), "Connection refused"));
    }
}

TEST_CASE("Sentinels with a password of their own") {
    redis_sentinels group({.replicas = 0,
                           .sentinels = 1,
                           .sentinel_lines = {"requirepass s3cret"},
                           .sentinel_auth = {"s3cret"}});
    auto settings = settings_with(group, {0});
    settings.where.sentinel.password = "s3cret";
    SUBCASE("right") {
        replica one(settings);
        CHECK(works(one));
    }
    SUBCASE("wrong") {
        settings.where.sentinel.password = "nobodys";
        auto const text = failure(settings);
        CHECK(holds(text, "WRONGPASS"));
        CHECK_FALSE(holds(text, "nobodys"));
    }
    SUBCASE("none") {
        settings.where.sentinel.password.clear();
        CHECK(holds(failure(settings), "NOAUTH"));
    }
}

TEST_CASE("a failover makes everything cold, and nothing stale") {
    redis_sentinels group;
    auto const settings = settings_with(group, {0, 1, 2});
    replica one(settings);
    REQUIRE(works(one));
    auto const before = snapshot(one);
    REQUIRE(before.has_value());

    SUBCASE("one that is asked for: the Sentinels' word is enough") {
        group.fail_over();
        one.run_until([&] {
            auto const server = one.s.server();
            return server && *server != before->by.server;
        });
    }
    SUBCASE("the primary dies; so does a Sentinel, and only that one was in the URL") {
        replica other(settings_with(group, {0}));
        REQUIRE(works(other));
        group.sentinel(0).kill();
        group.kill_primary();
        other.run_until([&] { return works(other); });
        CHECK(other.s.server() != before->by.server);
    }
    one.run_until([&] { return works(one); });
    auto const after = snapshot(one);
    REQUIRE(after.has_value());
    CHECK(after->by.server != before->by.server);
    CHECK(after->quarantined);
    // The tag was copied to the new primary; under another server it is another tag's generation.
    auto const read = one.run(one.s.read("k", tags));
    REQUIRE(read.has_value());
    CHECK(read->by.server == after->by.server);
}

TEST_CASE("whichever Sentinel leads a failover tells those who are connected to the old primary") {
    redis_sentinels group;
    auto settings = settings_with(group, {0});  // the others it knows
    settings.lease = 60s;                       // no heartbeat in this test
    replica one(settings);
    REQUIRE(works(one));
    auto const server = one.s.server();
    one.run_until([&] {
        for (std::size_t i = 0; i < 3; ++i) {
            auto const clients = group.sentinel(i).cli({"CLIENT", "LIST"});
            if (!holds(clients, "name=sidecache-sentinel")) {
                return false;
            }
        }
        return true;
    });
    group.fail_over();
    one.run_until([&] { return works(one) && one.s.server() != server; });
}
