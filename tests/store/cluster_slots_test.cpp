#include "proxy/store/cluster_slots.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

/// The Redis Cluster specification (redis.io/docs/reference/cluster-spec) as far as a client of one
/// key at a time needs it.
using namespace sidecache;
using namespace sidecache::store;

namespace {

resp_tree text(std::string s) {
    resp_tree t;
    t.what = resp_tree::kind::text;
    t.text = std::move(s);
    return t;
}
resp_tree number(std::int64_t n) {
    resp_tree t;
    t.what = resp_tree::kind::integer;
    t.number = n;
    return t;
}
resp_tree list(std::vector<resp_tree> items) {
    resp_tree t;
    t.what = resp_tree::kind::array;
    t.items = std::move(items);
    return t;
}
resp_tree node(std::string host, std::int64_t port) {
    return list({text(std::move(host)), number(port), text("id"), list({})});
}

}  // namespace

TEST_CASE("the slot of a key is CRC16 modulo 16384") {
    // Appendix A: the check value of CRC16-CCITT (XMODEM) is 31C3.
    CHECK(key_slot("123456789") == 0x31c3 % 16384);
    CHECK(key_slot("") == 0);
    CHECK(key_slot("foo") == 12182);
    CHECK(key_slot("somekey") == 11058);
}

TEST_CASE("keys with the same hash tag share a slot") {
    CHECK(key_slot("{user1000}.following") == key_slot("user1000"));
    CHECK(key_slot("{user1000}.followers") == key_slot("user1000"));
    // The first opening brace, and the first closing one behind it.
    CHECK(key_slot("foo{bar}{zap}") == key_slot("bar"));
    CHECK(key_slot("foo{{bar}}zap") == key_slot("x{{bar}y"));
    CHECK(key_slot("foo{{bar}}zap") != key_slot("bar"));
    CHECK(key_slot("}{a}") == key_slot("a"));
    // Nothing between them, or one of them missing: the whole key.
    CHECK(key_slot("foo{}{bar}") != key_slot("bar"));
    CHECK(key_slot("foo{bar") != key_slot("bar"));
    CHECK(key_slot("foo}bar{") != key_slot("bar"));
    CHECK(key_slot("sidecache:identity:{sidecache:members}") == key_slot("sidecache:members"));
}

TEST_CASE("CLUSTER SLOTS says whose slots are whose") {
    auto const map = parse_slots(
        list({
            list({number(0), number(5460), node("127.0.0.1", 7000), node("127.0.0.1", 7003)}),
            list({number(5461), number(10922), node("::1", 7001)}),
            list({number(10924), number(16383), node("", 7002)}),
        }),
        "asked");
    REQUIRE(map.has_value());
    REQUIRE(map->owner(0) != nullptr);
    CHECK(*map->owner(0) == config::endpoint{"127.0.0.1", 7000});
    CHECK(*map->owner(5460) == config::endpoint{"127.0.0.1", 7000});
    CHECK(*map->owner(5461) == config::endpoint{"::1", 7001});
    CHECK(map->owner(10923) == nullptr);
    // A node that does not know its own name: the one that was asked.
    CHECK(*map->owner(16383) == config::endpoint{"asked", 7002});
    CHECK(map->owners().size() == 3);
    REQUIRE(map->replicas().size() == 1);
    CHECK(map->replicas()[0].port == 7003);

    SUBCASE("a slot that moves makes another map; an owner without slots is none") {
        auto next = *map;
        CHECK(next.has_same_owners(*map));
        next.set_owner(7, 7, {"127.0.0.1", 7009});
        CHECK_FALSE(next.has_same_owners(*map));
        CHECK(next.owners().size() == 4);
        next.set_owner(7, 7, {"127.0.0.1", 7000});
        CHECK(next.has_same_owners(*map));
        CHECK(next.owners().size() == 3);
    }
}

TEST_CASE("what is not a reply to CLUSTER SLOTS is none") {
    CHECK_FALSE(parse_slots(text("x"), "h").has_value());
    CHECK_FALSE(parse_slots(list({}), "h").has_value());  // a node that knows of no slots
    CHECK_FALSE(parse_slots(list({list({number(0), number(1)})}), "h").has_value());
    CHECK_FALSE(parse_slots(list({list({number(5), number(4), node("h", 1)})}), "h").has_value());
    CHECK_FALSE(
        parse_slots(list({list({number(0), number(16384), node("h", 1)})}), "h").has_value());
    CHECK_FALSE(
        parse_slots(list({list({number(0), number(1), node("h", 70000)})}), "h").has_value());
    CHECK_FALSE(parse_slots(list({list({number(0), number(1), node("h", 0)})}), "h").has_value());
    CHECK_FALSE(parse_slots(list({list({number(-1), number(1), node("h", 1)})}), "h").has_value());
}

TEST_CASE("redirections, and what only needs patience") {
    using kind = redirection::kind;
    auto const moved = parse_redirection("MOVED 3999 127.0.0.1:6381", "h");
    CHECK(moved.what == kind::moved);
    CHECK(moved.slot == 3999);
    CHECK(moved.to == config::endpoint{"127.0.0.1", 6381});
    auto const ask = parse_redirection("ASK 3999 ::1:6381", "h");
    CHECK(ask.what == kind::ask);
    CHECK(ask.to == config::endpoint{"::1", 6381});
    CHECK(parse_redirection("MOVED 3999 :6381", "h").to == config::endpoint{"h", 6381});
    for (auto const* const text : {"TRYAGAIN Multiple keys request during rehashing of slot",
                                   "CLUSTERDOWN The cluster is down",
                                   "LOADING Redis is loading the dataset in memory"}) {
        CHECK(parse_redirection(text, "h").what == kind::later);
    }
    for (auto const* const text : {"ERR unknown command",
                                   "MOVED",
                                   "MOVED 3999",
                                   "MOVED 16384 h:1",
                                   "MOVED -1 h:1",
                                   "MOVED 1 h",
                                   "MOVED 1 h:0",
                                   "MOVED 1 h:65536",
                                   "MOVED 1 h:x",
                                   "MOVEDX 1 h:1",
                                   ""}) {
        CAPTURE(text);
        CHECK(parse_redirection(text, "h").what == kind::none);
    }
}
