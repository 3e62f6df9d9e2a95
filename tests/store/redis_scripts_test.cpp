#include "tests/store/redis_fixture.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace sidecache;
using namespace sidecache::store;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

constexpr id128 token{3, 3};
constexpr auto keep = std::chrono::milliseconds(1h);
constexpr auto life = std::chrono::milliseconds(35s);
constexpr std::string_view tag = "product:1*";
std::string const tag_key = "sidecache:tag:product:1*";

/// The tag as Redis holds it.
std::optional<stored_tag> stored(redis_fixture& f, long long now) {
    auto const bytes = f.server.cli({"GET", tag_key});
    auto value = parse_tag(bytes);
    if (!value) {
        return std::nullopt;
    }
    auto const left = f.server.command({"PTTL", tag_key}).number();
    return stored_tag{*value, left < 0 ? 0 : now + left};
}

bool close(unix_ms a, unix_ms b) {
    return a == b || (a != 0 && b != 0 && std::abs(a - b) < 5'000);
}

/// The same but for generations, which are random, and for the ms that the commands took.
void check_same(stored_tag const& redis, stored_tag const& model) {
    CHECK(close(redis.expires_at, model.expires_at));
    CHECK(close(redis.value.keep_until, model.value.keep_until));
    REQUIRE(redis.value.marks.size() == model.value.marks.size());
    for (std::size_t i = 0; i < redis.value.marks.size(); ++i) {
        CHECK(redis.value.marks[i].kind == model.value.marks[i].kind);
        CHECK(redis.value.marks[i].mutation == model.value.marks[i].mutation);
        CHECK(close(redis.value.marks[i].deadline, model.value.marks[i].deadline));
    }
}

}  // namespace

TEST_CASE("generated sequences: the scripts and the pure functions do the same") {
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    auto const pick = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    redis_fixture f;
    auto const tags = tags_of({tag});
    // A mark of life 0 is past at the next command, one of an hour never is here.
    std::chrono::milliseconds const lives[] = {0ms, 1h};
    std::chrono::milliseconds const keeps[] = {1min, 1h, 2h};
    std::string const oddities[] = {"hello",
                                    "",
                                    "00000000000000000000000000000001;x5",
                                    "00000000000000000000000000000001;x",
                                    "00000000000000000000000000000001;z",
                                    "00000000000000000000000000000001;x1234567890123456"};
    std::optional<stored_tag> model;
    generation last_gen{};
    for (int step = 0; step < 600; ++step) {
        CAPTURE(step);
        auto const now = f.now_ms();
        mutation_id const mutation{0, pick(3)};
        auto const some_life = lives[pick(2)];
        auto const some_keep = keeps[pick(3)];
        id128 const fresh{0xF, static_cast<std::uint64_t>(step)};
        bool bumped = false;
        switch (pick(8)) {
            case 0: {
                fill_request r{"k", &tags, some_keep, "", {}, 0ms};
                REQUIRE(f.run(f.s.begin_fill(r)).has_value());
                model = snapshot_tag(model, fresh, now, some_keep);
                break;
            }
            case 1:
            case 2:
            case 3: {
                auto const kind = pick(2) == 0 ? mark_kind::marker : mark_kind::intent;
                std::vector<begin_mark> const marks{{tag, kind}};
                auto const b = f.run(f.s.begin(mutation, marks, some_life, some_keep));
                REQUIRE(b.has_value());
                model = begin_tag(model, fresh, now, mutation, kind, some_life, some_keep);
                CHECK(b->tags[0].other_marker == has_other_marker(model->value, mutation));
                break;
            }
            case 4:
            case 5:
            case 6: {
                end_action const actions[] = {
                    end_action::bump, end_action::clear, end_action::bump_keep};
                auto const action = actions[pick(3)];
                std::vector<end_mark> const marks{{tag, action, ""}};
                auto const e = f.run(f.s.end(mutation, marks, some_life, some_keep));
                REQUIRE(e.has_value());
                auto const expected =
                    end_tag(model, fresh, now, mutation, action, some_life, some_keep);
                CHECK(e->had_mark[0] == expected.had_mark);
                bumped = action != end_action::clear;
                model = expected.after;
                break;
            }
            case 7: {
                // Somebody else's hands: gone, another value, another type.
                auto const odd = pick(8);
                if (odd == 0) {
                    f.server.command({"DEL", tag_key});
                    model.reset();
                } else if (odd == 1) {
                    f.server.command({"DEL", tag_key});
                    f.server.command({"RPUSH", tag_key, "x"});
                    model.reset();
                } else {
                    auto const& text = oddities[odd - 2];
                    f.server.command({"SET", tag_key, text});
                    auto const value = parse_tag(text);
                    model = value ? std::optional(stored_tag{*value, 0}) : std::nullopt;
                }
                continue;
            }
        }
        auto const redis = stored(f, f.now_ms());
        REQUIRE(redis.has_value());
        check_same(*redis, *model);
        // Where the model takes the fresh generation, Redis has one that was never there before.
        if (model->value.gen == fresh) {
            CHECK(redis->value.gen != last_gen);
        } else if (!bumped && model->value.gen != id128{0, 1}) {
            CHECK(redis->value.gen == last_gen);
        }
        last_gen = redis->value.gen;
    }
}

TEST_CASE("a server that has forgotten the scripts gets them again, with the same outcome") {
    redis_fixture f;
    auto const tags = tags_of({tag});
    auto const forget = [&] { f.server.command({"SCRIPT", "FLUSH"}); };
    fill_request r{"product:1:details", &tags, keep, "product:1:lock", token, 30s};

    forget();
    auto const ground = f.run(f.s.begin_fill(r));
    REQUIRE(ground.has_value());
    CHECK(ground->lock == lock_state::acquired);  // taken before the scripts were missed
    CHECK(ground->tags[0].present);
    r.lock_token = {4, 4};
    forget();
    auto const other = f.run(f.s.begin_fill(r));
    REQUIRE(other.has_value());
    CHECK(other->lock == lock_state::held);
    CHECK(other->tags[0].gen == ground->tags[0].gen);

    forget();
    put_request const p{r.key, "SCE1", 60s, &tags, r.lock_key, token};
    REQUIRE(f.run(f.s.put(p)).has_value());
    CHECK(f.server.exists("sidecache:index:product:1*"));
    CHECK_FALSE(f.server.exists("product:1:lock"));

    forget();
    std::vector<begin_mark> const marks{{tag, mark_kind::marker}, {"other", mark_kind::marker}};
    auto const b = f.run(f.s.begin({1, 1}, marks, life, keep));
    REQUIRE(b.has_value());
    CHECK(b->tags.size() == 2);

    forget();
    std::vector<end_mark> const ends{{tag, end_action::bump, ""}, {"other", end_action::bump, ""}};
    auto const e = f.run(f.s.end({1, 1}, ends, life, keep));
    REQUIRE(e.has_value());
    CHECK(e->had_mark == std::vector<bool>{true, true});
    CHECK_FALSE(f.server.exists("product:1:details"));

    forget();
    REQUIRE(f.run(f.s.release_lock("product:1:lock", token, fill_outcome::failed)).has_value());
}

TEST_CASE("what lies in Redis, and for how long") {
    redis_fixture f;
    auto const tags = tags_of({"rule:details", tag, "product:1:details"});
    fill_request r{"product:1:details", &tags, keep, "product:1:lock", token, 30s};
    REQUIRE(f.run(f.s.begin_fill(r)).has_value());
    auto const left = [&](std::string const& key) {
        return f.server.command({"PTTL", key}).number();
    };
    CHECK(f.server.cli({"GET", "product:1:lock"}) == token.hex());
    CHECK(left("product:1:lock") > 25'000);
    CHECK(left("product:1:lock") <= 30'000);
    CHECK(left(tag_key) > 3'590'000);

    put_request const p{r.key, "SCE1 the body", 600s, &tags, r.lock_key, token};
    REQUIRE(f.run(f.s.put(p)).has_value());
    CHECK(f.server.keys() == std::vector<std::string>{"product:1:details",
                                                      "sidecache:identity",
                                                      "sidecache:index:product:1*",
                                                      "sidecache:index:rule:details",
                                                      "sidecache:tag:product:1*",
                                                      "sidecache:tag:product:1:details",
                                                      "sidecache:tag:rule:details"});
    CHECK(f.server.cli({"GET", "product:1:details"}) == "SCE1 the body");
    CHECK(left("product:1:details") > 595'000);
    CHECK(left("sidecache:index:rule:details") > 595'000);
    CHECK(f.server.cli({"GET", "sidecache:identity"}) == f.s.server()->hex());

    std::vector<begin_mark> const marks{{tag, mark_kind::marker}};
    REQUIRE(f.run(f.s.begin({1, 1}, marks, life, keep)).has_value());
    CHECK(left(tag_key) == -1);  // a tag with a mark has no expiry
    std::vector<end_mark> const ends{{tag, end_action::bump, ""}};
    REQUIRE(f.run(f.s.end({1, 1}, ends, life, keep)).has_value());
    CHECK(left(tag_key) > 3'590'000);
    CHECK_FALSE(f.server.exists("sidecache:index:product:1*"));

    CHECK(f.server.calls("keys") <= 1);  // this test's own
    CHECK(f.server.calls("scan") == 0);
}

TEST_CASE("an index forgets what has expired, a bounded number at a time") {
    redis_fixture f;
    auto const tags = tags_of({tag});
    std::string const index = "sidecache:index:product:1*";
    std::vector<std::string> add{"ZADD", index};
    for (int i = 0; i < 40; ++i) {
        add.push_back("1000");
        add.push_back("expired:" + std::to_string(i));
    }
    f.server.command(add);
    put_request const p{"product:1:details", "SCE1", 60s, &tags, "", {}};
    REQUIRE(f.run(f.s.put(p)).has_value());
    CHECK(f.server.command({"ZCARD", index}).number() == 25);
    REQUIRE(f.run(f.s.put(p)).has_value());
    REQUIRE(f.run(f.s.put(p)).has_value());
    CHECK(f.server.cli({"ZRANGE", index, "0", "-1"}) == "product:1:details");
}

TEST_CASE("foreign hands in Redis: other types and garbage are absent, not errors") {
    redis_fixture f;
    auto const tags = tags_of({"rule:details", tag});
    f.server.command({"RPUSH", "product:1:details", "x"});
    f.server.command({"HSET", "sidecache:tag:rule:details", "a", "b"});
    f.server.command({"SET", tag_key, "garbage"});
    f.server.command({"SET", "sidecache:index:rule:details", "no index"});
    f.server.command({"RPUSH", "product:1:lock", "x"});

    auto const r = f.run(f.s.read("product:1:details", tags));
    REQUIRE(r.has_value());
    CHECK(r->entry == nullptr);
    CHECK_FALSE(r->tags[0].present);
    CHECK_FALSE(r->tags[1].present);

    fill_request fill{"product:1:details", &tags, keep, "product:1:lock", token, 30s};
    auto const ground = f.run(f.s.begin_fill(fill));
    REQUIRE(ground.has_value());
    CHECK(ground->tags[0].present);
    CHECK(ground->tags[1].present);
    CHECK(ground->lock == lock_state::held);
    CHECK(ground->entry == nullptr);
    CHECK_FALSE(f.run(f.s.extend_lock("product:1:lock", token, 30s)).value());

    put_request const p{"product:1:details", "SCE1", 60s, &tags, "", {}};
    REQUIRE(f.run(f.s.put(p)).has_value());
    CHECK(f.server.cli({"GET", "product:1:details"}) == "SCE1");
    CHECK(f.server.cli({"ZRANGE", "sidecache:index:rule:details", "0", "-1"}) ==
          "product:1:details");

    f.server.command({"DEL", "sidecache:index:rule:details"});
    f.server.command({"SET", "sidecache:index:rule:details", "no index"});
    std::vector<begin_mark> const marks{{"rule:details", mark_kind::marker}};
    std::vector<end_mark> const ends{{"rule:details", end_action::bump, "product:1:details"}};
    REQUIRE(f.run(f.s.begin({1, 1}, marks, life, keep)).has_value());
    auto const e = f.run(f.s.end({1, 1}, ends, life, keep));
    REQUIRE(e.has_value());
    CHECK(e->had_mark[0]);
    CHECK_FALSE(f.server.exists("product:1:details"));
}

TEST_CASE("background removal touches nothing that is not an entry of ours") {
    redis_fixture f;
    std::vector<std::string> add{"ZADD", "sidecache:index:product:1*"};
    for (int i = 0; i < 200; ++i) {
        add.push_back("99999999999999");
        add.push_back("product:1:" + std::to_string(i));
    }
    f.server.command(add);
    f.server.command({"SET", "product:1:99", "somebody else's"});  // beyond the first 128
    f.server.command({"SET", "product:1:98", "SCE1 of old"});
    std::vector<begin_mark> const marks{{tag, mark_kind::marker}};
    std::vector<end_mark> const ends{{tag, end_action::bump, ""}};
    REQUIRE(f.run(f.s.begin({1, 1}, marks, life, keep)).has_value());
    REQUIRE(f.run(f.s.end({1, 1}, ends, life, keep)).has_value());
    f.run_until([&] { return !f.server.exists("sidecache:index:product:1*"); });
    f.run_until([&] { return !f.server.exists("product:1:98"); });
    CHECK(f.server.exists("product:1:99"));
}
