#include "tests/store/redis_fixture.hpp"
#include "tests/support/tcp_relay.hpp"

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

constexpr auto keep = std::chrono::milliseconds(1h);
constexpr auto life = std::chrono::milliseconds(35s);

redis_settings quick(std::uint16_t port) {
    auto s = settings_for(port);
    s.where.timeout = 200ms;
    s.where.retry_attempts = 2;
    s.where.breaker_failures = 3;
    s.where.breaker_open_for = 300ms;
    return s;
}

template <class T>
store_error error_of(result<T> const& r) {
    return r ? store_error::ok : static_cast<store_error>(r.error().value());
}

store_error read_error(replica& r) {
    auto const tags = tags_of({"rule:details"});
    return error_of(r.run(r.s.read("k", tags)));
}

result<fill_ground> snapshot(replica& r, rules::tag_list const& tags) {
    fill_request const f{"k", &tags, keep, "", {}, 0ms};
    return r.run(r.s.begin_fill(f));
}

store_error begin_error(replica& r) {
    std::vector<begin_mark> const marks{{"a", mark_kind::marker}};
    return error_of(r.run(r.s.begin({1, 1}, marks, life, keep)));
}

}  // namespace

TEST_CASE("a server that does not answer costs no more than the timeout, and comes back") {
    redis_server server;
    replica one(quick(server.port()));
    REQUIRE(read_error(one) == store_error::ok);
    server.pause();

    auto const began = std::chrono::steady_clock::now();
    CHECK(read_error(one) == store_error::timeout);
    CHECK(std::chrono::steady_clock::now() - began < 2s);
    CHECK(read_error(one) != store_error::ok);
    CHECK(read_error(one) != store_error::ok);

    SUBCASE("then the breaker is open: reads are not even asked, mutations are") {
        CHECK(one.s.status().breaker_open);
        CHECK(one.process.breaker_open == 1);
        CHECK(read_error(one) == store_error::breaker_open);
        CHECK(one.counted(store_command::read, store_error::breaker_open) >= 1);
        CHECK(begin_error(one) != store_error::breaker_open);
    }
    server.resume();
    one.run_until([&] { return read_error(one) == store_error::ok; });
    CHECK_FALSE(one.s.status().breaker_open);
    CHECK(one.process.breaker_open == 0);
}

TEST_CASE("late replies are dropped in order: the next caller gets its own") {
    redis_server server;
    tcp_relay relay(server.port());
    auto settings = quick(relay.port());
    settings.where.timeout = 500ms;
    settings.where.breaker_failures = 100;
    replica one(settings);
    REQUIRE(read_error(one) == store_error::ok);
    server.command({"SET", "late", "SCE1 late"});
    server.command({"SET", "next", "SCE1 next"});
    auto const none = tags_of({});
    auto const connections = relay.connections();

    relay.hold_replies(true);
    CHECK(error_of(one.run(one.s.read("late", none))) == store_error::timeout);
    relay.hold_replies(false);
    auto const next = one.run(one.s.read("next", none));
    REQUIRE(next.has_value());
    REQUIRE(next->entry != nullptr);
    CHECK(*next->entry == "SCE1 next");
    CHECK(relay.connections() == connections);  // over the same connection
}

TEST_CASE("a connection that stays silent is given up and made anew") {
    redis_server server;
    tcp_relay relay(server.port());
    replica one(quick(relay.port()));
    REQUIRE(read_error(one) == store_error::ok);
    auto const connections = relay.connections();
    relay.hold_replies(true);
    one.run_until([&] { return relay.connections() > connections; });
    relay.hold_replies(false);
    one.run_until([&] { return read_error(one) == store_error::ok; });
}

TEST_CASE("a broken connection: reads are tried again over the next one") {
    redis_server server;
    tcp_relay relay(server.port());
    auto settings = settings_for(relay.port());
    replica one(settings);
    REQUIRE(read_error(one) == store_error::ok);
    relay.cut();
    CHECK(read_error(one) == store_error::ok);
    CHECK(begin_error(one) == store_error::ok);
}

TEST_CASE("a begun fill is not asked twice when its lock may be taken, and leaves none behind") {
    redis_server server;
    tcp_relay relay(server.port());
    auto settings = quick(relay.port());
    settings.where.timeout = 500ms;
    replica one(settings);
    REQUIRE(read_error(one) == store_error::ok);
    auto const tags = tags_of({"rule:details"});
    fill_request const f{"k", &tags, keep, "k:lock", {7, 7}, 30s};
    auto const before = server.calls("set");
    auto const removals = server.calls("del");
    relay.hold_replies(true);
    CHECK(error_of(one.run(one.s.begin_fill(f))) == store_error::timeout);
    relay.hold_replies(false);
    one.run_until([&] { return server.calls("del") > removals; });
    CHECK_FALSE(server.exists("k:lock"));
    CHECK(server.calls("set") == before + 2);  // one lock, one snapshot
}

TEST_CASE("no server at all: an error at once, and back as soon as there is one") {
    redis_server server;
    server.kill();
    replica one(quick(server.port()));
    CHECK(read_error(one) == store_error::unreachable);
    CHECK_FALSE(one.s.status().up);
    CHECK_FALSE(one.s.status().last_error.empty());
    CHECK(one.process.store_up == 0);
    CHECK_FALSE(one.s.server().has_value());
    server.start();
    one.run_until([&] { return read_error(one) == store_error::ok; });
    CHECK(one.s.status().up);
    CHECK(one.process.store_up == 1);
}

TEST_CASE("a mutation dials a lost store at once, whatever the rest between attempts") {
    redis_server server;
    replica one(quick(server.port()));
    REQUIRE(read_error(one) == store_error::ok);
    server.kill();
    // By now the rests have grown.
    for (int i = 0; i < 8; ++i) {
        CHECK(begin_error(one) == store_error::unreachable);
    }
    server.start();
    auto const began = std::chrono::steady_clock::now();
    CHECK(begin_error(one) == store_error::ok);
    CHECK(std::chrono::steady_clock::now() - began < 1s);
}

TEST_CASE("quarantine (protocol.md section 1)") {
    redis_server server;
    auto settings = settings_for(server.port());
    auto const tags = tags_of({"rule:details"});

    SUBCASE("a brand-new, empty store met by a fresh process pays nothing") {
        replica one(settings);
        auto const g = snapshot(one, tags);
        REQUIRE(g.has_value());
        CHECK_FALSE(g->quarantined);
        CHECK_FALSE(one.s.status().quarantined);
        SUBCASE("nor does the next process, nor a mere reconnect") {
            replica two(settings);
            CHECK_FALSE(snapshot(two, tags)->quarantined);
            server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
            CHECK_FALSE(snapshot(two, tags)->quarantined);
        }
        SUBCASE("nor after FLUSHALL: the same server, in the same life") {
            server.command({"FLUSHALL"});
            server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
            CHECK_FALSE(snapshot(one, tags)->quarantined);
        }
    }
    SUBCASE("a server that came back empty, seen by a process that knew the other") {
        replica one(settings);
        auto const before = snapshot(one, tags);
        REQUIRE(before.has_value());
        server.restart();
        auto after = snapshot(one, tags);
        one.run_until([&] {
            after = snapshot(one, tags);
            return after.has_value();
        });
        CHECK(after->quarantined);
        CHECK(after->by.server != before->by.server);
        CHECK(one.s.status().quarantined);
        auto const key = "sidecache:quarantine:" + after->by.server.hex();
        CHECK(server.exists(key));
        CHECK(server.command({"PTTL", key}).number() > 30'000);

        // A process that starts now sees it too, though it knew no other server.
        replica two(settings);
        CHECK(snapshot(two, tags)->quarantined);
        // And over the connections they have: an end of the key alone does not end it for those
        // who have met it.
        server.command({"DEL", key});
        CHECK(snapshot(two, tags)->quarantined);
    }
    SUBCASE("a server restarted from an old snapshot, met by a fresh process") {
        {
            replica one(settings);
            REQUIRE(snapshot(one, tags).has_value());
        }
        server.snapshot();
        server.restart();
        replica two(settings);
        CHECK(snapshot(two, tags)->quarantined);
    }
    SUBCASE("it ends by itself") {
        settings.quarantine = 300ms;
        replica one(settings);
        REQUIRE(snapshot(one, tags).has_value());
        server.restart();
        bool was_quarantined = false;
        one.run_until([&] {
            auto const g = snapshot(one, tags);
            was_quarantined |= g.has_value() && g->quarantined;
            return g.has_value() && !g->quarantined;
        });
        CHECK(was_quarantined);
    }
    SUBCASE("0 turns it off") {
        settings.quarantine = 0ms;
        replica one(settings);
        REQUIRE(snapshot(one, tags).has_value());
        server.restart();
        one.run_until([&] { return snapshot(one, tags).has_value(); });
        CHECK_FALSE(snapshot(one, tags)->quarantined);
    }
    SUBCASE("somebody sets it while we are connected") {
        replica one(settings);
        auto const g = snapshot(one, tags);
        server.command({"SET", "sidecache:quarantine:" + g->by.server.hex(), "1", "PX", "30000"});
        CHECK(snapshot(one, tags)->quarantined);
    }
}

TEST_CASE("entries and tags of another life of the server are told apart") {
    redis_server server;
    replica one(settings_for(server.port()));
    auto const tags = tags_of({"rule:details"});
    auto const before = snapshot(one, tags);
    REQUIRE(before.has_value());
    server.snapshot();
    server.restart();
    one.run_until([&] { return read_error(one) == store_error::ok; });
    auto const after = one.run(one.s.read("k", tags));
    CHECK(after->tags[0].gen == before->tags[0].gen);  // the same bytes
    CHECK(after->by.server != before->by.server);      // of another server
}

TEST_CASE("a replica is never used") {
    redis_server primary;
    redis_server second;
    second.command({"REPLICAOF", "127.0.0.1", std::to_string(primary.port())});
    replica one(quick(second.port()));
    one.run_until([&] { return read_error(one) == store_error::not_primary; });
    CHECK_FALSE(one.s.status().up);
    second.command({"REPLICAOF", "NO", "ONE"});
    one.run_until([&] { return read_error(one) == store_error::ok; });
}

TEST_CASE("a primary that becomes a replica is noticed by the heartbeat, or by its refusal") {
    redis_server primary;
    redis_server second;
    replica one(quick(second.port()));
    REQUIRE(read_error(one) == store_error::ok);
    auto const server_before = one.s.server();
    second.command({"REPLICAOF", "127.0.0.1", std::to_string(primary.port())});
    SUBCASE("heartbeat") {
        one.run_until([&] { return one.s.server() != server_before; });
        one.run_until([&] { return read_error(one) == store_error::not_primary; });
    }
    SUBCASE("refusal") {
        auto const e = begin_error(one);
        CHECK(e == store_error::not_primary);
    }
    second.command({"REPLICAOF", "NO", "ONE"});
    one.run_until([&] { return read_error(one) == store_error::ok; });
    CHECK(one.s.server() != server_before);  // promoted: another life
}

TEST_CASE("the check's time is that of its sending") {
    redis_server server;
    tcp_relay relay(server.port());
    replica one(settings_for(relay.port()));
    REQUIRE(read_error(one) == store_error::ok);
    relay.hold_replies(true);
    auto const held = boot_clock::now();
    // A heartbeat is under way for longer than a lease, then its reply comes.
    one.run_until([&] { return boot_clock::now() - held > 700ms; });
    relay.hold_replies(false);
    auto const tags = tags_of({"rule:details"});
    auto const r = one.run(one.s.read("k", tags));
    REQUIRE(r.has_value());
    CHECK(r->by.checked_at < held + 600ms);
    // The server's time is estimated from above, and not by much.
    auto const t = server.command({"TIME"});
    auto const now = t.items[0].number() * 1000 + t.items[1].number() / 1000;
    auto const again = one.run(one.s.read("k", tags));
    CHECK(again->by.server_now_ms >= now);
    CHECK(again->by.server_now_ms <= now + 3'000);
}

TEST_CASE("whoever must know asks who answers now, and not with the next heartbeat") {
    redis_server server;
    auto settings = settings_for(server.port());
    settings.lease = 60s;  // no heartbeat comes in between
    replica one(settings);
    auto const tags = tags_of({"rule:details"});
    auto const first = one.run(one.s.read("k", tags));
    REQUIRE(first.has_value());
    auto const asked_at = boot_clock::now();
    CHECK(error_of(one.run(one.s.verify())) == store_error::ok);
    auto const second = one.run(one.s.read("k", tags));
    REQUIRE(second.has_value());
    CHECK(first->by.checked_at < asked_at);
    CHECK(second->by.checked_at >= asked_at);

    SUBCASE("a primary no more: the answer is no, and the connection is given up") {
        server.command({"REPLICAOF", "127.0.0.1", "1"});
        CHECK(error_of(one.run(one.s.verify())) == store_error::not_primary);
        CHECK(one.s.server() == std::nullopt);
    }
    SUBCASE("silent: no answer within the timeout") {
        server.pause();
        CHECK(error_of(one.run(one.s.verify())) == store_error::timeout);
        server.resume();
    }
}

TEST_CASE("a store that is full still learns what changed") {
    redis_server server({"--maxmemory", "3mb", "--maxmemory-policy", "noeviction"});
    replica one(settings_for(server.port()));
    auto const tags = tags_of({"rule:details"});
    REQUIRE(snapshot(one, tags).has_value());
    std::string const filler(100'000, 'x');
    for (int i = 0; server.try_command({"SET", "filler:" + std::to_string(i), filler}).what !=
                    redis_value::kind::error;
         ++i) {
    }
    put_request const p{"k", filler, 60s, &tags, "", {}};
    CHECK(error_of(one.run(one.s.put(p))) == store_error::refused);
    CHECK(begin_error(one) == store_error::ok);
    std::vector<end_mark> const ends{{"a", end_action::bump, ""},
                                     {"rule:details", end_action::bump, ""}};
    auto const e = one.run(one.s.end({1, 1}, ends, life, keep));
    REQUIRE(e.has_value());
    CHECK(e->had_mark[0]);
    CHECK(read_error(one) == store_error::ok);
}

TEST_CASE("an eviction policy that may take tags with marks is warned of") {
    redis_server server({"--maxmemory-policy", "allkeys-lru"});
    replica one(settings_for(server.port()));
    REQUIRE(read_error(one) == store_error::ok);
    CHECK(one.s.status().warning.find("allkeys-lru") != std::string::npos);

    redis_server good({"--maxmemory-policy", "volatile-lru"});
    replica two(settings_for(good.port()));
    REQUIRE(read_error(two) == store_error::ok);
    CHECK(two.s.status().warning.empty());
}

TEST_CASE("credentials, a database, a unix socket; CONFIG may be forbidden") {
    redis_server server;
    server.command({"ACL", "SETUSER", "side", "on", ">s3cret", "~*", "&*", "+@all", "-config"});
    auto settings = settings_for(server.port());
    settings.where.what = config::store::kind::redis_unix;
    settings.where.path = server.socket_path();
    settings.where.user = "side";
    settings.where.password = "s3cret";
    settings.where.database = 5;
    auto const tags = tags_of({"rule:details"});
    SUBCASE("right") {
        replica one(settings);
        REQUIRE(snapshot(one, tags).has_value());
        CHECK(server.cli({"INFO", "keyspace"}).find("db5:") != std::string::npos);
        CHECK(server.cli({"CLIENT", "LIST"}).find("name=sidecache ") != std::string::npos);
    }
    SUBCASE("wrong: the server's own words are in the status, the password is nowhere") {
        settings.where.password = "wrong";
        replica one(settings);
        one.run_until([&] { return read_error(one) == store_error::refused; });
        CHECK(one.s.status().last_error.find("WRONGPASS") != std::string::npos);
        CHECK(one.s.status().last_error.find("wrong") == std::string::npos);
    }
}

TEST_CASE("members see each other's rules (protocol.md section 3.8)") {
    redis_server server;
    auto const settings = settings_for(server.port());
    std::vector<begin_mark> const marks{{"a", mark_kind::marker}};
    replica one(settings);
    one.hub.announce("fingerprint-1", {"details", "list"});
    one.run_until([&] { return server.exists("sidecache:members"); });
    auto begun = one.run(one.s.begin({1, 1}, marks, life, keep));
    REQUIRE(begun.has_value());
    CHECK_FALSE(begun->foreign_fingerprint);
    {
        replica same(settings);
        same.hub.announce("fingerprint-1", {"details", "list"});
        REQUIRE(read_error(same) == store_error::ok);
        CHECK(server.command({"HLEN", "sidecache:members"}).number() == 2);
        begun = one.run(one.s.begin({1, 1}, marks, life, keep));
        CHECK_FALSE(begun->foreign_fingerprint);

        same.hub.announce("fingerprint-2", {"details", "search"});  // a reload
        same.run_until([&] {
            return server.cli({"HVALS", "sidecache:members"}).find("fingerprint-2") !=
                   std::string::npos;
        });
        begun = one.run(one.s.begin({1, 1}, marks, life, keep));
        CHECK(begun->foreign_fingerprint);
        CHECK(begun->foreign_rules == std::vector<std::string>{"details", "search"});
    }
    // A clean stop leaves no listing behind.
    CHECK(server.command({"HLEN", "sidecache:members"}).number() == 1);
    begun = one.run(one.s.begin({1, 1}, marks, life, keep));
    CHECK_FALSE(begun->foreign_fingerprint);

    // One that died lapses; the next that joins drops it.
    server.command({"HSET",
                    "sidecache:members",
                    "dead",
                    "2 1000 1 " + std::string(32, '0') + " 500 0 fingerprint-3\nrule"});
    begun = one.run(one.s.begin({1, 1}, marks, life, keep));
    CHECK_FALSE(begun->foreign_fingerprint);
    replica joining(settings);
    joining.hub.announce("fingerprint-1", {});
    REQUIRE(read_error(joining) == store_error::ok);
    CHECK_FALSE(server.command({"HEXISTS", "sidecache:members", "dead"}).number() == 1);
}

TEST_CASE("the event subscription comes back, and says that it may have missed something") {
    redis_server server;
    replica one(settings_for(server.port()));
    std::vector<std::string> heard;
    int lost = 0;
    one.hub.subscribe(one.io, [&](std::string_view p) { heard.emplace_back(p); }, [&] { ++lost; });
    one.run_until([&] { return lost == 1; });  // it stands
    SUBCASE("after a break") {
        server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
        one.run_until([&] { return lost == 3; });  // broken, stands again
    }
    SUBCASE("after a silence longer than a lease") {
        server.pause();
        one.run_until([&] { return lost == 2; });
        server.resume();
        one.run_until([&] { return lost == 3; });
    }
    server.command({"PUBLISH", "sidecache:events", "1 hello"});
    one.run_until([&] { return !heard.empty(); });
    CHECK(heard == std::vector<std::string>{"1 hello"});
}

TEST_CASE("two workers of one process share identity and listing") {
    redis_server server;
    replica one(settings_for(server.port()));
    auto const second = one.hub.make_store(one.io, {});
    one.hub.announce("fingerprint-1", {"details"});
    auto const tags = tags_of({"rule:details"});
    REQUIRE(one.run(second->read("k", tags)).has_value());
    REQUIRE(read_error(one) == store_error::ok);
    CHECK(second->server() == one.s.server());
    CHECK(server.command({"HLEN", "sidecache:members"}).number() <= 1);
    CHECK(one.process.store_up == 1);
}
