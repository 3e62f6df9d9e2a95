// Leases, the list of members and the event channel against a real redis-server (protocol.md
// section 4): start, leave, silence, lost links, lost lists.
#include "proxy/store/event_payload.hpp"
#include "proxy/store/members.hpp"
#include "proxy/store/scripts.hpp"
#include "tests/store/redis_fixture.hpp"
#include "tests/support/tcp_relay.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <vector>

using namespace sidecache;
using namespace sidecache::store;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

/// A replica with a near cache that obeys, and remembers what it has heard.
struct near_replica {
    explicit near_replica(redis_settings settings, bool serves_near = true)
        : r(std::move(settings)) {
        if (serves_near) {
            r.hub.serve_near([this] { ++emptied; });
        }
        r.hub.announce("fingerprint-1", {"details"});
        r.hub.subscribe(
            r.io,
            [this](std::string_view payload) {
                if (auto const drop = parse_drop(payload)) {
                    ++drops;
                    if (drop->member != r.hub.member() && answers) {
                        r.hub.acknowledge(drop->round, drop->member);
                    }
                } else if (auto const ack = parse_ack(payload)) {
                    acks.push_back(*ack);
                }
            },
            [] {});
    }

    std::atomic<int> emptied{0};
    int drops = 0;
    bool answers = true;
    std::vector<drop_ack> acks;
    replica r;

    bool holds() const { return r.hub.near_lease().holds(boot_clock::now()); }
    std::string id() const { return r.hub.member().hex(); }
    void run_until_it_holds() {
        r.run_until([&] { return holds(); });
    }
    /// Tells everybody; whom it names.
    audience publish(id128 round = {0, 1}) {
        std::string payload;
        std::vector<std::string_view> const tags{"product:42*"};
        format_drop_to(payload, round, r.hub.member(), tags);
        auto told = r.run(r.s.publish_drop(payload));
        REQUIRE(told.has_value());
        return *told;
    }
    std::vector<std::string> named() {
        std::vector<std::string> ids;
        for (auto const& m : publish().members) {
            ids.push_back(m.id);
        }
        return ids;
    }
};

template <class Condition>
void run_both_until(near_replica& a, near_replica& b, Condition const& condition) {
    auto const until = std::chrono::steady_clock::now() + 15s;
    while (!condition()) {
        REQUIRE(std::chrono::steady_clock::now() < until);
        for (auto* const one : {&a, &b}) {
            one->r.io.restart();
            one->r.io.run_for(1ms);
        }
    }
}

std::optional<member_record> record_of(redis_server& server,
                                       std::string const& id,
                                       std::string& text) {
    text = server.command({"HGET", "sidecache:members", id}).text;
    return parse_member(text);
}

}  // namespace

TEST_CASE("whoever serves near is named, hears the drop and is heard") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    near_replica b(settings_for(server.port()));
    run_both_until(a, b, [&] { return a.holds() && b.holds(); });
    CHECK(a.named() == std::vector<std::string>{b.id()});
    run_both_until(a, b, [&] { return !a.acks.empty(); });
    CHECK(a.acks[0].round == id128{0, 1});
    CHECK(a.acks[0].member == b.r.hub.member());
    CHECK(b.drops == 1);
    CHECK(b.acks.empty());
}

TEST_CASE("without a near cache a member is listed, tells others, and is not waited for") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    near_replica b(settings_for(server.port()), false);
    run_both_until(a, b, [&] {
        return a.holds() && server.command({"HLEN", "sidecache:members"}).number() == 2;
    });
    CHECK(a.named().empty());
    CHECK(b.named() == std::vector<std::string>{a.id()});
    CHECK_FALSE(b.holds());
}

TEST_CASE("leaves: nothing is served near at once, and the next mutation does not ask") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    near_replica b(settings_for(server.port()));
    run_both_until(a, b, [&] { return a.holds() && b.holds(); });
    auto const emptied = b.emptied.load();
    b.r.hub.leave_near();
    CHECK_FALSE(b.holds());
    CHECK(b.emptied == emptied + 1);
    run_both_until(a, b, [&] { return a.named().empty(); });
    // Its rules stay known until it has served its last request.
    CHECK(server.command({"HLEN", "sidecache:members"}).number() == 2);
}

TEST_CASE("just started, a process waits leases out for one lease") {
    redis_server server;
    auto settings = settings_for(server.port());
    settings.lease = 300ms;
    near_replica a(settings);
    a.run_until_it_holds();
    CHECK_FALSE(a.publish().complete);
    a.r.run_until([&] { return a.publish().complete; });
}

TEST_CASE("silent for a lease: asked no more until it renews, and its near cache is emptied then") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    near_replica b(settings_for(server.port()));
    run_both_until(a, b, [&] { return a.holds() && b.holds(); });
    std::string text;
    auto const join = record_of(server, b.id(), text)->join;

    auto const silent = a.publish().members;
    REQUIRE(silent.size() == 1);
    CHECK(silent[0].lease == 500ms);
    SUBCASE("it has renewed in the meantime: alive, only slow") {
        auto const count = record_of(server, b.id(), text)->count;
        run_both_until(a, b, [&] { return record_of(server, b.id(), text)->count > count; });
        CHECK(a.r.run(a.r.s.dismiss(silent)) == 0);
        CHECK(a.named() == std::vector<std::string>{b.id()});
        return;
    }
    CHECK(a.r.run(a.r.s.dismiss(silent)) == 1);
    CHECK(a.r.run(a.r.s.dismiss(silent)) == 0);
    CHECK(a.named().empty());
    // What a paused member knew of its rules stays known: it may come back.
    CHECK(record_of(server, b.id(), text)->fingerprint == "fingerprint-1");
    auto const emptied = b.emptied.load();
    b.r.run_until([&] { return b.emptied > emptied; });
    auto const back = record_of(server, b.id(), text);
    CHECK(back->near);
    CHECK(back->join != join);
}

TEST_CASE("a record that nobody can read is waited for once") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    a.run_until_it_holds();
    server.command({"HSET", "sidecache:members", "who", "17 something of the future"});
    auto const silent = a.publish().members;
    REQUIRE(silent.size() == 1);
    CHECK(silent[0].id == "who");
    std::vector<begin_mark> const marks{{"a", mark_kind::marker}};
    auto const begun = a.r.run(a.r.s.begin({1, 1}, marks, 30s, 60s));
    CHECK(begun->foreign_fingerprint);  // nor are its rules known
    CHECK(a.r.run(a.r.s.dismiss(silent)) == 1);
    CHECK(a.named().empty());
}

TEST_CASE("the subscription is killed: nothing is served near from then on, and it comes back") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    a.run_until_it_holds();
    a.r.run_until([&] { return a.publish().complete; });
    auto const emptied = a.emptied.load();
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    a.r.run_until([&] { return !a.holds(); });
    CHECK(a.emptied > emptied);
    CHECK_FALSE(a.publish().complete);
    a.run_until_it_holds();
    CHECK(a.r.s.status().standing.is_subscribed);
}

TEST_CASE("the list is lost: whoever finds out waits leases out, and is listed again") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    a.run_until_it_holds();
    a.r.run_until([&] { return a.publish().complete; });
    auto const emptied = a.emptied.load();
    server.command({"DEL", "sidecache:members"});
    // Found out by the mutation itself, or by a renewal that came between.
    CHECK_FALSE(a.publish().complete);
    a.r.run_until([&] { return a.emptied > emptied && a.holds(); });
    CHECK_FALSE(a.publish().complete);
    CHECK(server.command({"HLEN", "sidecache:members"}).number() == 1);
}

TEST_CASE("begin finds out as well that the list was made anew") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    a.run_until_it_holds();
    a.r.run_until([&] { return a.publish().complete; });
    std::string text;
    auto r = *record_of(server, a.id(), text);
    auto const at = text.find(r.join.hex());
    text.replace(at, 32, std::string(32, '7'));
    server.command({"HSET", "sidecache:members", a.id(), text});
    std::vector<begin_mark> const marks{{"a", mark_kind::marker}};
    REQUIRE(a.r.run(a.r.s.begin({1, 1}, marks, 30s, 60s)).has_value());
    CHECK_FALSE(a.r.s.status().standing.is_settled);
}

TEST_CASE("a server that stands still ends the lease, by the clock") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    a.run_until_it_holds();
    auto const emptied = a.emptied.load();
    server.pause();
    a.r.run_until([&] { return !a.holds(); });
    server.resume();
    a.run_until_it_holds();
    CHECK(a.emptied > emptied);
}

TEST_CASE("another server in the old one's place: a new identity, and everything from the start") {
    redis_server server;
    near_replica a(settings_for(server.port()));
    a.run_until_it_holds();
    a.r.run_until([&] { return a.publish().complete; });
    auto const emptied = a.emptied.load();
    server.restart();
    a.r.run_until([&] { return a.emptied > emptied && a.holds(); });
    CHECK_FALSE(a.publish().complete);
}

TEST_CASE("a primary that becomes a replica grants no lease any more") {
    redis_server server;
    redis_server other;
    near_replica a(settings_for(server.port()));
    a.run_until_it_holds();
    server.command({"REPLICAOF", "127.0.0.1", std::to_string(other.port())});
    a.r.run_until([&] { return !a.holds(); });
    server.command({"REPLICAOF", "NO", "ONE"});
    a.run_until_it_holds();
}

TEST_CASE("a link that brings nothing back ends the lease, in either direction") {
    redis_server server;
    tcp_relay relay(server.port());
    near_replica a(settings_for(relay.port()));
    a.run_until_it_holds();
    SUBCASE("replies are stuck") {
        relay.hold_replies(true);
        a.r.run_until([&] { return !a.holds(); });
        relay.hold_replies(false);
    }
    SUBCASE("commands are stuck") {
        relay.hold_requests(true);
        a.r.run_until([&] { return !a.holds(); });
        relay.hold_requests(false);
    }
    SUBCASE("cut") {
        relay.refuse(true);
        a.r.run_until([&] { return !a.holds(); });
        relay.refuse(false);
    }
    a.run_until_it_holds();
}

TEST_CASE("a drop that is stuck on its way is not overtaken by a lease") {
    // The message waits behind the relay; so does every PONG that the server sends after it.
    redis_server server;
    tcp_relay relay(server.port());
    near_replica a(settings_for(server.port()));
    near_replica b(settings_for(relay.port()));
    run_both_until(a, b, [&] { return a.holds() && b.holds(); });
    relay.hold_replies(true);
    (void)a.publish();
    auto const published = boot_clock::now();
    b.r.run_until([&] { return !b.holds(); });
    CHECK(b.drops == 0);
    CHECK(boot_clock::now() - published < full_lease(500ms));
    relay.hold_replies(false);
    run_both_until(a, b, [&] { return b.holds(); });
}

TEST_CASE("a renewal that was stuck on an old connection changes nothing") {
    redis_server server;
    auto const text = script_text(script::member_renew, false);
    std::string const fresh(32, 'a');
    auto const renew = [&](std::string const& count, std::string const& near, char join) {
        return server.command({"EVAL",
                               text,
                               "1",
                               "members",
                               "me",
                               "10000",
                               count,
                               std::string(32, join),
                               "500",
                               near,
                               "f",
                               "0"});
    };
    auto r = renew("5", "1", 'a');
    CHECK(r.items[0].number() == 0);
    CHECK(r.items[1].text == fresh);
    r = renew("4", "0", 'b');
    CHECK(r.items[0].number() == -1);
    CHECK(parse_member(server.command({"HGET", "members", "me"}).text)->near);
    SUBCASE("the same again") {
        r = renew("6", "1", 'b');
        CHECK(r.items[0].number() == 1);
        CHECK(r.items[1].text == fresh);
        r = renew("7", "=", 'b');
        CHECK(r.items[0].number() == 1);
        CHECK(parse_member(server.command({"HGET", "members", "me"}).text)->near);
    }
    SUBCASE("serving near after not serving near is a joining") {
        CHECK(renew("6", "0", 'b').items[0].number() == 1);
        r = renew("7", "1", 'c');
        CHECK(r.items[0].number() == 0);
        CHECK(r.items[1].text == std::string(32, 'c'));
    }
    SUBCASE("another connection knows nothing of near caches: it lists, no more") {
        server.command({"DEL", "members"});
        CHECK(renew("6", "=", 'b').items[0].number() == 0);
        CHECK_FALSE(parse_member(server.command({"HGET", "members", "me"}).text)->near);
    }
}

TEST_CASE("an announcement is confirmed when a renewal has told it") {
    redis_server server;
    tcp_relay relay(server.port());
    near_replica a(settings_for(relay.port()));
    a.run_until_it_holds();
    relay.hold_requests(true);
    bool confirmed = false;
    a.r.hub.announce("fingerprint-2", {}, [&] { confirmed = true; });
    a.r.run_until([&] { return !a.holds(); });
    CHECK_FALSE(confirmed);
    relay.hold_requests(false);
    a.r.run_until([&] { return confirmed; });
    std::string text;
    CHECK(record_of(server, a.id(), text)->fingerprint == "fingerprint-2");
}
