// What the near cache of one worker serves and what it does not (protocol.md section 4): each
// interleaving is a list of what happened, in its order.
#include "tests/machines/near_world.hpp"

using namespace sidecache;
using namespace sidecache::test;

TEST_CASE("what was read from the store is found, ready to be written") {
    near_world w;
    CHECK_FALSE(w.has("/products/42"));
    w.fetch("/products/42", {.body = R"({"id": 42})", .ttl = 10min, .age = 90s});
    w.pass(10s);
    auto const e = w.find("/products/42");
    REQUIRE(e);
    CHECK(e->status() == 200);
    CHECK(e->head() == "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n");
    CHECK(e->body() == R"({"id": 42})");
    CHECK(e->age_seconds(w.now) == 100);
    CHECK(e->ttl_seconds(w.now) == 500);
    CHECK_FALSE(w.has("/products/43"));
}

TEST_CASE("what is kept does not keep the reply that it came in") {
    near_world w;
    auto read = w.begin_read("/products/42", {.body = "once", .vary = {{"accept", "a/b"}}});
    auto reply =
        std::make_shared<std::string>("before" + std::string(*read.entry.bytes) + "behind");
    std::weak_ptr<std::string> const still = reply;
    auto const piece = std::string_view(*reply).substr(6, reply->size() - 12);
    REQUIRE_FALSE(store::decode_entry(store::held_text(std::shared_ptr<void const>(reply), piece),
                                      read.entry));
    w.keep(read);
    reply.reset();
    read.entry = {};
    CHECK(still.expired());
    auto const e = w.find("/products/42", {{"Accept", "a/b"}});
    REQUIRE(e);
    CHECK(e->body() == "once");
    CHECK(e->head() == "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n");
    REQUIRE(e->vary().size() == 1);
    CHECK(e->vary()[0].first == "accept");
    CHECK(e->vary()[0].second == "a/b");
}

TEST_CASE("an entry in bytes of its own is kept alive and not copied") {
    near_world w;
    auto const read = w.begin_read("/products/42", {.body = "once"});
    w.keep(read);
    auto const e = w.find("/products/42");
    REQUIRE(e);
    CHECK(e->body().data() == read.entry.body.data());
}

TEST_CASE("a tag that is dropped takes its entries along, in whatever state they are") {
    near_world w;
    SUBCASE("held") {
        w.fetch("/products/42");
        w.fetch("/products/43");
        w.drop("product:42*");
        CHECK_FALSE(w.has("/products/42"));
        CHECK(w.has("/products/43"));
        CHECK(w.cache.size() == 1);  // its memory is free again
    }
    SUBCASE("held, by the tag of its rule") {
        w.fetch("/products/42");
        w.drop("rule:details");
        CHECK_FALSE(w.has("/products/42"));
    }
    SUBCASE("on its way: dropped between the sending of the read and the insertion") {
        auto const read = w.begin_read("/products/42");
        w.drop("product:42*");
        w.keep(read);
        CHECK_FALSE(w.has("/products/42"));
        CHECK(w.cache.size() == 0);
    }
    SUBCASE("on its way, with any number of drops of other tags after it") {
        auto const read = w.begin_read("/products/42");
        w.drop("product:42*");
        for (int i = 0; i < 100'000; ++i) {
            w.drop("product:" + std::to_string(1'000 + i % 1'000) + "*");
        }
        w.keep(read);
        CHECK_FALSE(w.has("/products/42"));
    }
    SUBCASE("and not what is read afterwards") {
        w.drop("product:42*");
        w.fetch("/products/42");
        CHECK(w.has("/products/42"));
    }
    SUBCASE("of two reads under way, the one that began after the drop stays") {
        auto const before = w.begin_read("/products/42", {.body = "old"});
        w.drop("product:42*");
        auto const after = w.begin_read("/products/42", {.body = "new"});
        w.keep(after);
        w.keep(before);
        auto const e = w.find("/products/42");
        REQUIRE(e);
        CHECK(e->body() == "new");
    }
}

TEST_CASE("clear empties it, and voids what is on its way") {
    near_world w;
    w.fetch("/products/42");
    auto const read = w.begin_read("/products/43");
    w.tags.clear();
    CHECK_FALSE(w.has("/products/42"));
    w.keep(read);
    CHECK_FALSE(w.has("/products/43"));
    w.fetch("/products/42");
    CHECK(w.has("/products/42"));
}

TEST_CASE("nothing is served without the lease") {
    near_world w;
    w.lease.grant(w.now + 500ms);
    w.fetch("/products/42");
    w.pass(499ms);
    CHECK(w.has("/products/42"));
    w.pass(1ms);
    CHECK_FALSE(w.has("/products/42"));
    SUBCASE("granted anew with nothing missed, what was held is served again") {
        w.lease.grant(w.now + 500ms);
        CHECK(w.has("/products/42"));
    }
    SUBCASE("lost: everything was emptied before it is granted anew") {
        auto const read = w.begin_read("/products/43");
        w.lease.revoke();
        CHECK_FALSE(w.has("/products/42"));
        w.tags.clear();
        w.lease.grant(w.now + 500ms);
        CHECK_FALSE(w.has("/products/42"));
        w.keep(read);  // lost between the sending of the read and the insertion
        CHECK_FALSE(w.has("/products/43"));
    }
    SUBCASE("what is read meanwhile waits for it") {
        w.fetch("/products/43");
        CHECK_FALSE(w.has("/products/43"));
        w.lease.grant(w.now + 500ms);
        CHECK(w.has("/products/43"));
    }
}

TEST_CASE("an entry lives as long as it is fresh") {
    near_world w;
    w.fetch("/products/42", {.ttl = 10s, .age = 4s});
    w.pass(5'999ms);
    CHECK(w.has("/products/42"));
    w.pass(1ms);
    CHECK_FALSE(w.has("/products/42"));
    CHECK(w.cache.size() == 0);
}

TEST_CASE("under an intent an entry lives at most until that intent's deadline") {
    near_world w;
    w.fetch("/products/42", {.ttl = 10min, .intent_left = 3s});
    w.pass(2'999ms);
    CHECK(w.has("/products/42"));
    w.pass(1ms);
    CHECK_FALSE(w.has("/products/42"));
    SUBCASE("counted from before the read, not from its end") {
        auto const read = w.begin_read("/products/42", {.intent_left = 3s});
        w.pass(2s);
        w.keep(read);
        w.pass(999ms);
        CHECK(w.has("/products/42"));
        w.pass(1ms);
        CHECK_FALSE(w.has("/products/42"));
    }
    SUBCASE("past already when the reply is in") {
        auto const read = w.begin_read("/products/42", {.intent_left = 0ms});
        w.keep(read);
        CHECK(w.cache.size() == 0);
    }
}

TEST_CASE(
    "the system clock is asked once, at the insertion: set back or forth it changes nothing") {
    near_world w;
    w.fetch("/products/42", {.ttl = 60s});
    w.system_now -= 3'600'000;
    w.pass(59s);
    auto const e = w.find("/products/42");
    REQUIRE(e);
    CHECK(e->age_seconds(w.now) == 59);
    w.system_now += 7'200'000;
    CHECK(w.has("/products/42"));
    w.pass(1s);
    CHECK_FALSE(w.has("/products/42"));
}

TEST_CASE("after a reload nothing is found that other rules have judged") {
    near_world w;
    w.fetch("/products/42");
    w.snapshot = 2;
    CHECK_FALSE(w.has("/products/42"));
    w.fetch("/products/42");
    CHECK(w.has("/products/42"));
    CHECK(w.cache.size() == 1);
    w.snapshot = 1;  // a request that began before
    CHECK_FALSE(w.has("/products/42"));
}

TEST_CASE(
    "a request with other tags than the entry's does not get it, though the key is the same") {
    near_world w;
    w.fetch("/products/42");
    auto more = w.ask("/products/42");
    more.wanted.tags.add("products:of-one-shop");
    CHECK_FALSE(w.cache.find(more.wanted, more.view(), w.snapshot, w.now).entry);
    CHECK(w.has("/products/42"));
}

TEST_CASE("varied fields are compared") {
    near_world w;
    w.fetch("/products/42", {.vary = {{"accept-language", "de"}}});
    CHECK(w.has("/products/42", {{"Accept-Language", "de"}}));
    CHECK_FALSE(w.has("/products/42", {{"Accept-Language", "fr"}}));
    CHECK_FALSE(w.has("/products/42"));
    CHECK(w.cache.size() == 1);

    // What lies there tells where another variant would be.
    auto const none = w.ask("/products/42");
    auto const other = w.cache.find(none.wanted, none.view(), w.snapshot, w.now);
    REQUIRE(other.entry);
    CHECK_FALSE(other.is_hit);
    REQUIRE(other.entry->vary().size() == 1);
    CHECK(other.entry->vary()[0].first == "accept-language");
}

TEST_CASE("an entry that is being written stays, whatever happens to its place") {
    near_world w(128 << 10);
    auto const body = std::string(4'000, 'b');
    w.fetch("/products/42", {.body = body});
    auto const writing = w.find("/products/42");
    REQUIRE(writing);
    SUBCASE("dropped") {
        w.drop("product:42*");
        CHECK_FALSE(w.has("/products/42"));
    }
    SUBCASE("evicted") {
        for (int i = 100; i < 200; ++i) {
            w.fetch("/products/" + std::to_string(i), {.body = body});
        }
        CHECK_FALSE(w.has("/products/42"));
    }
    SUBCASE("replaced") {
        w.fetch("/products/42", {.body = "other"});
        CHECK(w.find("/products/42")->body() == "other");
    }
    CHECK(writing->body() == body);
    CHECK(writing->head().starts_with("HTTP/1.1 200"));
}

TEST_CASE("the cache may go before who writes from it") {
    cache::near_hold writing;
    {
        near_world w;
        w.fetch("/products/42", {.body = "still here"});
        writing = w.find("/products/42");
    }
    REQUIRE(writing);
    CHECK(writing->body() == "still here");
}

TEST_CASE("its bytes are bounded, everything counted") {
    constexpr std::size_t limit = 256 << 10;
    near_world w(limit);
    for (int i = 0; i < 2'000; ++i) {
        w.fetch("/products/" + std::to_string(i),
                {.body = std::string(static_cast<std::size_t>(i) % 7 * 500, 'b')});
        CHECK(w.cache.bytes() <= limit);
        CHECK(w.totals.near_bytes.load() == static_cast<std::int64_t>(w.cache.bytes()));
        CHECK(w.totals.near_entries.load() == static_cast<std::int64_t>(w.cache.size()));
    }
    CHECK(w.cache.size() > 20);
    CHECK(w.cache.bytes() > limit / 2);

    SUBCASE("what is larger than an eighth of it is not kept") {
        auto const before = w.cache.size();
        w.fetch("/products/large", {.body = std::string(limit / 8, 'b')});
        CHECK_FALSE(w.has("/products/large"));
        CHECK(w.cache.size() == before);
    }
    SUBCASE("small entries cost more than their bodies") {
        near_world other(limit);
        for (int i = 0; i < 5'000; ++i) {
            other.fetch("/products/" + std::to_string(i), {.body = ""});
        }
        CHECK(other.cache.bytes() <= limit);
        CHECK(other.cache.size() < limit / 200);
    }
}

TEST_CASE("a scan does not wash away what is asked for again and again") {
    near_world w(512 << 10);
    auto const body = std::string(1'500, 'b');
    auto const hot = [](int i) { return "/products/hot" + std::to_string(i); };
    for (int round = 0; round < 4; ++round) {
        for (int i = 0; i < 50; ++i) {
            if (!w.has(hot(i))) {
                w.fetch(hot(i), {.body = body});
            }
        }
    }
    for (int i = 0; i < 10'000; ++i) {  // a crawler: each once
        w.fetch("/products/" + std::to_string(i), {.body = body});
    }
    int kept = 0;
    for (int i = 0; i < 50; ++i) {
        kept += w.has(hot(i)) ? 1 : 0;
    }
    CHECK(kept == 50);
}

TEST_CASE("what is popular by turns moves in: a new hot set takes the old one's place") {
    near_world w(256 << 10);
    auto const body = std::string(1'500, 'b');
    auto const ask_for = [&](std::string const& target) {
        if (w.has(target)) {
            return true;
        }
        w.fetch(target, {.body = body});
        return false;
    };
    for (int era = 0; era < 4; ++era) {
        int hits = 0;
        int asked = 0;
        for (int round = 0; round < 40; ++round) {
            for (int i = 0; i < 60; ++i) {
                auto const hit =
                    ask_for("/products/" + std::to_string(era) + "-" + std::to_string(i));
                hits += round >= 20 && hit ? 1 : 0;
                asked += round >= 20 ? 1 : 0;
            }
        }
        CHECK(hits == asked);
    }
}

TEST_CASE("what is purged and asked for again comes back to where it was") {
    near_world w(256 << 10);
    auto const body = std::string(1'500, 'b');
    // Popular, in the main queue.
    w.fetch("/products/hot", {.body = body});
    w.has("/products/hot");
    w.has("/products/hot");
    for (int i = 0; i < 200; ++i) {
        w.fetch("/products/" + std::to_string(i), {.body = body});
    }
    REQUIRE(w.has("/products/hot"));
    w.drop("product:hot*");
    REQUIRE_FALSE(w.has("/products/hot"));
    w.fetch("/products/hot", {.body = body});
    for (int i = 200; i < 240; ++i) {  // more than the small queue holds
        w.fetch("/products/" + std::to_string(i), {.body = body});
    }
    CHECK(w.has("/products/hot"));
}

TEST_CASE("an entry is found again by its name as long as it may be served") {
    near_world w;
    w.fetch("/products/1");
    auto const name = w.find("/products/1")->name();
    CHECK(w.cache.find_again(name, w.now)->body() == "{}");

    SUBCASE("not after a drop of one of its tags") {
        w.drop("product:1*");
        CHECK_FALSE(w.cache.find_again(name, w.now));
        w.fetch("/products/1");
    }
    SUBCASE("not without a lease") {
        w.lease.revoke();
        CHECK_FALSE(w.cache.find_again(name, w.now));
        w.lease.grant(w.now + 1h);
        CHECK(w.cache.find_again(name, w.now));
        return;
    }
    SUBCASE("not when its time is over") {
        w.pass(11min);
        w.lease.grant(w.now + 1h);
        CHECK_FALSE(w.cache.find_again(name, w.now));
        w.fetch("/products/1");
    }
    SUBCASE("not when another one has taken its place") {
        w.fetch("/products/1", {.body = "new"});
    }
    // Whatever lies under that key now has a name of its own.
    REQUIRE(w.has("/products/1"));
    CHECK_FALSE(w.cache.find_again(name, w.now));
}

TEST_CASE("a head is known from its second hit on, and what is known stays within its bytes") {
    cache::known_requests known(64 << 10, 1);
    CHECK(known.find("GET /1") == nullptr);
    CHECK(known.note("GET /1", "key:1") == nullptr);
    CHECK(known.find("GET /1") == nullptr);
    REQUIRE(known.note("GET /1", "key:1") != nullptr);
    REQUIRE(known.find("GET /1") != nullptr);
    CHECK(known.find("GET /1")->key == "key:1");
    CHECK(known.find("GET /2") == nullptr);
    for (int i = 0; i < 10'000; ++i) {
        auto const head = "GET /many/" + std::to_string(i);
        known.note(head, "key");
        known.note(head, "key");
    }
    CHECK(known.bytes() <= 64 << 10);
}
