// Where the near cache stands in the life of a request: before the store, behind whatever says that
// nothing may be served from a cache.
#include "proxy/cache/pending_purges.hpp"
#include "tests/machines/fill_world.hpp"

#include <doctest/doctest.h>

using namespace sidecache;
using test::fill_world;

namespace {

constexpr std::size_t some = 1 << 20;

bool is_near(test::call const& c) {
    return c.cache_status().ends_with("; detail=near");
}
bool is_from_store(test::call const& c) {
    return c.cache_status().ends_with("; detail=store");
}

/// A product in the store, and nothing near.
struct near_fill_world : fill_world {
    explicit near_fill_world(std::size_t near_bytes = some)
        : fill_world(1, test::fill_rules, near_bytes) {
        auto const c = get("/products/1");
        upstream().fetches.back()->answer(200, "{}", {{"ETag", "\"v1\""}});
        settle();
        REQUIRE(c->client.complete);
    }
    std::size_t reads() { return store().count("read"); }
};

}  // namespace

TEST_CASE("the first hit comes from the store and is kept, the next ones come from memory") {
    near_fill_world w;
    auto const first = w.get("/products/1");
    CHECK(is_from_store(*first));
    auto const reads = w.reads();

    auto const near = w.get("/products/1");
    CHECK(is_near(*near));
    CHECK(near->cache_status().starts_with("sidecache; hit; ttl="));
    CHECK(near->cache_status().find("key=\"product:1:details\"") != std::string::npos);
    CHECK(near->client.body == "{}");
    CHECK(near->field("ETag") == "\"v1\"");
    CHECK(near->field("Age") == "0");
    CHECK(near->field("Content-Length") == "2");
    CHECK(near->client.prepared_head.ends_with("\r\n\r\n"));
    CHECK(w.reads() == reads);
    CHECK(
        w[0].metrics("details").hits[static_cast<std::size_t>(telemetry::hit_tier::near)].value() ==
        1);
    CHECK(w[0].metrics("details")
              .hits[static_cast<std::size_t>(telemetry::hit_tier::store)]
              .value() == 1);
    CHECK(w[0].count("details", telemetry::request_result::hit) == 2);
}

TEST_CASE("a fill alone puts nothing into memory: only what was read under valid tags is kept") {
    near_fill_world w;
    CHECK(w[0].near->size() == 0);
}

TEST_CASE("HEAD is answered from memory with the head alone") {
    near_fill_world w;
    w.get("/products/1");
    auto const head = w.get("/products/1", 0, {}, "HEAD");
    CHECK(is_near(*head));
    CHECK(head->client.body.empty());
    CHECK(head->field("Content-Length") == "2");
}

TEST_CASE("a message drops what is held; the store decides what comes next") {
    near_fill_world w;
    w.get("/products/1");
    auto const mutation = w.begin("product:1*");
    w[0].drop("product:1*");
    auto const during = w.get("/products/1");
    CHECK(during->cache_status().empty());  // waits for the upstream
    w.upstream().fetches.back()->answer(200, "{\"new\": 1}");
    w.settle();
    w.end(mutation, "product:1*", store::end_action::bump);
    CHECK(w[0].near->size() == 0);
}

TEST_CASE("a read of the store that a drop overtakes is answered and not kept") {
    near_fill_world w;
    auto const door = w.store().hold_reply("read");
    auto const reader = w.get("/products/1");
    REQUIRE(door->reached);
    w[0].drop("product:1*");
    door->open();
    w.settle();
    CHECK(is_from_store(*reader));
    CHECK(is_from_store(*w.get("/products/1")));
    CHECK(is_near(*w.get("/products/1")));
}

TEST_CASE("a purge that the store has not had yet stops near hits, too") {
    near_fill_world w;
    w.get("/products/1");
    {
        auto held = w[0].shared.pending.hold({"product:1*"}, w.config().rules);
        auto const covered = w.get("/products/1");
        CHECK(covered->cache_status().empty());  // to the upstream
        w.upstream().fetches.back()->answer(200, "{}");
        w.settle();
        held.release();
    }
    CHECK(is_near(*w.get("/products/1")));
}

TEST_CASE("after a reload the store is asked again") {
    near_fill_world w;
    w.get("/products/1");
    REQUIRE(is_near(*w.get("/products/1")));
    w[0].reload();
    CHECK(is_from_store(*w.get("/products/1")));
    CHECK(is_near(*w.get("/products/1")));
}

TEST_CASE("with near_cache.size 0 every hit comes from the store") {
    near_fill_world w(0);
    for (int i = 0; i < 3; ++i) {
        CHECK(is_from_store(*w.get("/products/1")));
    }
}

TEST_CASE("every variant of a key is served from memory once it was found") {
    near_fill_world w;
    auto const fill = [&](std::string_view language) {
        auto const fields = std::string("Accept-Language: ").append(language).append("\r\n");
        auto const c = w.get("/products/2", 0, fields);
        w.upstream().fetches.back()->answer(200, language, {{"Vary", "Accept-Language"}});
        w.settle();
        REQUIRE(c->client.complete);
    };
    auto const ask = [&](std::string_view language) {
        auto const fields = std::string("Accept-Language: ").append(language).append("\r\n");
        return w.get("/products/2", 0, fields);
    };
    fill("de");
    fill("fr");
    CHECK(is_from_store(*ask("de")));
    CHECK(is_from_store(*ask("fr")));
    auto const reads = w.reads();
    for (std::string_view const language : {"de", "fr"}) {
        auto const near = ask(language);
        CHECK(is_near(*near));
        CHECK(near->client.body == language);
    }
    CHECK(w.reads() == reads);
    w[0].drop("product:2*");
    CHECK(is_from_store(*ask("fr")));
}
