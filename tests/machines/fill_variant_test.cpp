// Variants (RFC 9111 section 4.1): the first lies under the plain key, the others in its slots.
#include "proxy/cache/fill_table.hpp"
#include "rules/vary.hpp"
#include "tests/machines/fill_world.hpp"
#include "tests/support/run_task.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

using namespace sidecache;
using telemetry::request_result;
using test::fill_world;

namespace {

using calls = std::vector<std::shared_ptr<test::call>>;

std::string speaking(std::string_view language) {
    return "Accept-Language: " + std::string(language) + "\r\n";
}

std::shared_ptr<test::call> ask(fill_world& w, std::string_view language, std::size_t replica = 0) {
    return w.get("/products/1", replica, speaking(language));
}

/// Answers every fetch that waits, in the language it asks for.
std::size_t answer(fill_world& w, std::size_t from, std::string_view vary = "Accept-Language") {
    auto i = from;
    for (; i < w.upstream().count(); ++i) {
        auto& fetch = w.upstream()[i];
        auto const language = fetch.request.fields.find("Accept-Language").value_or("none");
        fetch.answer(200, "in " + std::string(language), {{"Vary", std::string(vary)}});
        w.settle();
    }
    return i;
}

std::size_t got(calls const& crowd, std::string_view body) {
    std::size_t out = 0;
    for (auto const& c : crowd) {
        out += c->done && c->client.complete && c->client.body == body ? 1 : 0;
    }
    return out;
}

/// What Cache-Status names as its key.
std::string key_of(test::call const& c) {
    auto const text = c.cache_status();
    auto const at = text.find("key=\"");
    return at == std::string::npos ? "" : text.substr(at + 5, text.find('"', at + 5) - at - 5);
}

bool is_hit(test::call const& c) {
    return c.cache_status().starts_with("sidecache; hit;");
}

std::string const plain = "product:1:details";

/// The bytes under a key, as the store has them.
task<std::string> bytes_of(fill_world& w, std::string key) {
    auto const store = w.hub().make_store(w.context, {});
    rules::tag_list const none;
    auto const reading = co_await store->read(key, none);
    co_return reading && reading->entry ? std::string(*reading->entry) : std::string();
}

/// Puts bytes under a key, without a tag.
task<void> write(fill_world& w, std::string key, std::string bytes) {
    auto const store = w.hub().make_store(w.context, {});
    rules::tag_list const none;
    store::put_request put;
    put.key = key;
    put.bytes = bytes;
    put.ttl = std::chrono::minutes(1);
    put.tags = &none;
    auto const done = co_await store->put(put);
    CHECK(done.has_value());
}

}  // namespace

TEST_CASE("each variant is fetched once and then a hit, the first under the plain key") {
    fill_world w;
    auto const en = ask(w, "en");
    auto at = answer(w, 0);
    auto const de = ask(w, "de");
    at = answer(w, at);
    REQUIRE(at == 2);
    CHECK(en->client.body == "in en");
    CHECK(key_of(*en) == plain);
    CHECK(de->client.body == "in de");
    CHECK(key_of(*de).starts_with(plain + "|variant="));
    CHECK(de->cache_status().find("; fwd=miss; stored;") != std::string::npos);
    for (int i = 0; i < 3; ++i) {
        auto const again_en = ask(w, "en");
        auto const again_de = ask(w, "de");
        CHECK(is_hit(*again_en));
        CHECK(again_en->client.body == "in en");
        CHECK(is_hit(*again_de));
        CHECK(again_de->client.body == "in de");
        CHECK(key_of(*again_de) == key_of(*de));
    }
    CHECK(w.upstream().count() == 2);
    CHECK(w[0].count("details", request_result::hit) == 6);
}

TEST_CASE("only a mismatch costs a second read") {
    fill_world w;
    ask(w, "en");
    answer(w, 0);
    ask(w, "de");
    answer(w, 1);
    auto const reads = w.store().count("read");
    ask(w, "en");
    CHECK(w.store().count("read") == reads + 1);
    ask(w, "de");
    CHECK(w.store().count("read") == reads + 3);
}

TEST_CASE("HEAD is answered from its own variant, or passed on") {
    fill_world w;
    ask(w, "en");
    answer(w, 0);
    auto const missed = w.get("/products/1", 0, speaking("de"), "HEAD");
    REQUIRE(w.upstream().count() == 2);
    CHECK(w.upstream()[1].request.method == "HEAD");
    w.upstream()[1].answer(200, "");
    w.settle();
    ask(w, "de");
    answer(w, 2);
    auto const found = w.get("/products/1", 0, speaking("de"), "HEAD");
    CHECK(is_hit(*found));
    CHECK(found->client.body.empty());
    CHECK(found->field("Content-Length") == "5");
}

TEST_CASE("a cold crowd of many variants is one fetch a variant") {
    fill_world w;
    calls crowd;
    std::vector<std::string> const languages{"en", "de", "fr", "it", "pt"};
    for (int i = 0; i < 200; ++i) {
        auto const& language = languages[static_cast<std::size_t>(i) % languages.size()];
        crowd.push_back(w.begin_get("/products/1", 0, speaking(language)));
    }
    w.settle();
    REQUIRE(w.upstream().count() == 1);
    answer(w, 0);
    // The four others have learnt that the response varies, and meet at their variants.
    for (auto const& language : languages) {
        CHECK(got(crowd, "in " + language) == 40);
    }
    CHECK(w.upstream().count() == languages.size());
    CHECK(w[0].process.fills().size() == 0);
    CHECK(w[0].count("details", request_result::miss) == 5);
    CHECK(w[0].count("details", request_result::coalesced) == 195);
}

TEST_CASE("a crowd that knows of another variant is one fetch") {
    fill_world w;
    ask(w, "en");
    answer(w, 0);
    calls crowd;
    SUBCASE("all at once") {
        for (int i = 0; i < 100; ++i) {
            crowd.push_back(w.begin_get("/products/1", 0, speaking("de")));
        }
        w.settle();
    }
    SUBCASE("one by one") {
        for (int i = 0; i < 100; ++i) {
            crowd.push_back(ask(w, "de"));
        }
    }
    REQUIRE(w.upstream().count() == 2);
    answer(w, 1);
    CHECK(got(crowd, "in de") == 100);
    CHECK(w.upstream().count() == 2);
}

TEST_CASE("a joiner whose variant lies in its slot already asks nobody") {
    fill_world w;
    ask(w, "en");
    answer(w, 0);
    ask(w, "de");
    answer(w, 1);
    // The plain key's entry goes; its slots stay.
    test::run_task(w.context, write(w, plain, "no entry"));
    auto const en = ask(w, "en");
    auto const de = ask(w, "de");  // joins what may be for it
    REQUIRE(w.upstream().count() == 3);
    answer(w, 2);
    CHECK(en->client.body == "in en");
    CHECK(de->client.body == "in de");
    CHECK(is_hit(*de));
    CHECK(w.upstream().count() == 3);
}

TEST_CASE("variants do not wait for each other") {
    fill_world w;
    ask(w, "en");
    answer(w, 0);
    auto const de = ask(w, "de");
    auto const fr = ask(w, "fr");
    REQUIRE(w.upstream().count() == 3);
    w.upstream()[2].answer(200, "in fr", {{"Vary", "Accept-Language"}});
    w.settle();
    CHECK(fr->client.body == "in fr");
    CHECK_FALSE(de->done);
    answer(w, 1);
    CHECK(de->client.body == "in de");
}

TEST_CASE("variants that share a slot replace each other, and nobody gets the wrong one") {
    fill_world w;
    ask(w, "en");
    auto at = answer(w, 0);
    // Eight others in seven slots: two of them meet.
    std::set<std::string> keys;
    std::vector<std::string> met;
    for (char c = 'a'; met.empty(); ++c) {
        std::string const language{'x', '-', c};
        auto const first = ask(w, language);
        at = answer(w, at);
        CHECK(first->client.body == "in " + language);
        if (!keys.insert(key_of(*first)).second) {
            met.push_back(language);
            met.push_back(key_of(*first));
        }
    }
    CHECK(keys.size() <= rules::variant_slots);
    CHECK(is_hit(*ask(w, met[0])));
    // Whom it has replaced fetches anew.
    for (char c = 'a'; c < met[0].back(); ++c) {
        std::string const language{'x', '-', c};
        auto const again = ask(w, language);
        if (key_of(*again) == met[1] && !again->done) {
            break;
        }
        at = answer(w, at);
        CHECK(again->client.body == "in " + language);
    }
}

TEST_CASE("two crowds in one slot are two fetches, not a herd") {
    // Languages whose slots collide, found by asking.
    std::vector<std::string> pair;
    {
        fill_world w;
        ask(w, "en");
        auto at = answer(w, 0);
        std::map<std::string, std::string> by_key;
        for (char c = 'a'; pair.empty(); ++c) {
            std::string const language{'x', '-', c};
            auto const call = ask(w, language);
            at = answer(w, at);
            auto const [where, is_new] = by_key.emplace(key_of(*call), language);
            if (!is_new) {
                pair = {where->second, language};
            }
        }
    }
    fill_world w;
    ask(w, "en");
    answer(w, 0);
    calls crowd;
    for (int i = 0; i < 60; ++i) {
        crowd.push_back(
            w.begin_get("/products/1", 0, speaking(pair[static_cast<std::size_t>(i) % 2])));
    }
    w.settle();
    CHECK(w.upstream().count() == 3);
    answer(w, 1);
    CHECK(got(crowd, "in " + pair[0]) == 30);
    CHECK(got(crowd, "in " + pair[1]) == 30);
    CHECK(w.upstream().count() == 3);
}

TEST_CASE("a client that makes up values fills seven slots and no more") {
    fill_world w;
    ask(w, "en");
    auto at = answer(w, 0);
    for (int i = 0; i < 300; ++i) {
        ask(w, "x-" + std::to_string(i));
        at = answer(w, at);
    }
    std::set<std::string> keys;
    for (auto const& line : w.store().calls) {
        if (line.starts_with("put ")) {
            keys.insert(line.substr(4));
        }
    }
    CHECK(keys.size() == 1 + rules::variant_slots);
    CHECK(is_hit(*ask(w, "en")));  // who was first is not driven out
}

TEST_CASE("a purge ends every variant at once, and removes their keys") {
    fill_world w;
    for (std::string const language : {"en", "de", "fr"}) {
        ask(w, language);
        answer(w, w.upstream().count() - 1);
    }
    auto const before = w.upstream().count();
    REQUIRE(before == 3);
    std::string tag;
    SUBCASE("by the rule") {
        tag = "rule:details";
    }
    SUBCASE("by the path") {
        tag = "path:/products/1";
    }
    SUBCASE("by a pattern") {
        tag = "product:1*";
    }
    w.purge(tag);
    for (auto const& c : {ask(w, "fr"), ask(w, "de"), ask(w, "en")}) {
        CHECK_FALSE(is_hit(*c));
    }
    REQUIRE(w.upstream().count() == before + 1);  // nobody knows yet that it varies
    answer(w, before);
    CHECK(w.upstream().count() == before + 3);
}

TEST_CASE("a variant that was filled while a mutation was under way is not stored") {
    fill_world w;
    ask(w, "en");
    answer(w, 0);
    auto const de = ask(w, "de");
    REQUIRE(w.upstream().count() == 2);
    w.purge("rule:details");
    answer(w, 1);  // under generations that are gone
    CHECK(de->client.body == "in de");
    auto const puts = w.store().count("put");
    CHECK(puts == 2);
    CHECK_FALSE(is_hit(*ask(w, "de")));
}

TEST_CASE("a filler that finds another variant under the plain key leaves it there") {
    // Both replicas have read nothing; the first has stored its variant when the second's snapshot
    // reads again.
    fill_world w(2);
    auto const door = w[1].store.hold("begin_fill");
    auto const de = ask(w, "de", 1);
    REQUIRE(door->reached);
    auto const joined = ask(w, "de", 1);
    auto const joined_en = ask(w, "en", 1);
    auto const en = ask(w, "en", 0);
    answer(w, 0);
    CHECK(en->client.body == "in en");
    door->open();
    w.settle();
    REQUIRE(w[1].upstream.count() == 1);
    w[1].upstream[0].answer(200, "in de", {{"Vary", "Accept-Language"}});
    w.settle();
    CHECK(de->client.body == "in de");
    CHECK(key_of(*de).starts_with(plain + "|variant="));
    CHECK(joined->client.body == "in de");
    CHECK(joined_en->client.body == "in en");
    CHECK(is_hit(*joined_en));
    CHECK(w[1].upstream.count() == 1);
    CHECK(is_hit(*ask(w, "en", 1)));
    CHECK(is_hit(*ask(w, "de", 0)));
}

TEST_CASE("each variant has its own lock across replicas") {
    fill_world w(2);
    auto const locked = [&](std::string_view language, std::size_t replica) {
        return w.get("/locked/1", replica, speaking(language));
    };
    auto const varied = [](test::stepped_upstream::fetch& fetch, std::string_view body) {
        fetch.answer(200, body, {{"Vary", "Accept-Language"}});
    };
    locked("en", 0);
    varied(w[0].upstream[0], "in en");
    w.settle();
    auto const de = locked("de", 0);
    auto const fr = locked("fr", 1);  // does not wait for the other's
    auto const de_too = locked("de", 1);
    REQUIRE(w[0].upstream.count() == 2);
    REQUIRE(w[1].upstream.count() == 1);
    varied(w[1].upstream[0], "in fr");
    w.settle();
    CHECK(fr->client.body == "in fr");
    CHECK_FALSE(de_too->done);
    varied(w[0].upstream[1], "in de");
    w.settle();
    CHECK(de->client.body == "in de");
    CHECK(de_too->client.body == "in de");
    CHECK(w[1].upstream.count() == 1);
    for (auto const& c : w[0].store.calls) {
        CAPTURE(c);
        CHECK_FALSE(c.starts_with("release_lock"));  // each went with its put
    }
}

TEST_CASE("what a variant's fill brings for others is not theirs") {
    // The plain entry varies on one field; what comes for a variant varies on another one.
    fill_world w;
    w.get("/products/1", 0, "A: 1\r\n");
    w.upstream()[0].answer(200, "first", {{"Vary", "A"}});
    w.settle();
    auto const b1 = w.get("/products/1", 0, "A: 2\r\nB: 1\r\n");
    auto const b2 = w.get("/products/1", 0, "A: 2\r\nB: 2\r\n");
    REQUIRE(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "b1", {{"Vary", "A, B"}});
    w.settle();
    CHECK(b1->client.body == "b1");
    REQUIRE(w.upstream().count() == 3);
    w.upstream()[2].answer(200, "b2", {{"Vary", "A, B"}});
    w.settle();
    CHECK(b2->client.body == "b2");
    CHECK(w.get("/products/1", 0, "A: 1\r\nB: 9\r\n")->client.body == "first");
}

TEST_CASE("two spellings of one wish are one variant") {
    fill_world w;
    auto const with = [](std::string_view codings) {
        return "Accept-Encoding: " + std::string(codings) + "\r\n";
    };
    w.get("/products/1", 0, with("gzip, deflate, br"));
    w.upstream()[0].answer(200, "zipped", {{"Vary", "Accept-Encoding"}});
    w.settle();
    auto const again = w.get("/products/1", 0, with("GZIP,deflate;q=1.0,,br"));
    CHECK(is_hit(*again));
    CHECK(key_of(*again) == plain);
    w.get("/products/1", 0, with("br, gzip, deflate"));
    CHECK(w.upstream().count() == 2);
    w.upstream()[1].answer(200, "zipped", {{"Vary", "Accept-Encoding"}});
    w.settle();
}

TEST_CASE("a response that varies on what the backend did not get from the client is not stored") {
    fill_world w;
    SUBCASE("the proxy adds the client's address") {
        w.get("/products/1");
        w.upstream()[0].answer(200, "x", {{"Vary", "X-Forwarded-For"}});
    }
    SUBCASE("each fetch has its own id") {
        w.get("/products/1");
        w.upstream()[0].answer(200, "x", {{"Vary", "Accept, X-Request-Id"}});
    }
    SUBCASE("the client kept the field from the backend") {
        w.get("/products/1", 0, "X-Theme: dark\r\nConnection: X-Theme\r\n");
        REQUIRE_FALSE(w.upstream()[0].request.fields.find("X-Theme"));
        w.upstream()[0].answer(200, "x", {{"Vary", "X-Theme"}});
    }
    w.settle();
    CHECK(w.store().count("put") == 0);
}

TEST_CASE("what the proxy adds alike for everybody keeps nothing from being stored") {
    fill_world w;
    w.get("/products/1");
    w.upstream()[0].answer(200, "x", {{"Vary", "X-Forwarded-Proto, X-Forwarded-Host, Host"}});
    w.settle();
    CHECK(is_hit(*w.get("/products/1")));
}

TEST_CASE("a full key that differs is another request, under the plain key and in a slot") {
    fill_world w;
    ask(w, "en");
    answer(w, 0);
    auto const de = ask(w, "de");
    answer(w, 1);
    // The bytes of one key under another's name: somebody's hand, or a collision of names.
    auto const copy = [&](std::string const& from, std::string const& to) {
        test::run_task(w.context, write(w, to, test::run_task(w.context, bytes_of(w, from))));
    };
    SUBCASE("the variant's entry where the plain one was") {
        copy(key_of(*de), plain);
        CHECK_FALSE(is_hit(*ask(w, "de")));
    }
    SUBCASE("the plain one where the variant was") {
        copy(plain, key_of(*de));
        CHECK_FALSE(is_hit(*ask(w, "de")));
    }
    CHECK(w.upstream().count() == 3);
}

TEST_CASE("an entry with a damaged byte is no hit, wherever it lies, and is fetched anew") {
    fill_world w;
    ask(w, "en");
    answer(w, 0);
    auto const de = ask(w, "de");
    answer(w, 1);
    for (auto const& [key, language] : {std::pair(plain, "en"), std::pair(key_of(*de), "de")}) {
        auto bytes = test::run_task(w.context, bytes_of(w, key));
        REQUIRE(bytes.size() > 8);
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
        test::run_task(w.context, write(w, key, bytes));
        auto const before = w.upstream().count();
        auto const again = ask(w, language);
        CHECK_FALSE(is_hit(*again));
        REQUIRE(w.upstream().count() == before + 1);
        answer(w, before);
        CHECK(again->client.body == "in " + std::string(language));
        CHECK(is_hit(*ask(w, language)));
    }
}
