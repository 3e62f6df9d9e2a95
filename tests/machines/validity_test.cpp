// What makes a stored entry a hit (protocol.md section 2), one condition at a time.
#include "proxy/cache/validity.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace sidecache;
using namespace std::chrono_literals;
using cache::validity;

namespace {

constexpr unix_ms now = 1'764'000'000'000;
boot_clock::time_point const boot{3600s};
store::id128 const server{1, 1};

/// An entry that is a hit, a reading that makes it one, and every part open to change.
struct bench {
    rules::decision wanted;
    std::vector<store::generation> filled_under{{7, 1}, {7, 2}, {7, 3}};
    store::entry_to_store stored;
    rules::tag_list stored_tags;
    std::vector<std::pair<std::string, std::string>> vary;
    store::answered_by by{server, boot - 100ms, now};
    std::vector<store::tag_reading> tags;
    std::vector<rules::field> fields;
    cache::moment at;
    store::entry entry;
    bool absent = false;

    bench() {
        wanted.key = "product:42:details";
        wanted.full_key = wanted.key;
        for (auto const* tag : {"rule:details", "path:/products/42", "product:42*"}) {
            wanted.tags.add(tag);
            stored_tags.add(tag);
        }
        for (auto const& g : filled_under) {
            auto& tag = tags.emplace_back();
            tag.present = true;
            tag.gen = g;
        }
        stored.full_key = wanted.full_key;
        stored.server = server;
        stored.fetched_at = now - 1000;
        stored.ttl_ms = 600'000;
        stored.status = 200;
        stored.head = "HTTP/1.1 200 OK\r\n";
        stored.body = "{}";
        at.now = now;
        at.boot = boot;
        at.lease = 500ms;
    }

    std::string judge() {
        stored.tags = &stored_tags;
        stored.generations = filled_under;
        stored.vary = vary;
        auto const bytes =
            absent ? nullptr : std::make_shared<std::string const>(store::encode_entry(stored));
        rules::request asked;
        asked.method = "GET";
        asked.target = "/products/42";
        asked.fields = fields;
        return std::string(name(cache::judge(bytes, by, tags, wanted, asked, at, entry)));
    }
};

}  // namespace

TEST_CASE("entry and tags exist, nothing is marked, every generation is the same: a hit") {
    bench b;
    CHECK(b.judge() == "hit");
    CHECK(b.entry.body == "{}");
}

TEST_CASE("anything else is a miss") {
    bench b;
    SUBCASE("nothing is stored") {
        b.absent = true;
        CHECK(b.judge() == "absent");
    }
    SUBCASE("the entry was stored for a request that only renders to the same key") {
        b.stored.full_key = "product:42:details\nid=4%32";
        CHECK(b.judge() == "other_request");
    }
    SUBCASE("a purge that the store has not had covers it") {
        b.at.pending_purge = true;
        CHECK(b.judge() == "pending_purge");
    }
    SUBCASE("the entry was filled under another server's generations") {
        b.stored.server = {1, 2};
        CHECK(b.judge() == "other_server");
    }
    SUBCASE("a tag is gone from the store") {
        b.tags[2].present = false;
        CHECK(b.judge() == "tag_missing");
    }
    SUBCASE("the reader's rules give the request a tag that the entry was filled without") {
        b.wanted.tags.add("schema:*:products");
        b.tags.push_back(b.tags[0]);
        CHECK(b.judge() == "tag_missing");
    }
    SUBCASE("a mutation is under way") {
        b.tags[2].marker = true;
        CHECK(b.judge() == "marked");
    }
    SUBCASE("a generation has changed") {
        b.tags[1].gen = {9, 9};
        CHECK(b.judge() == "purged");
    }
    SUBCASE("it was selected by another language") {
        b.vary = {{"accept-language", "de"}};
        b.fields = {{"Accept-Language", "fr"}};
        CHECK(b.judge() == "vary");
    }
    SUBCASE("its time is over") {
        b.stored.fetched_at = now - 600'000;
        CHECK(b.judge() == "stale");
    }
}

TEST_CASE("damaged bytes are a miss, whatever they are") {
    bench b;
    b.stored.tags = &b.stored_tags;
    b.stored.generations = b.filled_under;
    auto const good = store::encode_entry(b.stored);
    rules::request const asked{"GET", "/products/42", "shop", {}, false, {}};
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 0x20);
        auto const bytes = std::make_shared<std::string const>(bad);
        auto const v = cache::judge(bytes, b.by, b.tags, b.wanted, asked, b.at, b.entry);
        CHECK(v != validity::hit);
    }
}

TEST_CASE("the order of tags in the entry does not matter, nor do tags of other rules") {
    bench b;
    b.stored_tags.clear();
    for (auto const* tag : {"product:42*", "gone:*", "rule:details", "path:/products/42"}) {
        b.stored_tags.add(tag);
    }
    b.filled_under = {{7, 3}, {7, 9}, {7, 1}, {7, 2}};
    CHECK(b.judge() == "hit");
}

TEST_CASE("a hit counts within one lease of the identity check's sending") {
    bench b;
    SUBCASE("just inside") {
        b.by.checked_at = boot - 499ms;
        CHECK(b.judge() == "hit");
    }
    SUBCASE("a lease later") {
        b.by.checked_at = boot - 500ms;
        CHECK(b.judge() == "unverified");
    }
}

TEST_CASE("an intent stops nothing until its deadline by the server's clock") {
    bench b;
    SUBCASE("before") {
        b.tags[2].intent_deadline = now + 1;
        CHECK(b.judge() == "hit");
    }
    SUBCASE("at it") {
        b.tags[2].intent_deadline = now;
        CHECK(b.judge() == "overdue");
    }
}

TEST_CASE("a reader with the same field values has the entry that varies by them") {
    bench b;
    b.vary = {{"accept-language", "de"}};
    b.fields = {{"Accept-Language", "de"}};
    CHECK(b.judge() == "hit");
}

TEST_CASE("what was seen is clean only with every tag, no mark, and a verified server") {
    bench b;
    auto const see = [&] { return cache::see(b.by, b.tags, b.at); };
    CHECK(see().clean);
    SUBCASE("marker") {
        b.tags[0].marker = true;
        CHECK_FALSE(see().clean);
        CHECK_FALSE(see().only_missing);
    }
    SUBCASE("overdue intent") {
        b.tags[0].intent_deadline = now;
        CHECK_FALSE(see().clean);
    }
    SUBCASE("missing tag") {
        b.tags[0].present = false;
        CHECK_FALSE(see().clean);
        CHECK(see().only_missing);
    }
    SUBCASE("missing tag and a marker") {
        b.tags[0].present = false;
        b.tags[1].marker = true;
        CHECK_FALSE(see().only_missing);
    }
    SUBCASE("unverified") {
        b.by.checked_at = boot - 1s;
        CHECK_FALSE(see().clean);
    }
    SUBCASE("pending purge") {
        b.at.pending_purge = true;
        CHECK_FALSE(see().clean);
    }
}

TEST_CASE("the same ground: same server, same generations, both clean") {
    bench b;
    auto const one = cache::see(b.by, b.tags, b.at);
    CHECK(one.same_ground(one));
    auto const other = [&] { return cache::see(b.by, b.tags, b.at); };
    SUBCASE("another generation") {
        b.tags[2].gen = {8, 8};
        CHECK_FALSE(one.same_ground(other()));
    }
    SUBCASE("another server") {
        b.by.server = {1, 2};
        CHECK_FALSE(one.same_ground(other()));
    }
    SUBCASE("a marker on both") {
        b.tags[2].marker = true;
        CHECK_FALSE(other().same_ground(other()));
    }
    SUBCASE("nothing seen at all") {
        CHECK_FALSE(cache::sight{}.same_ground(cache::sight{}));
    }
}
