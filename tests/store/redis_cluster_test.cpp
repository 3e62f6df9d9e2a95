#include "tests/support/redis_cluster.hpp"

#include "tests/store/redis_fixture.hpp"
#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

/// `redis+cluster://` against real Clusters. What any store does, the suite asks of this one, too
/// (store_test.cpp).
using namespace sidecache;
using namespace sidecache::store;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

auto const tags = tags_of({"rule:details", "path:/products/1", "product:1*"});
constexpr mutation_id mine{1, 1};
constexpr auto keep = std::chrono::milliseconds(1h);
constexpr auto life = std::chrono::milliseconds(35s);

bool works(replica& r) {
    return r.run(r.s.read("product:1:details", tags)).has_value();
}

result<fill_ground> snapshot(replica& r) {
    fill_request f;
    f.key = "product:1:details";
    f.tags = &tags;
    f.keep_tags = keep;
    return r.run(r.s.begin_fill(f));
}

void fill(replica& r, std::string_view body) {
    auto const ground = snapshot(r);
    REQUIRE(ground.has_value());
    std::vector<generation> generations;
    for (auto const& t : ground->tags) {
        generations.push_back(t.gen);
    }
    entry_to_store e;
    e.full_key = "product:1:details";
    e.server = ground->by.server;
    e.tags = &tags;
    e.generations = generations;
    e.ttl_ms = 600'000;
    e.status = 200;
    e.head = "HTTP/1.1 200 OK\r\n";
    e.body = body;
    auto const bytes = encode_entry(e);
    put_request p;
    p.key = "product:1:details";
    p.bytes = bytes;
    p.ttl = 600s;
    p.tags = &tags;
    REQUIRE(r.run(r.s.put(p)).has_value());
}

/// Whether a reader would take what is stored (protocol.md section 2).
bool is_hit(replica& r) {
    auto const read = r.run(r.s.read("product:1:details", tags));
    if (!read || !read->entry) {
        return false;
    }
    entry e;
    REQUIRE_FALSE(decode_entry(read->entry, e));
    if (e.server != read->by.server) {
        return false;
    }
    for (std::size_t i = 0; i < tags.size(); ++i) {
        auto const& t = read->tags[i];
        if (!t.present || t.marker || t.gen != e.tags[i].gen) {
            return false;
        }
    }
    return true;
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

TEST_CASE("keys are where Redis itself says") {
    redis_cluster group;
    for (std::string const key : {"product:1:details|orgId=7",
                                  "{a}b",
                                  "a{}b",
                                  "a{b",
                                  "a{{b}}c",
                                  "a}b{c}",
                                  "sidecache:tag:rule:details",
                                  "\xc3\xa4{\xc3\xb6}"}) {
        CAPTURE(key);
        CHECK(key_slot(key) == group.slot_of(key));
    }
}

TEST_CASE("a Cluster is found by one of its nodes, and used whole") {
    redis_cluster group;
    SUBCASE("behind seeds that are gone") {
        auto settings = settings_for(group);
        settings.where.cluster_seeds = {{"127.0.0.1", free_port()},
                                        {"127.0.0.1", group.node(2).port()}};
        replica one(settings);
        REQUIRE(works(one));
        fill(one, "{}");
        CHECK(is_hit(one));
        for (std::size_t i = 0; i < tags.size(); ++i) {
            CHECK(group.exists("sidecache:tag:" + std::string(tags[i])));
        }
        one.run_until([&] { return one.s.status().up; });
        CHECK(one.s.status().server == "3 primaries");
    }
    SUBCASE("a node of a Cluster is no single server") {
        CHECK(holds(failure(settings_for(group.node(0).port())), "write redis+cluster://"));
    }
    SUBCASE("a single server is no Cluster") {
        redis_server alone;
        auto settings = settings_for(group);
        settings.where.cluster_seeds = {{"127.0.0.1", alone.port()}};
        CHECK(holds(failure(settings), "cluster support disabled"));
    }
    SUBCASE("nobody there") {
        auto settings = settings_for(group);
        settings.where.cluster_seeds = {{"127.0.0.1", free_port()}};
        CHECK(holds(failure(settings), "Connection refused"));
    }
}

TEST_CASE("a slot that moves makes its entries cold; marks go with their keys") {
    redis_cluster group;
    replica one(settings_for(group));
    replica other(settings_for(group));
    REQUIRE(works(one));
    REQUIRE(works(other));
    fill(one, "{}");
    REQUIRE(is_hit(other));
    auto const label = one.s.server();
    std::string const tag = "sidecache:tag:product:1*";
    auto const slot = group.slot_of(tag);
    auto const from = group.owner_of(slot);
    auto const to = (from + 1) % 3;

    SUBCASE("all at once") {
        group.move_slot(slot, to);
        CHECK_FALSE(is_hit(other));
        CHECK_FALSE(is_hit(one));
        // Not a failover: nothing that the store knew was lost, and nothing is in quarantine.
        CHECK(one.s.server() == label);
        auto const ground = snapshot(one);
        REQUIRE(ground.has_value());
        CHECK_FALSE(ground->quarantined);
        fill(one, "{}");
        CHECK(is_hit(other));
    }
    SUBCASE("and back again, with a mutation in between: not what was there before") {
        group.move_slot(slot, to);
        begin_mark const begin[] = {{"product:1*"}};
        REQUIRE(one.run(one.s.begin(mine, begin, life, keep)).has_value());
        end_mark const end[] = {{"product:1*", end_action::bump, {}}};
        REQUIRE(one.run(one.s.end(mine, end, life, keep)).has_value());
        group.move_slot(slot, from);
        CHECK_FALSE(is_hit(other));
    }
    SUBCASE("while it is on its way, everybody sees one tag") {
        group.begin_move(slot, to);
        begin_mark const begin[] = {{"product:1*"}};
        auto const begun = one.run(one.s.begin(mine, begin, life, keep));
        REQUIRE(begun.has_value());
        CHECK_FALSE(is_hit(other));
        REQUIRE(group.move_keys(slot, to));
        // The owner has it no more, and says ASK.
        auto const read = other.run(other.s.read("product:1:details", tags));
        REQUIRE(read.has_value());
        CHECK(read->tags[2].marker);
        SUBCASE("the mutation ends before the slot is the other's") {}
        SUBCASE("... or after it") {
            group.finish_move(slot, to);
        }
        end_mark const end[] = {{"product:1*", end_action::bump, {}}};
        auto const ended = one.run(one.s.end(mine, end, life, keep));
        REQUIRE(ended.has_value());
        // Another node cannot say that the mark stood all the while: those who may have read
        // meanwhile are told once more.
        CHECK_FALSE(ended->had_mark[0]);
        auto const after = other.run(other.s.read("product:1:details", tags));
        REQUIRE(after.has_value());
        CHECK_FALSE(after->tags[2].marker);
        CHECK(after->tags[2].gen == ended->after[0]);
    }
    SUBCASE("a new tag of a slot on its way is made where the slot goes") {
        group.begin_move(slot, to);
        group.move_keys(slot, to);
        group.node(to).command({"ASKING"});
        group.node(to).command({"DEL", tag});
        REQUIRE(snapshot(one).has_value());
        auto const seen = other.run(other.s.read("product:1:details", tags));
        REQUIRE(seen.has_value());
        CHECK(seen->tags[2].present);
        group.finish_move(slot, to);
        CHECK(group.exists(tag));
    }
}

TEST_CASE("the slot of the members moves: leases and messages go with it") {
    redis_cluster group;
    replica one(settings_for(group));
    one.hub.serve_near([] {});
    std::vector<std::string> heard;
    one.hub.subscribe(one.io, [&](std::string_view text) { heard.emplace_back(text); }, [] {});
    one.hub.announce("fingerprint", {"details"});
    replica other(settings_for(group));
    other.hub.announce("fingerprint", {"details"});
    auto const holds_lease = [&] { return one.hub.near_lease().holds(boot_clock::now()); };
    one.run_until(holds_lease);
    auto const slot = group.slot_of("sidecache:members");
    auto const from = group.owner_of(slot);
    group.move_slot(slot, (from + 1) % 3);
    one.run_until([&] {
        auto const where = group.node((from + 1) % 3).cli({"PUBSUB", "NUMSUB", "sidecache:events"});
        return holds(where, "\n1") && holds_lease();
    });
    heard.clear();
    auto const told = other.run(other.s.publish_drop("x"));
    REQUIRE(told.has_value());
    REQUIRE(told->members.size() == 1);
    CHECK(told->members[0].id == one.hub.member().hex());
    one.run_until([&] { return !heard.empty(); });
}

TEST_CASE("a failover anywhere makes everything cold, and nothing stale") {
    redis_cluster group({.replicas = 1});
    replica one(settings_for(group));
    REQUIRE(works(one));
    fill(one, "{}");
    REQUIRE(is_hit(one));
    auto const before = one.s.server();
    auto const at = group.owner_of("sidecache:tag:product:1*");

    SUBCASE("one that is asked for") {
        group.fail_over(at);
    }
    SUBCASE("the primary dies, and comes back as a replica") {
        group.kill_primary(at);
        group.revive(at);
    }
    SUBCASE("the primary dies that has the list of members") {
        auto const home = group.owner_of("sidecache:members");
        group.kill_primary(home);
    }
    one.run_until([&] { return works(one) && one.s.server() && one.s.server() != before; });
    CHECK_FALSE(is_hit(one));
    auto const after = snapshot(one);
    REQUIRE(after.has_value());
    CHECK(after->quarantined);
    // Who has just started finds it in the store.
    replica fresh(settings_for(group));
    fresh.run_until([&] { return works(fresh); });
    CHECK(fresh.s.server() == one.s.server());
    auto const seen = snapshot(fresh);
    REQUIRE(seen.has_value());
    CHECK(seen->quarantined);
}

TEST_CASE("a primary that is restarted is another one") {
    redis_cluster group;
    replica one(settings_for(group));
    REQUIRE(works(one));
    fill(one, "{}");
    auto const before = one.s.server();
    group.node(0).snapshot();
    group.node(0).restart();
    group.wait_until_agreed();
    one.run_until([&] { return works(one) && one.s.server() != before; });
    CHECK_FALSE(is_hit(one));
}

TEST_CASE("one more node with slots of its own: cold once, then as before") {
    redis_cluster group;
    replica one(settings_for(group));
    REQUIRE(works(one));
    fill(one, "{}");
    auto const fresh = group.add_node();
    CHECK(is_hit(one));
    auto const before = one.s.server();
    group.move_slot(group.slot_of("sidecache:tag:product:1*"), fresh);
    one.run_until([&] { return works(one) && one.s.server() != before; });
    CHECK_FALSE(is_hit(one));
}

TEST_CASE("a node forgets the scripts") {
    redis_cluster group;
    replica one(settings_for(group));
    REQUIRE(works(one));
    for (std::size_t i = 0; i < 3; ++i) {
        group.node(i).command({"SCRIPT", "FLUSH"});
    }
    CHECK(snapshot(one).has_value());
    fill(one, "{}");
    CHECK(is_hit(one));
}
