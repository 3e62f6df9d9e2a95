// Fetching before anybody asks: through the rules, at a pace, one run at a time.
#include "proxy/cache/warmer.hpp"

#include "proxy/cache/background_book.hpp"
#include "tests/machines/fill_world.hpp"

#include <doctest/doctest.h>

using namespace sidecache;
using namespace std::chrono_literals;
using how = telemetry::warm_outcome;
using test::fill_world;

namespace {

constexpr char const* warm_rules = R"(
upstream: {url: "http://127.0.0.1:3000", host: api}
store: {url: "memory://"}
warm: {rate: 1000, concurrency: 2, headers: {X-Warm: "yes"}, at_start: false}
rules:
  - name: item
    match: GET /items/{id}
    key: item:{id}
    ttl: 10m
    partition: none
    ttl_only: true
)";

struct warm_world : fill_world {
    warm_world() : fill_world(1, warm_rules) {}
    cache::warmer warmer{(*this)[0].parts};

    std::size_t count(how what) const {
        return warmer.progress().by_outcome.at(static_cast<std::size_t>(what));
    }
    bool sends(std::size_t n) {
        return until([&] { return upstream().count() == n; });
    }
    bool ends() {
        return until([&] { return !warmer.progress().is_running; });
    }
};

}  // namespace

TEST_CASE("a pace lets one through every so often, and saves nothing up") {
    cache::pace p(50);
    auto const start = std::chrono::steady_clock::time_point(1h);
    CHECK(p.take(start) == start);
    CHECK(p.take(start) == start + 20ms);
    CHECK(p.take(start + 5ms) == start + 40ms);
    CHECK(p.take(start + 1s) == start + 1s);  // no burst for the pause
    CHECK(p.take(start + 1s) == start + 1020ms);
}

TEST_CASE("each URI is fetched as by a client, and is a hit afterwards") {
    warm_world w;
    REQUIRE(w.warmer.start({"/items/1", "/items/2"}));
    REQUIRE(w.sends(2));
    auto const& sent = w.upstream()[0].request;
    CHECK(sent.target == "/items/1");
    CHECK(sent.host == "api");
    CHECK(sent.fields.find("X-Warm") == "yes");
    w.upstream()[0].answer(200, "one");
    w.upstream()[1].answer(200, "two");
    REQUIRE(w.ends());
    CHECK(w.count(how::stored) == 2);
    CHECK(w.get("/items/1")->client.body == "one");
    CHECK(w.get("/items/2")->client.body == "two");
    CHECK(w.upstream().count() == 2);
    CHECK(w[0].background.empty());
}

TEST_CASE("what is fresh, or what no rule keeps, is not fetched; what fails is counted") {
    warm_world w;
    auto const c = w.get("/items/1");
    w.upstream()[0].answer(200, "x");
    w.settle();
    REQUIRE(w.warmer.start({"/items/1", "/elsewhere", "/items/2", "/items/3", "/items/4?q=1"}));
    REQUIRE(w.sends(2));
    w.upstream()[1].fail(upstream::failure::broken);
    REQUIRE(w.sends(3));
    w.upstream()[2].answer(404, "");
    REQUIRE(w.ends());
    CHECK(w.count(how::fresh) == 1);
    CHECK(w.count(how::failed) == 1);
    CHECK(w.count(how::skipped) == 3);
    CHECK(w.warmer.progress().done == 5);
}

TEST_CASE("no more at once than configured, and one run at a time") {
    warm_world w;
    REQUIRE(w.warmer.start({"/items/1", "/items/2", "/items/3"}));
    REQUIRE(w.sends(2));
    CHECK_FALSE(w.warmer.start({"/items/9"}));
    CHECK(w.warmer.progress().total == 3);
    w.settle();
    CHECK(w.upstream().count() == 2);
    w.upstream()[0].answer(200, "x");
    REQUIRE(w.sends(3));
    w.upstream()[1].answer(200, "x");
    w.upstream()[2].answer(200, "x");
    REQUIRE(w.ends());
    CHECK(w.warmer.start({"/items/9"}));
    CHECK(w.warmer.progress().run == 2);
    w.warmer.stop();
}

TEST_CASE("a drain finishes what is under way and leaves the rest") {
    warm_world w;
    REQUIRE(w.warmer.start({"/items/1", "/items/2", "/items/3"}));
    REQUIRE(w.sends(2));
    w.warmer.stop();
    w.upstream()[0].answer(200, "x");
    w.upstream()[1].answer(200, "x");
    REQUIRE(w.ends());
    CHECK(w.warmer.progress().is_cut_short);
    CHECK(w.warmer.progress().done == 2);
    CHECK_FALSE(w.warmer.start({"/items/1"}));
}
