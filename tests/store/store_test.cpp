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

namespace {

constexpr mutation_id mine{1, 1};
constexpr mutation_id theirs{2, 2};
constexpr id128 token{3, 3};
constexpr auto keep = std::chrono::milliseconds(1h);
constexpr auto life = std::chrono::milliseconds(35s);

/// An entry as a fill stores it, under the generations of a snapshot.
std::string entry_bytes(std::string_view key,
                        rules::tag_list const& tags,
                        fill_ground const& ground,
                        std::string_view body) {
    std::vector<generation> generations;
    for (auto const& t : ground.tags) {
        generations.push_back(t.gen);
    }
    entry_to_store e;
    e.full_key = key;
    e.server = ground.by.server;
    e.tags = &tags;
    e.generations = generations;
    e.ttl_ms = 600'000;
    e.status = 200;
    e.head = "HTTP/1.1 200 OK\r\n";
    e.body = body;
    return encode_entry(e);
}

/// What a fill does: snapshot, then store.
template <class Fixture>
void fill(Fixture& f, std::string_view key, rules::tag_list const& tags, std::string_view body) {
    fill_request r;
    r.key = key;
    r.tags = &tags;
    r.keep_tags = keep;
    auto const ground = f.run(f.s.begin_fill(r));
    REQUIRE(ground.has_value());
    auto const bytes = entry_bytes(key, tags, *ground, body);
    put_request p;
    p.key = key;
    p.bytes = bytes;
    p.ttl = 600s;
    p.tags = &tags;
    REQUIRE(f.run(f.s.put(p)).has_value());
}

/// Whether a reader would take it: protocol.md section 2.
template <class Fixture>
bool is_hit(Fixture& f, std::string_view key, rules::tag_list const& tags) {
    auto const r = f.run(f.s.read(key, tags));
    REQUIRE(r.has_value());
    if (!r->entry) {
        return false;
    }
    entry e;
    REQUIRE_FALSE(decode_entry(r->entry, e));
    if (e.server != r->by.server) {
        return false;
    }
    for (std::size_t i = 0; i < tags.size(); ++i) {
        auto const& t = r->tags[i];
        if (!t.present || t.marker || t.gen != e.tags[i].gen) {
            return false;
        }
    }
    return true;
}

template <class Fixture>
ended end_all(Fixture& f, std::vector<end_mark> const& marks) {
    auto const e = f.run(f.s.end(mine, marks, life, keep));
    REQUIRE(e.has_value());
    return *e;
}

template <class Fixture>
begun begin_all(Fixture& f, std::vector<begin_mark> const& marks, mutation_id id = mine) {
    auto const b = f.run(f.s.begin(id, marks, life, keep));
    REQUIRE(b.has_value());
    return *b;
}

}  // namespace

#define FIXTURES memory_fixture, redis_fixture, cluster_fixture

TEST_CASE_TEMPLATE("what a fill stores is a hit with the same generations", Fixture, FIXTURES) {
    Fixture f;
    auto const tags = tags_of({"rule:details", "path:/products/1", "product:1*"});
    CHECK_FALSE(is_hit(f, "product:1:details", tags));
    fill(f, "product:1:details", tags, R"({"id":1})");
    CHECK(is_hit(f, "product:1:details", tags));

    auto const r = f.run(f.s.read("product:1:details", tags));
    REQUIRE(r.has_value());
    CHECK(r->by.server == f.s.server());
    CHECK(boot_clock::now() - r->by.checked_at < 1s);
    CHECK(r->by.server_now_ms > 1'700'000'000'000);
    entry e;
    REQUIRE_FALSE(decode_entry(r->entry, e));
    CHECK(e.body == R"({"id":1})");

    SUBCASE("a key or a tag that nobody has filled is absent") {
        auto const other = tags_of({"rule:details", "product:2*"});
        auto const miss = f.run(f.s.read("product:2:details", other));
        REQUIRE(miss.has_value());
        CHECK(miss->entry == nullptr);
        CHECK(miss->tags[0].present);
        CHECK_FALSE(miss->tags[1].present);
    }
    SUBCASE("a read without tags works") {
        auto const none = f.run(f.s.read("product:1:details", tags_of({})));
        REQUIRE(none.has_value());
        CHECK(none->entry != nullptr);
    }
}

TEST_CASE_TEMPLATE("a marker stops hits, an intent does not", Fixture, FIXTURES) {
    Fixture f;
    auto const tags = tags_of({"rule:details", "product:1*"});
    fill(f, "product:1:details", tags, "{}");

    SUBCASE("intent") {
        begin_all(f, {{"product:1*", mark_kind::intent}});
        CHECK(is_hit(f, "product:1:details", tags));
        auto const r = f.run(f.s.read("product:1:details", tags));
        CHECK(r->tags[0].intent_deadline == std::numeric_limits<unix_ms>::max());
        CHECK(r->tags[1].intent_deadline >= r->by.server_now_ms + 34'000);
        CHECK(r->tags[1].intent_deadline <= r->by.server_now_ms + 36'000);
    }
    SUBCASE("marker, and a snapshot sees it too") {
        begin_all(f, {{"product:1*", mark_kind::marker}});
        CHECK_FALSE(is_hit(f, "product:1:details", tags));
        fill_request r;
        r.key = "product:1:details";
        r.tags = &tags;
        r.keep_tags = keep;
        auto const ground = f.run(f.s.begin_fill(r));
        REQUIRE(ground.has_value());
        CHECK_FALSE(ground->tags[0].marker);
        CHECK(ground->tags[1].marker);
    }
}

TEST_CASE_TEMPLATE("begin tells of other mutations' markers", Fixture, FIXTURES) {
    Fixture f;
    auto const first = begin_all(f, {{"a", mark_kind::marker}, {"b", mark_kind::intent}});
    CHECK_FALSE(first.tags[0].other_marker);
    CHECK_FALSE(first.foreign_fingerprint);
    auto const second = begin_all(f, {{"a", mark_kind::marker}, {"b", mark_kind::marker}}, theirs);
    CHECK(second.tags[0].other_marker);
    CHECK_FALSE(second.tags[1].other_marker);
    CHECK(second.tags[0].gen == first.tags[0].gen);
    auto const again = begin_all(f, {{"b", mark_kind::intent}});
    CHECK(again.tags[0].other_marker);
}

TEST_CASE_TEMPLATE("end", Fixture, FIXTURES) {
    Fixture f;
    auto const tags = tags_of({"rule:details", "product:1*"});
    fill(f, "product:1:details", tags, "{}");

    SUBCASE("bump: the entry is dead, and gone from the store with the answer") {
        begin_all(f, {{"product:1*", mark_kind::marker}});
        auto const e = end_all(f, {{"product:1*", end_action::bump, ""}});
        CHECK(e.had_mark[0]);
        CHECK(e.removed == 1);
        CHECK_FALSE(is_hit(f, "product:1:details", tags));
        CHECK_FALSE(f.has_entry("product:1:details"));
        fill(f, "product:1:details", tags, "{}");
        CHECK(is_hit(f, "product:1:details", tags));  // P5: one fill makes a hit again
    }
    SUBCASE("clear: it is a hit as before") {
        begin_all(f, {{"product:1*", mark_kind::marker}});
        auto const e = end_all(f, {{"product:1*", end_action::clear, ""}});
        CHECK(e.had_mark[0]);
        CHECK(e.removed == 0);
        CHECK(is_hit(f, "product:1:details", tags));
    }
    SUBCASE("bump_keep: the marker stays") {
        begin_all(f, {{"product:1*", mark_kind::intent}});
        end_all(f, {{"product:1*", end_action::bump_keep, ""}});
        auto const r = f.run(f.s.read("product:1:details", tags));
        CHECK(r->tags[1].marker);
        CHECK_FALSE(f.has_entry("product:1:details"));
    }
    SUBCASE("of a tag that begin did not mark: it says so, bumps, removes") {
        auto const e = end_all(f, {{"product:1*", end_action::bump, ""}});
        CHECK_FALSE(e.had_mark[0]);
        CHECK_FALSE(is_hit(f, "product:1:details", tags));
        // Nobody waits for that.
        f.run_until([&] { return !f.has_entry("product:1:details"); });
    }
    SUBCASE("again: idempotent, with another generation") {
        begin_all(f, {{"product:1*", mark_kind::marker}});
        auto const once = end_all(f, {{"product:1*", end_action::bump, ""}});
        auto const twice = end_all(f, {{"product:1*", end_action::bump, ""}});
        CHECK_FALSE(twice.had_mark[0]);
        CHECK(once.after[0] != twice.after[0]);
    }
    SUBCASE("an entry stored in mid-mutation from before the mark is dead") {
        fill_request r;
        r.key = "product:1:details";
        r.tags = &tags;
        r.keep_tags = keep;
        auto const slow = f.run(f.s.begin_fill(r));
        begin_all(f, {{"product:1*", mark_kind::marker}});
        auto const bytes = entry_bytes("product:1:details", tags, *slow, "old");
        put_request p;
        p.key = r.key;
        p.bytes = bytes;
        p.ttl = 600s;
        p.tags = &tags;
        REQUIRE(f.run(f.s.put(p)).has_value());
        end_all(f, {{"product:1*", end_action::bump, ""}});
        CHECK_FALSE(is_hit(f, "product:1:details", tags));
    }
}

TEST_CASE_TEMPLATE("an exact key is removed although it is in no index", Fixture, FIXTURES) {
    Fixture f;
    auto const tags = tags_of({"product:1"});  // the tag is the key itself
    fill(f, "product:1", tags, "{}");
    begin_all(f, {{"product:1", mark_kind::marker}});
    auto const e = end_all(f, {{"product:1", end_action::bump, "product:1"}});
    CHECK(e.removed == 1);
    CHECK_FALSE(f.has_entry("product:1"));
}

TEST_CASE_TEMPLATE("a purge removes every key of its tag, however many", Fixture, FIXTURES) {
    Fixture f;
    auto const tags = tags_of({"rule:list", "products:org:7:*"});
    std::vector<std::string> keys;
    for (int i = 0; i < 300; ++i) {
        keys.push_back("products:org:7:page:" + std::to_string(i));
        fill(f, keys.back(), tags, "[]");
    }
    auto const others = tags_of({"rule:list", "products:org:8:*"});
    fill(f, "products:org:8:page:1", others, "[]");

    begin_all(f, {{"products:org:7:*", mark_kind::marker}});
    auto const e = end_all(f, {{"products:org:7:*", end_action::bump, ""}});
    CHECK(e.removed >= 128);
    // One of them is filled again at once: the background removal spares it.
    fill(f, keys[0], tags, "[1]");
    f.run_until([&] { return f.present(keys) == 1; });
    CHECK(is_hit(f, keys[0], tags));
    for (std::size_t i = 1; i < keys.size(); ++i) {
        CAPTURE(i);
        CHECK_FALSE(f.has_entry(keys[i]));
    }
    CHECK(is_hit(f, "products:org:8:page:1", others));

    f.run_until([&] { return f.is_indexed("products:org:7:*", keys[0]); });
    // The spared one is still in the index: the next purge removes it at once.
    begin_all(f, {{"products:org:7:*", mark_kind::marker}});
    auto const next = end_all(f, {{"products:org:7:*", end_action::bump, ""}});
    CHECK(next.removed == 1);
    CHECK_FALSE(f.has_entry(keys[0]));
}

TEST_CASE_TEMPLATE("marks on many tags at once", Fixture, FIXTURES) {
    Fixture f;
    std::vector<std::string> names;
    for (int i = 0; i < 700; ++i) {
        names.push_back("product:" + std::to_string(i) + "*");
    }
    std::vector<begin_mark> marks;
    std::vector<end_mark> ends;
    for (auto const& n : names) {
        marks.push_back({n, mark_kind::marker});
        ends.push_back({n, end_action::bump, ""});
    }
    auto const b = begin_all(f, marks);
    CHECK(b.tags.size() == 700);
    auto const e = end_all(f, ends);
    REQUIRE(e.had_mark.size() == 700);
    for (std::size_t i = 0; i < 700; ++i) {
        CAPTURE(i);
        CHECK(e.had_mark[i]);
        CHECK(e.after[i] != b.tags[i].gen);
    }
}

TEST_CASE_TEMPLATE("a fill's lock", Fixture, FIXTURES) {
    Fixture f;
    auto const tags = tags_of({"rule:details"});
    fill_request r;
    r.key = "product:1:details";
    r.tags = &tags;
    r.keep_tags = keep;
    auto const unlocked = f.run(f.s.begin_fill(r));
    REQUIRE(unlocked.has_value());
    CHECK(unlocked->lock == lock_state::none);

    r.lock_key = "product:1:lock";
    r.lock_token = token;
    r.lock_ttl = 30s;
    auto const first = f.run(f.s.begin_fill(r));
    REQUIRE(first.has_value());
    CHECK(first->lock == lock_state::acquired);
    CHECK_FALSE(first->quarantined);
    CHECK(first->tags[0].gen == unlocked->tags[0].gen);
    CHECK(f.run(f.s.lock_held(r.lock_key)).value());

    r.lock_token = {4, 4};
    auto const second = f.run(f.s.begin_fill(r));
    CHECK(second->lock == lock_state::held);

    SUBCASE("is released by its owner only") {
        REQUIRE(f.run(f.s.release_lock(r.lock_key, {4, 4}, fill_outcome::failed)).has_value());
        CHECK(f.run(f.s.lock_held(r.lock_key)).value());
        REQUIRE(f.run(f.s.release_lock(r.lock_key, token, fill_outcome::failed)).has_value());
        CHECK_FALSE(f.run(f.s.lock_held(r.lock_key)).value());
        CHECK(f.run(f.s.begin_fill(r))->lock == lock_state::acquired);
    }
    SUBCASE("is extended by its owner only") {
        CHECK_FALSE(f.run(f.s.extend_lock(r.lock_key, {4, 4}, 60s)).value());
        CHECK(f.run(f.s.extend_lock(r.lock_key, token, 60s)).value());
    }
    SUBCASE("goes with the store of what was filled, which the next holder finds") {
        auto const bytes = entry_bytes(r.key, tags, *first, "{}");
        put_request p;
        p.key = r.key;
        p.bytes = bytes;
        p.ttl = 600s;
        p.tags = &tags;
        p.lock_key = r.lock_key;
        p.lock_token = token;
        REQUIRE(f.run(f.s.put(p)).has_value());
        CHECK_FALSE(f.run(f.s.lock_held(r.lock_key)).value());
        auto const after = f.run(f.s.begin_fill(r));
        CHECK(after->lock == lock_state::acquired);
        CHECK(after->entry != nullptr);
    }
}

TEST_CASE_TEMPLATE("events reach every subscriber", Fixture, FIXTURES) {
    Fixture f;
    std::vector<std::string> heard;
    f.subscribe([&](std::string_view payload) { heard.emplace_back(payload); });
    SUBCASE("a published payload") {
        REQUIRE(f.run(f.s.publish("1 hello")).has_value());
        f.run_until([&] { return !heard.empty(); });
        CHECK(heard == std::vector<std::string>{"1 hello"});
    }
    SUBCASE("a released lock, with the outcome") {
        REQUIRE(
            f.run(f.s.release_lock("product:1:lock", token, fill_outcome::not_stored)).has_value());
        f.run_until([&] { return !heard.empty(); });
        CHECK(heard == std::vector<std::string>{"1 fill_done not_stored product:1:lock"});
    }
    SUBCASE("a stored fill") {
        auto const tags = tags_of({"rule:details"});
        fill_request r;
        r.key = "k";
        r.tags = &tags;
        r.keep_tags = keep;
        r.lock_key = "k:lock";
        r.lock_token = token;
        r.lock_ttl = 30s;
        auto const ground = f.run(f.s.begin_fill(r));
        auto const bytes = entry_bytes("k", tags, *ground, "{}");
        put_request p{"k", bytes, 600s, &tags, "k:lock", token};
        REQUIRE(f.run(f.s.put(p)).has_value());
        f.run_until([&] { return !heard.empty(); });
        CHECK(heard == std::vector<std::string>{"1 fill_done stored k:lock"});
    }
}

TEST_CASE_TEMPLATE("what has a life ends with it", Fixture, FIXTURES) {
    Fixture f;
    auto const tags = tags_of({"rule:details", "product:1*"});
    fill_request r;
    r.key = "product:1:details";
    r.tags = &tags;
    r.keep_tags = 100ms;
    r.lock_key = "product:1:lock";
    r.lock_token = token;
    r.lock_ttl = 50ms;
    auto const ground = f.run(f.s.begin_fill(r));
    auto const bytes = entry_bytes(r.key, tags, *ground, "{}");
    put_request p{r.key, bytes, 50ms, &tags, "", {}};
    REQUIRE(f.run(f.s.put(p)).has_value());
    f.run(f.s.begin(mine, std::vector<begin_mark>{{"product:1*", mark_kind::marker}}, 50ms, 100ms));

    f.wait_until_past(150ms);
    auto const later = f.run(f.s.read(r.key, tags));
    REQUIRE(later.has_value());
    CHECK(later->entry == nullptr);
    CHECK_FALSE(later->tags[0].present);
    CHECK(later->tags[1].present);  // marked: without expiry
    CHECK_FALSE(f.run(f.s.lock_held(r.lock_key)).value());

    // The mark is past its deadline: that counts as a change.
    auto const swept = f.run(f.s.begin_fill(r));
    CHECK_FALSE(swept->tags[1].marker);
    CHECK(swept->tags[1].gen != ground->tags[1].gen);
}
