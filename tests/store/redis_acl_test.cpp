#include "tests/store/redis_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

/// The least rights, as config/redis.md has them.
using namespace sidecache;
using namespace sidecache::store;
using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

auto const tags = tags_of({"rule:details", "product:1*"});

/// The words of the page's ACL SETUSER.
std::vector<std::string> documented() {
    std::ifstream in(std::string(SIDECACHE_SOURCE) + "/config/redis.md");
    std::string const page{std::istreambuf_iterator<char>(in), {}};
    auto const at = page.find("\nACL SETUSER sidecache ");
    REQUIRE(at != std::string::npos);
    std::istringstream line(page.substr(at + 1, page.find('\n', at + 1) - at - 1));
    return {std::istream_iterator<std::string>(line), {}};
}

redis_settings settings_as_user(redis_server& server) {
    auto s = settings_for(server.port());
    s.where.user = "sidecache";
    s.where.password = "PASSWORD";
    return s;
}

std::string failure(redis_settings settings) {
    replica one(std::move(settings));
    auto const initial = one.s.status().last_error;
    one.run_until([&] { return one.s.status().last_error != initial; });
    return one.s.status().up ? std::string() : one.s.status().last_error;
}

std::size_t denials(redis_server& server) {
    return server.command({"ACL", "LOG"}).items.size();
}

}  // namespace

TEST_CASE("a user with the documented rights, and no others, is enough for everything") {
    redis_server server;
    server.command(documented());
    auto settings = settings_as_user(server);
    replica one(settings);
    bool stands = false;
    std::vector<std::string> heard;
    one.hub.announce("fingerprint", {"details"});
    one.hub.subscribe(
        one.io,
        [&](std::string_view payload) { heard.emplace_back(payload); },
        [&] { stands = true; });
    one.run_until([&] { return stands && one.s.status().up; });

    fill_request const f{
        "product:1", &tags, 1h, "product:1:lock", {7, 7}, 30s, "rule:details", 100};
    REQUIRE(one.run(one.s.begin_fill(f)).has_value());
    CHECK(one.run(one.s.extend_lock("product:1:lock", {7, 7}, 30s)).value());
    CHECK(one.run(one.s.lock_held("product:1:lock")).value());
    put_request const p{"product:1", "SCE1", 60s, &tags, "product:1:lock", {7, 7}};
    REQUIRE(one.run(one.s.put(p)).has_value());
    REQUIRE(one.run(one.s.read("product:1", tags)).has_value());
    REQUIRE(
        one.run(one.s.release_lock("product:1:lock", {7, 7}, fill_outcome::failed)).has_value());

    std::vector<begin_mark> const begins{{"product:1*", mark_kind::marker},
                                         {"rule:details", mark_kind::intent}};
    REQUIRE(one.run(one.s.begin({1, 1}, begins, 35s, 1h)).has_value());
    REQUIRE(one.run(one.s.publish_drop("drop")).has_value());
    std::vector<end_mark> const ends{{"product:1*", end_action::bump, "product:1"},
                                     {"rule:details", end_action::bump, ""}};
    REQUIRE(one.run(one.s.end({1, 1}, ends, 35s, 1h)).has_value());
    one.run_until([&] { return !heard.empty(); });
    CHECK_FALSE(server.exists("product:1"));
    CHECK(server.keys("sidecache:rights:*").empty());
    CHECK(denials(server) == 0);
}

TEST_CASE("a right that is missing is named at once") {
    redis_server server;
    auto const words = documented();
    for (auto const& word : words) {
        // These may be missing: the page says what is lost then.
        std::vector<std::string> const optional{
            "+subscribe", "+ping", "+client|setname", "+config|get"};
        if (!word.starts_with('+') ||
            std::find(optional.begin(), optional.end(), word) != optional.end()) {
            continue;
        }
        CAPTURE(word);
        auto less = words;
        less.insert(std::find(less.begin(), less.end(), "on"), "reset");
        less.erase(std::find(less.begin(), less.end(), word));
        server.command(less);
        auto const text = failure(settings_as_user(server));
        CAPTURE(text);
        CHECK(text.find("NOPERM") != std::string::npos);
        auto name = word.substr(1, word.find('|') - 1);
        auto upper = name;
        std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
        CHECK((text.find(upper) != std::string::npos || text.find(name) != std::string::npos));
    }
}

TEST_CASE("what the page calls optional is") {
    redis_server server;
    auto words = documented();
    for (auto const* const word : {"+client|setname", "+config|get", "+subscribe", "+ping"}) {
        words.erase(std::find(words.begin(), words.end(), word));
    }
    server.command(words);
    replica one(settings_as_user(server));
    CHECK(one.run(one.s.read("product:1", tags)).has_value());
}

TEST_CASE("in a Cluster three more are needed, at every node") {
    redis_cluster group;
    auto words = documented();
    for (auto const* const more : {"+cluster|slots", "+cluster|info", "+asking"}) {
        words.emplace_back(more);
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
        group.node(i).command(words);
    }
    auto settings = settings_for(group);
    settings.where.user = "sidecache";
    settings.where.password = "PASSWORD";

    SUBCASE("they are enough for everything") {
        replica one(settings);
        bool stands = false;
        one.hub.announce("fingerprint", {"details"});
        one.hub.subscribe(one.io, [](std::string_view) {}, [&] { stands = true; });
        one.run_until([&] { return stands && one.s.status().up; });
        auto const tag = std::string("sidecache:tag:product:1*");
        auto const slot = group.slot_of(tag);
        auto const to = (group.owner_of(slot) + 1) % 3;
        // On its way, so that ASK is answered, too.
        group.begin_move(slot, to);
        fill_request const f{
            "product:1", &tags, 1h, "product:1:lock", {7, 7}, 30s, "rule:details", 100};
        REQUIRE(one.run(one.s.begin_fill(f)).has_value());
        put_request const p{"product:1", "SCE1", 60s, &tags, "product:1:lock", {7, 7}};
        REQUIRE(one.run(one.s.put(p)).has_value());
        REQUIRE(one.run(one.s.read("product:1", tags)).has_value());
        std::vector<begin_mark> const begins{{"product:1*", mark_kind::marker},
                                             {"rule:details", mark_kind::intent}};
        REQUIRE(one.run(one.s.begin({1, 1}, begins, 35s, 1h)).has_value());
        REQUIRE(one.run(one.s.publish_drop("drop")).has_value());
        std::vector<end_mark> const ends{{"product:1*", end_action::bump, "product:1"},
                                         {"rule:details", end_action::bump, ""}};
        REQUIRE(one.run(one.s.end({1, 1}, ends, 35s, 1h)).has_value());
        group.move_keys(slot, to);
        group.finish_move(slot, to);
        for (std::size_t i = 0; i < group.size(); ++i) {
            CHECK(denials(group.node(i)) == 0);
        }
    }
    SUBCASE("without them nobody tells whose slots are whose") {
        for (std::size_t i = 0; i < group.size(); ++i) {
            group.node(i).command({"ACL", "SETUSER", "sidecache", "-cluster|slots"});
        }
        auto const text = failure(settings);
        CAPTURE(text);
        CHECK(text.find("NOPERM") != std::string::npos);
        CHECK(text.find("cluster|slots") != std::string::npos);
    }
}

TEST_CASE("keys of ours that are not permitted are named at once") {
    redis_server server;
    auto words = documented();
    words.erase(std::find(words.begin(), words.end(), "~sidecache:*"));
    server.command(words);
    auto const text = failure(settings_as_user(server));
    CAPTURE(text);
    CHECK(text.find("NOPERM") != std::string::npos);
    CHECK(text.find("key") != std::string::npos);
}
