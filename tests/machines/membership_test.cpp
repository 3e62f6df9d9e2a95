// Who may serve from a near cache, and for how long (protocol.md section 4): each case is an order
// of events, with a clock that only the test moves.
#include "proxy/store/membership.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>

using namespace sidecache;
using namespace sidecache::store;
using namespace std::chrono_literals;

namespace {

using listed = membership::listed;

constexpr auto length = 500ms;
constexpr auto whole_lease = 560ms;  // and 10 % + 10 ms

struct replica {
    boot_clock::time_point now{1h};
    membership m{length, now};
    id128 server{0, 1};
    id128 join{0, 7};
    int emptied = 0;

    replica() {
        m.serve_near([this] { ++emptied; });
    }
    void pass(std::chrono::nanoseconds d) { now += d; }
    bool holds() const { return m.held().holds(now); }
    bool is_settled() const { return m.is_settled(now); }

    void subscribed() { m.subscribed(server, now); }
    /// A PING whose PONG takes no time.
    void ping() { m.ponged(now, now); }
    membership::renewal renew() { return m.renew(true, now); }
    void reply(membership::renewal const& r, listed how = listed::still) {
        m.renewed(r, how, join, server, now);
    }
    /// As after a start that went well, a while ago.
    void stand() {
        m.met(server, now);
        subscribed();
        ping();
        reply(renew(), listed::anew);
        pass(1s);
        ping();
        reply(renew());
        emptied = 0;
    }
};

}  // namespace

TEST_CASE("the lease runs from the sending of the older of PING and renewal") {
    replica one;
    one.m.met(one.server, one.now);
    one.subscribed();
    CHECK_FALSE(one.holds());
    auto const ping_sent = one.now;
    one.pass(20ms);
    auto const r = one.renew();
    one.pass(30ms);
    one.m.ponged(ping_sent, one.now);
    CHECK_FALSE(one.holds());  // the renewal's reply is still to come
    one.pass(10ms);
    one.reply(r, listed::anew);
    CHECK(one.holds());
    CHECK(one.m.held().until() == ping_sent + length);

    SUBCASE("a newer PING: then the renewal is the older one") {
        one.ping();
        CHECK(one.m.held().until() == r.sent_at + length);
    }
    SUBCASE("both: further") {
        one.ping();
        one.reply(one.renew());
        CHECK(one.m.held().until() == one.now + length);
    }
    SUBCASE("neither: it ends by itself, to the nanosecond") {
        one.now = ping_sent + length - 1ns;
        CHECK(one.holds());
        one.pass(1ns);
        CHECK_FALSE(one.holds());
    }
    SUBCASE("a reply that comes late never draws it in") {
        one.ping();
        one.reply(one.renew());
        auto const before = one.m.held().until();
        one.m.ponged(ping_sent, one.now);
        one.reply(r);
        CHECK(one.m.held().until() == before);
    }
}

TEST_CASE("without a near cache nothing is ever granted, and nobody is asked to wait for it") {
    boot_clock::time_point const now{1h};
    membership m(length, now);
    m.met({0, 1}, now);
    m.subscribed({0, 1}, now);
    m.ponged(now, now);
    auto const r = m.renew(true, now);
    CHECK(r.near == '0');
    m.renewed(r, listed::anew, {0, 7}, {0, 1}, now);
    CHECK_FALSE(m.held().holds(now));
}

TEST_CASE("a member says that it serves near only while its subscription stands") {
    replica one;
    one.m.met(one.server, one.now);
    CHECK(one.renew().near == '0');
    one.subscribed();
    CHECK(one.renew().near == '1');
    CHECK(one.m.renew(false, one.now).near == '=');  // only one connection knows what was said last
    one.m.unsubscribed(one.now);
    CHECK(one.renew().near == '0');
    one.subscribed();
    CHECK(one.m.leave_near());
    CHECK(one.renew().near == '0');
}

TEST_CASE("a renewal from before the subscription stood grants nothing") {
    replica one;
    one.stand();
    auto const old = one.renew();
    one.m.unsubscribed(one.now);
    one.subscribed();
    one.ping();
    one.reply(old);
    CHECK_FALSE(one.holds());
    one.reply(one.renew());
    CHECK(one.holds());
}

TEST_CASE("a PONG of the subscription before grants nothing") {
    replica one;
    one.stand();
    one.m.unsubscribed(one.now);
    one.ping();
    one.subscribed();
    one.reply(one.renew());
    CHECK_FALSE(one.holds());
}

TEST_CASE("whoever loses its place empties its near cache, and waits leases out for one lease") {
    replica one;
    SUBCASE("has just started") {
        CHECK_FALSE(one.is_settled());
        one.pass(whole_lease - 1ns);
        CHECK_FALSE(one.is_settled());
        one.pass(1ns);
        CHECK(one.is_settled());
        return;
    }
    one.stand();
    REQUIRE(one.holds());
    REQUIRE(one.is_settled());
    REQUIRE(one.emptied == 0);
    SUBCASE("its subscription broke") {
        one.m.unsubscribed(one.now);
        CHECK_FALSE(one.holds());
    }
    SUBCASE("its subscription stands anew") {
        one.subscribed();
        CHECK_FALSE(one.holds());
    }
    SUBCASE("it was not listed, or had lapsed: it is from now on") {
        one.join = {0, 8};
        one.reply(one.renew(), listed::anew);
        CHECK(one.holds());
    }
    SUBCASE("its listing was made anew by another connection's renewal") {
        one.join = {0, 8};
        one.reply(one.renew());
        CHECK(one.holds());
    }
    SUBCASE("another server answers") {
        one.m.met({0, 2}, one.now);
        CHECK_FALSE(one.holds());
        one.ping();
        one.reply(one.renew());  // of the old server: its word is of no use
        CHECK_FALSE(one.holds());
        one.server = {0, 2};
        one.reply(one.renew(), listed::anew);  // but the subscription is still at the old one
        CHECK_FALSE(one.holds());
        CHECK(one.renew().near == '0');
        one.subscribed();
        one.ping();
        one.reply(one.renew(), listed::anew);
        CHECK(one.holds());
    }
    CHECK(one.emptied > 0);
    CHECK_FALSE(one.is_settled());
    one.pass(whole_lease);
    CHECK(one.is_settled());
}

TEST_CASE("a lease that has lapsed by the clock alone is granted anew to an empty near cache") {
    replica one;
    one.stand();
    one.pass(length);
    CHECK_FALSE(one.holds());
    one.ping();
    one.reply(one.renew());
    CHECK(one.holds());
    CHECK(one.emptied == 1);
    // Others have heard of it all the while: its own mutations need not wait.
    CHECK(one.is_settled());
    one.ping();
    one.reply(one.renew());
    CHECK(one.emptied == 1);
}

TEST_CASE("a renewal that another one has overtaken says nothing") {
    replica one;
    one.stand();
    auto const until = one.m.held().until();
    one.pass(100ms);
    one.ping();
    one.m.renewed(one.renew(), listed::overtaken, {0, 99}, one.server, one.now);
    CHECK(one.m.held().until() == until);
    CHECK(one.emptied == 0);
    CHECK(one.is_settled());
}

TEST_CASE("who leaves serves nothing near from then on, whatever replies still come") {
    replica one;
    one.stand();
    auto const r = one.renew();
    CHECK(one.m.leave_near());
    CHECK_FALSE(one.holds());
    CHECK(one.emptied == 1);
    one.ping();
    one.reply(r);
    CHECK_FALSE(one.holds());
    CHECK_FALSE(one.m.leave_near());  // nothing new to tell
}

TEST_CASE("a list in which this process is not what it was told waits leases out") {
    replica one;
    one.stand();
    one.m.seen_as(one.join, one.now);
    CHECK(one.is_settled());
    SUBCASE("evicted, and made anew by others") {
        one.m.seen_as(std::nullopt, one.now);
    }
    SUBCASE("made anew by this process's own renewal, whose reply is still to come") {
        one.m.seen_as(id128{0, 8}, one.now);
    }
    CHECK_FALSE(one.is_settled());
    CHECK(one.holds());  // its own near cache is not in question
    one.pass(whole_lease);
    CHECK(one.is_settled());
}

TEST_CASE("the wait is as long as the longest lease that anybody was seen with") {
    replica one;
    one.stand();
    one.m.note_lease(2s);
    one.m.note_lease(1s);
    CHECK(one.m.longest_lease() == 2s);
    one.m.seen_as(std::nullopt, one.now);
    one.pass(full_lease(2s) - 1ns);
    CHECK_FALSE(one.is_settled());
    one.pass(1ns);
    CHECK(one.is_settled());
}

TEST_CASE(
    "renewals are numbered, so that one that was stuck on an old connection changes nothing") {
    replica one;
    auto const first = one.renew().count;
    CHECK(one.m.renew(false, one.now).count == first + 1);
    CHECK(one.renew().count == first + 2);
}
