#include "proxy/store/identity.hpp"
#include "proxy/store/members.hpp"
#include "proxy/store/noted_keys.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sidecache::store;

namespace {

std::string const server =
    "# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:0\r\nrun_id:aaaa\r\ntcp_port:6379\r\n";
std::string const replication =
    "# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_replid:bbbb\r\n"
    "master_replid2:0000\r\n";

constexpr id128 a{1, 1};
constexpr id128 b{2, 2};

}  // namespace

TEST_CASE("a server is its run id, its replication id and its role") {
    auto const id = parse_identity(server, replication);
    REQUIRE(id.has_value());
    CHECK(id->run_id == "aaaa");
    CHECK(id->replid == "bbbb");
    CHECK(id->is_primary());
    CHECK(id->version == "7.0.15");
    auto other = *id;
    other.version = "7.2";
    CHECK(other.hash() == id->hash());
    other = *id;
    other.run_id = "aaab";  // restarted
    CHECK(other.hash() != id->hash());
    other = *id;
    other.replid = "bbbc";  // promoted
    CHECK(other.hash() != id->hash());
    other = *id;
    other.role = "slave";
    CHECK(other.hash() != id->hash());
    CHECK_FALSE(other.is_primary());
}

TEST_CASE("a server that does not tell is not taken") {
    CHECK_FALSE(parse_identity("", replication).has_value());
    CHECK_FALSE(parse_identity(server, "").has_value());
    CHECK_FALSE(parse_identity(server, "role:master\r\n").has_value());
    CHECK_FALSE(parse_identity("xrun_id:aaaa\r\n", replication).has_value());
}

TEST_CASE("quarantine: only where a server takes another's place") {
    identity_memory m;
    SUBCASE("a fresh process and a new store: nothing to pay, the identity is recorded") {
        auto const v = m.judge(a, std::nullopt);
        CHECK_FALSE(v.quarantine);
        CHECK(v.record);
    }
    SUBCASE("a fresh process and a store that knows itself") {
        auto const v = m.judge(a, a.hex());
        CHECK_FALSE(v.quarantine);
        CHECK_FALSE(v.record);
    }
    SUBCASE(
        "a fresh process and a store that was another one: restarted from a snapshot, promoted") {
        auto const v = m.judge(b, a.hex());
        CHECK(v.quarantine);
        CHECK(v.record);
    }
    SUBCASE("what is no identity of ours counts as another") {
        CHECK(m.judge(a, "").quarantine);
        CHECK(m.judge(a, "hello").quarantine);
    }
    SUBCASE("a process that has seen another one, and an empty store in its place") {
        m.adopt(a);
        CHECK(m.judge(b, std::nullopt).quarantine);
        CHECK(m.judge(b, b.hex()).quarantine);
        CHECK_FALSE(m.judge(a, a.hex()).quarantine);  // a mere reconnect
    }
    SUBCASE("a failback counts like a failover") {
        m.adopt(a);
        m.adopt(b);
        CHECK(m.judge(a, a.hex()).quarantine);
    }
}

TEST_CASE("golden: a member's record") {
    auto const rest = member_rest("5f0c9a7be1d2c3b4", {"product-details", "product list"});
    CHECK(rest == "5f0c9a7be1d2c3b4\nproduct-details\nproduct list");
    std::string const join = "09ab0000000000000000000000000077";
    auto const text = "2 1764000010000 17 " + join + " 500 1 " + rest;
    auto const m = parse_member(text);
    REQUIRE(m.has_value());
    CHECK(m->lapse == 1764000010000);
    CHECK(m->count == 17);
    CHECK(m->join.hex() == join);
    CHECK(m->lease == std::chrono::milliseconds(500));
    CHECK(m->near);
    CHECK(m->fingerprint == "5f0c9a7be1d2c3b4");
    REQUIRE(m->rule_names.size() == 2);
    CHECK(m->rule_names[1] == "product list");

    auto const bare = parse_member("2 5 0 " + join + " 0 0 f");
    REQUIRE(bare.has_value());
    CHECK_FALSE(bare->near);
    CHECK(bare->rule_names.empty());
    for (std::string const& bad : {std::string(),
                                   std::string("2"),
                                   std::string("1 5 f"),
                                   "3 5 0 " + join + " 500 1 f",
                                   "2 5 0 " + join + " 500 1",
                                   "2 5 0 " + join + " 500 2 f",
                                   "2 5 0 " + join + " -1 1 f",
                                   "2 5 0 " + join + " 99999999999 1 f",
                                   "2 5 x " + join + " 500 1 f",
                                   "2 99999999999999999999 0 " + join + " 500 1 f",
                                   std::string("2 5 0 77 500 1 f")}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_member(bad).has_value());
    }
}

TEST_CASE("keys that begin has noted are kept for end, and not for ever") {
    noted_keys n;
    n.note({0, 1}, "t", {"k1", "k2"});
    n.note({0, 1}, "u", {});
    CHECK(n.take({0, 1}, "t") == std::vector<std::string>{"k1", "k2"});
    CHECK_FALSE(n.take({0, 1}, "t").has_value());  // an end made again reads the index anew
    CHECK(n.take({0, 1}, "u") == std::vector<std::string>{});
    CHECK_FALSE(n.take({0, 1}, "v").has_value());
    CHECK_FALSE(n.take({0, 2}, "t").has_value());
    n.note({0, 1}, "t", {"k1"});
    n.forget({0, 1});
    CHECK_FALSE(n.take({0, 1}, "t").has_value());
    for (std::uint64_t i = 0; i < 2'000; ++i) {
        n.note({1, i}, "t", {});
    }
    CHECK_FALSE(n.take({1, 0}, "t").has_value());
    CHECK(n.take({1, 1'999}, "t").has_value());
}
