// Writes that pass sidecache by, told of through a Redis Stream: nobody is served what was before
// them once the message is done with, and no message is lost, whoever dies.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sidecache::tests;

namespace {

stack_options with_events(std::string const& lease = "500ms") {
    auto o = patient();
    o.settings = "workers: 1\nnear_cache: {lease: " + lease +
                 "}\nevents: {stream: product-events, claim_after: 1s}\n";
    return o;
}

/// A write at the backend that no replica sees.
void patch_behind(stack& s, std::int64_t id) {
    auto const r = fetch(s.backend().port(),
                         "PATCH",
                         "/products/" + std::to_string(id),
                         org1,
                         R"({"priceCents": 7})");
    REQUIRE(r.status == 200);
}

std::string add(stack& s, std::vector<std::string> fields) {
    fields.insert(fields.begin(), {"XADD", "product-events", "*"});
    return s.redis().cli(fields);
}

double outcome(stack& s, std::string const& what) {
    double sum = 0;
    for (std::size_t i = 0; i < s.size(); ++i) {
        sum += s[i].metric("sidecache_events_total", {"outcome=\"" + what + "\""});
    }
    return sum;
}

long long pending(stack& s) {
    return s.redis().command({"XPENDING", "product-events", "sidecache"}).items[0].number();
}

void wait_for_group(stack& s) {
    REQUIRE(eventually([&] { return s.redis().exists("product-events"); }));
}

}  // namespace

TEST_CASE("a message, and every replica forgets what a write elsewhere has changed") {
    stack s(with_events());
    wait_for_group(s);
    std::vector<std::vector<std::string>> const messages{
        {"pattern", "product:1*"},
        {"key", "product:1:details"},
        {"rule", "product-details"},
        {"method", "PATCH", "uri", "/products/1"},
    };
    std::int64_t version = 1;
    for (auto const& message : messages) {
        REQUIRE(becomes_hit(s, 0, "/products/1"));
        REQUIRE(becomes_hit(s, 1, "/products/1"));
        patch_behind(s, 1);
        CHECK(version_of(s[0].get("/products/1")) == version);  // nobody has said a word
        ++version;
        auto const before = outcome(s, "applied");
        add(s, message);
        REQUIRE(eventually([&] { return outcome(s, "applied") == before + 1; }));
        CHECK(version_of(s[0].get("/products/1")) == version);
        CHECK(version_of(s[1].get("/products/1")) == version);
    }
    CHECK(eventually([&] { return pending(s) == 0; }));
    CHECK(eventually([&] { return s[0].metric("sidecache_events_lag") == 0; }));
    // Whichever replica was given a message shows it among its writes.
    std::size_t shown = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        auto const seen = json_of(s[i].admin("GET", "/stats/mutations"));
        for (auto const& m : seen.at("mutations").as_array()) {
            CHECK(m.at("purge") == "by event");
            CHECK(m.at("path") == "product-events");
            CHECK(m.at("outcome") == "changed");
            ++shown;
        }
    }
    CHECK(shown == messages.size());
    auto const state = json_of(s[0].admin("GET", "/stats")).at("events");
    CHECK(state.at("stream").as_string() == "product-events");
    CHECK(state.at("connected").as_bool());
}

TEST_CASE("garbage is passed over, and what comes behind it is not") {
    stack s(with_events());
    wait_for_group(s);
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    patch_behind(s, 1);
    add(s, {"nothing", "known"});
    add(s, {"pattern", "of no rule"});
    add(s, {"method", "GET", "uri", "/products/1"});
    add(s, {"pattern", std::string(100'000, 'x')});
    add(s, {std::string("\x00\xff\r\n", 4), std::string("\x00", 1)});
    add(s, {"pattern", "product:1*"});
    REQUIRE(eventually([&] { return outcome(s, "applied") == 1; }));
    CHECK(outcome(s, "malformed") == 5);
    CHECK(version_of(s[0].get("/products/1")) == 2);
    CHECK(eventually([&] { return pending(s) == 0; }));
}

TEST_CASE("kill -9 in the middle of a message: another replica does it") {
    // Invalidating waits for the other one's lease: long enough to die in it.
    stack s(with_events("3500ms"));
    wait_for_group(s);
    REQUIRE(becomes_hit(s, 1, "/products/1"));
    patch_behind(s, 1);
    s[1].server().pause();
    // Its last read of the stream is over: the message goes to the first one.
    REQUIRE(eventually([&] {
        auto const consumers =
            s.redis().command({"XINFO", "CONSUMERS", "product-events", "sidecache"});
        for (auto const& c : consumers.items) {
            if (c.items.at(5).number() > 1'500) {
                return true;
            }
        }
        return false;
    }));
    add(s, {"pattern", "product:1*"});
    REQUIRE(eventually([&] { return pending(s) == 1; }));
    s[0].kill();
    s[1].server().resume();
    CHECK(eventually(
        [&] { return s[1].metric("sidecache_events_total", {"outcome=\"applied\""}) == 1; }));
    CHECK(version_of(s[1].get("/products/1")) == 2);
    CHECK(eventually([&] { return pending(s) == 0; }));
}

TEST_CASE("Redis restarts with its data: what was written and not read yet is done afterwards") {
    stack s(with_events());
    wait_for_group(s);
    for (std::size_t i = 0; i < s.size(); ++i) {
        s[i].server().pause();
    }
    add(s, {"pattern", "product:1*"});
    s.redis().snapshot();
    s.redis().restart();
    for (std::size_t i = 0; i < s.size(); ++i) {
        s[i].server().resume();
    }
    CHECK(eventually([&] { return outcome(s, "applied") == 1; }));
    CHECK(eventually([&] { return pending(s) == 0; }));
}

TEST_CASE("ten thousand messages are done with, by both replicas together") {
    stack s(with_events());
    wait_for_group(s);
    s.redis().command({"EVAL",
                       "for i = 1, 10000 do redis.call('XADD', 'product-events', '*', 'pattern', "
                       "'product:' .. i .. "
                       "'*') end",
                       "0"});
    CHECK(eventually([&] { return outcome(s, "applied") == 10'000; }));
    CHECK(eventually([&] { return pending(s) == 0; }));
    CHECK(outcome(s, "malformed") == 0);
}

TEST_CASE("SIGTERM: the batch at hand is finished, and the group forgets the consumer") {
    stack s(with_events());
    wait_for_group(s);
    REQUIRE(eventually([&] {
        return s.redis()
                   .command({"XINFO", "CONSUMERS", "product-events", "sidecache"})
                   .items.size() == 2;
    }));
    s[0].server().terminate();
    CHECK(s[0].server().wait() == exit_status{0, 0});
    CHECK(s.redis().command({"XINFO", "CONSUMERS", "product-events", "sidecache"}).items.size() ==
          1);
}
