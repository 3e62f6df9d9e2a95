// How many keys a tag may have (`max_keys`): one suite against memory:// and a real redis-server.
#include "tests/store/fixtures.hpp"
#include "tests/store/redis_fixture.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

using namespace sidecache;
using namespace sidecache::store;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

constexpr mutation_id mine{1, 1};
constexpr auto keep = std::chrono::milliseconds(1h);
constexpr auto life = std::chrono::milliseconds(35s);
std::string const counted = "rule:list";

memory_hub& hub_of(memory_fixture& f) {
    return f.hub;
}
redis_hub& hub_of(redis_fixture& f) {
    return f.one.hub;
}
redis_hub& hub_of(cluster_fixture& f) {
    return f.one.hub;
}

/// As `rule_set::bounded_rules_under` would tell of a rule whose keys begin with "products:".
void count_products(store_hub& hub) {
    hub.count_keys([](std::string_view tag) {
        return tag.starts_with("products:") || tag == counted ? std::vector<std::string>{counted}
                                                              : std::vector<std::string>{};
    });
}

std::string key_of(int i) {
    return "products:" + std::to_string(i);
}

template <class Fixture>
std::optional<fill_ground> ask(Fixture& f,
                               sidecache::store::store& s,
                               std::string_view key,
                               std::uint64_t most,
                               std::string_view lock = {}) {
    auto const tags = tags_of({counted, "products:*"});
    fill_request r;
    r.key = key;
    r.tags = &tags;
    r.keep_tags = keep;
    r.counted_tag = counted;
    r.max_keys = most;
    r.lock_key = lock;
    r.lock_token = {3, 3};
    r.lock_ttl = 30s;
    auto ground = f.run(s.begin_fill(r));
    return ground ? std::optional(std::move(*ground)) : std::nullopt;
}

template <class Fixture>
bool has_room(Fixture& f, std::string_view key, std::uint64_t most) {
    auto const ground = ask(f, f.s, key, most);
    REQUIRE(ground.has_value());
    return !ground->is_full;
}

template <class Fixture>
void put(Fixture& f,
         std::string_view key,
         std::chrono::milliseconds ttl = 600s,
         std::string_view rule = counted) {
    auto const tags = tags_of({rule, "products:*"});
    std::vector<generation> const generations(tags.size());
    entry_to_store e;
    e.full_key = key;
    e.tags = &tags;
    e.generations = generations;
    e.ttl_ms = static_cast<std::uint64_t>(ttl.count());
    e.status = 200;
    e.head = "HTTP/1.1 200 OK\r\n";
    auto const bytes = encode_entry(e);
    put_request p;
    p.key = key;
    p.bytes = bytes;
    p.ttl = ttl;
    p.tags = &tags;
    REQUIRE(f.run(f.s.put(p)).has_value());
}

template <class Fixture>
void purge(Fixture& f, std::string_view tag, std::string_view exact_key = {}) {
    std::vector<begin_mark> const begin{{tag, mark_kind::marker}};
    REQUIRE(f.run(f.s.begin(mine, begin, life, keep)).has_value());
    std::vector<end_mark> const end{{tag, end_action::bump, exact_key}};
    REQUIRE(f.run(f.s.end(mine, end, life, keep)).has_value());
}

}  // namespace

#define FIXTURES memory_fixture, redis_fixture, cluster_fixture

TEST_CASE_TEMPLATE("a tag takes as many keys as it may have", Fixture, FIXTURES) {
    Fixture f;
    for (int i = 0; i < 3; ++i) {
        CHECK(has_room(f, key_of(i), 3));
        put(f, key_of(i));
    }
    CHECK_FALSE(has_room(f, key_of(3), 3));

    SUBCASE("a key that is in is always let in") {
        CHECK(has_room(f, key_of(1), 3));
        CHECK(has_room(f, key_of(1), 1));  // the bound was lowered since
        put(f, key_of(1));
        CHECK_FALSE(has_room(f, key_of(3), 3));  // and is not counted twice
    }
    SUBCASE("a bound that was raised") {
        CHECK(has_room(f, key_of(3), 4));
    }
    SUBCASE("no bound") {
        CHECK(has_room(f, key_of(3), 0));
    }
    SUBCASE("other rules' keys are not its own") {
        put(f, "products:other", 600s, "rule:other");
        CHECK(has_room(f, key_of(3), 4));
    }
    SUBCASE("a bound is told together with the lock") {
        auto const first = ask(f, f.s, key_of(3), 3, "lock");
        REQUIRE(first);
        CHECK(first->lock == lock_state::acquired);
        CHECK(first->is_full);
        auto const second = ask(f, f.s, key_of(2), 3, "lock");
        REQUIRE(second);
        CHECK(second->lock == lock_state::held);
        CHECK_FALSE(second->is_full);
        CHECK(second->entry != nullptr);
    }
}

TEST_CASE_TEMPLATE("what is past its expiry does not count", Fixture, FIXTURES) {
    Fixture f;
    // More than one housekeeping step removes.
    for (int i = 0; i < 40; ++i) {
        put(f, key_of(i), 1ms);
    }
    put(f, key_of(100));
    f.wait_until_past(2ms);
    CHECK(has_room(f, key_of(101), 2));
    put(f, key_of(101));
    CHECK_FALSE(has_room(f, key_of(0), 2));  // it was in, and is past
    CHECK(has_room(f, key_of(0), 3));
}

TEST_CASE_TEMPLATE("fills that are under way at once may exceed the bound, and no others",
                   Fixture,
                   FIXTURES) {
    Fixture f;
    for (int i = 0; i < 5; ++i) {
        CHECK(has_room(f, key_of(i), 2));
    }
    for (int i = 0; i < 5; ++i) {
        put(f, key_of(i));
    }
    CHECK_FALSE(has_room(f, key_of(5), 2));
    CHECK_FALSE(has_room(f, key_of(5), 5));
    CHECK(has_room(f, key_of(5), 6));
}

TEST_CASE_TEMPLATE("a purge makes room", Fixture, FIXTURES) {
    Fixture f;
    count_products(hub_of(f));
    for (int i = 0; i < 3; ++i) {
        put(f, key_of(i));
    }
    REQUIRE_FALSE(has_room(f, key_of(3), 3));
    SUBCASE("of the rule") {
        purge(f, counted);
        CHECK(has_room(f, key_of(3), 1));
    }
    SUBCASE("of a pattern that its keys fall under") {
        purge(f, "products:*");
        CHECK(has_room(f, key_of(3), 1));
    }
    SUBCASE("of a pattern that the mutation learns of at its end only") {
        std::vector<end_mark> const end{{"products:*", end_action::bump, {}}};
        REQUIRE(f.run(f.s.end(mine, end, life, keep)).has_value());
        f.run_until([&] { return has_room(f, key_of(3), 1); });
    }
    SUBCASE("of one key") {
        purge(f, key_of(1), key_of(1));
        CHECK(has_room(f, key_of(3), 3));
        CHECK_FALSE(has_room(f, key_of(3), 2));
    }
    SUBCASE("but not a mutation that changed nothing") {
        std::vector<begin_mark> const begin{{"products:*", mark_kind::marker}};
        REQUIRE(f.run(f.s.begin(mine, begin, life, keep)).has_value());
        std::vector<end_mark> const end{{"products:*", end_action::clear, {}}};
        REQUIRE(f.run(f.s.end(mine, end, life, keep)).has_value());
        CHECK_FALSE(has_room(f, key_of(3), 3));
    }
}

TEST_CASE_TEMPLATE("a purge of many keys makes room for all of them, in the background",
                   Fixture,
                   FIXTURES) {
    Fixture f;
    count_products(hub_of(f));
    constexpr int many = 300;
    for (int i = 0; i < many; ++i) {
        put(f, key_of(i));
    }
    put(f, "products:other", 600s, "rule:other");
    REQUIRE_FALSE(has_room(f, key_of(many), many));
    purge(f, "products:*");
    f.run_until([&] { return has_room(f, key_of(many), 1); });
    CHECK(has_room(f, key_of(many), 1));
    put(f, key_of(many));
    CHECK_FALSE(has_room(f, key_of(many + 1), 1));
}

TEST_CASE("replicas share the bound") {
    SUBCASE("through Redis") {
        redis_fixture f;
        replica other(settings_for(f.server.port()));
        put(f, key_of(0));
        put(f, key_of(1));
        auto const there = ask(other, other.s, key_of(2), 2);
        REQUIRE(there);
        CHECK(there->is_full);
        auto const known = ask(other, other.s, key_of(1), 2);
        REQUIRE(known);
        CHECK_FALSE(known->is_full);
    }
    SUBCASE("workers of one process on memory://") {
        memory_fixture f;
        auto const other = f.hub.make_store(f.io, {});
        put(f, key_of(0));
        auto const there = ask(f, *other, key_of(2), 1);
        REQUIRE(there);
        CHECK(there->is_full);
    }
}

TEST_CASE("somebody else's value under the index's name is no reason to refuse") {
    redis_fixture f;
    f.server.command({"SET", "sidecache:index:" + counted, "hello"});
    CHECK(has_room(f, key_of(0), 1));
    put(f, key_of(0));
    CHECK_FALSE(has_room(f, key_of(1), 1));
}

TEST_CASE("a server that has forgotten the scripts answers about room all the same") {
    redis_fixture f;
    put(f, key_of(0));
    f.server.command({"SCRIPT", "FLUSH"});
    CHECK_FALSE(has_room(f, key_of(1), 1));
    f.server.command({"SCRIPT", "FLUSH"});
    auto const locked = ask(f, f.s, key_of(1), 1, "lock");
    REQUIRE(locked);
    CHECK(locked->is_full);
    CHECK(locked->lock == lock_state::acquired);
}

TEST_CASE("generated sequences: the script and memory:// count the same") {
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    auto const pick = [&](unsigned n) { return static_cast<int>(random() % n); };
    redis_fixture redis;
    memory_fixture memory;
    count_products(redis.one.hub);
    count_products(memory.hub);
    for (int step = 0; step < 400; ++step) {
        CAPTURE(step);
        auto const key = key_of(pick(8));
        switch (pick(8)) {
            case 0:
            case 1:
            case 2:
                put(redis, key);
                put(memory, key);
                break;
            case 3:
                put(redis, key, 1ms);
                put(memory, key, 1ms);
                redis.wait_until_past(2ms);
                memory.wait_until_past(2ms);
                break;
            case 4:
                purge(redis, key, key);
                purge(memory, key, key);
                break;
            case 5:
                if (pick(6) == 0) {
                    auto const tag = pick(2) == 0 ? counted : std::string("products:*");
                    purge(redis, tag);
                    purge(memory, tag);
                }
                break;
            default:
                break;
        }
        for (std::uint64_t most = 1; most <= 9; most += 2) {
            CAPTURE(most);
            auto const asked = key_of(pick(10));
            CHECK(has_room(redis, asked, most) == has_room(memory, asked, most));
        }
    }
}
