// Which keys are asked for most: what is promised of the sketch, without a proxy around it.
#include "proxy/telemetry/hot_keys.hpp"

#include "proxy/telemetry/watch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace sidecache;
using namespace std::chrono_literals;
using telemetry::hot_key;
using telemetry::hot_keys;

namespace {

constexpr boot_clock::time_point start{1'000s};

hot_key const* find(std::vector<hot_key> const& in, std::string_view key) {
    auto const it = std::ranges::find(in, key, &hot_key::key);
    return it == in.end() ? nullptr : &*it;
}

}  // namespace

TEST_CASE("while requests are few each of them is counted") {
    hot_keys keys(1, start);
    // 10 s with one request of "a" a second, half of them hits, and one of "b" every other.
    for (int second = 0; second < 10; ++second) {
        auto const now = start + second * 1s;
        keys.saw("a", "rule-a", second % 2 == 0, now);
        if (second % 2 == 0) {
            keys.saw("b", "rule-b", true, now);
        }
    }
    auto const seen = keys.read(start + 10s);
    REQUIRE(seen.size() == 2);
    auto const* const a = find(seen, "a");
    REQUIRE(a != nullptr);
    CHECK(a->per_second == doctest::Approx(1.0));
    CHECK(a->hit_share == doctest::Approx(0.5));
    CHECK(a->rule == "rule-a");
    CHECK_FALSE(a->is_cut);
    CHECK(find(seen, "b")->per_second == doctest::Approx(0.5));
    CHECK(find(seen, "b")->hit_share == doctest::Approx(1.0));
}

TEST_CASE("of many requests some are looked at, and the estimate is near the truth") {
    hot_keys keys(7, start);
    // 20,000 requests a second for 20 s: a third of them for one key, the rest for 10,000 others.
    std::mt19937 chance(42);
    auto now = start;
    for (int i = 0; i < 400'000; ++i) {
        now += 50us;
        auto const key =
            i % 3 == 0 ? std::string("hot") : "cold:" + std::to_string(chance() % 10'000);
        keys.saw(key, "r", i % 2 == 0, now);
    }
    auto const seen = keys.read(now);
    auto const* const hot = find(seen, "hot");
    REQUIRE(hot != nullptr);
    CHECK(hot->per_second == doctest::Approx(20'000.0 / 3).epsilon(0.1));
    CHECK(hot->hit_share == doctest::Approx(0.5).epsilon(0.1));
    CHECK(std::ranges::max(seen, {}, &hot_key::per_second).key == "hot");
    // Nothing is shown above its true rate by more than chance: each of the others has 1.3/s.
    for (auto const& k : seen) {
        CAPTURE(k.key);
        CHECK((k.key == "hot" || k.per_second < 40));
    }
}

TEST_CASE("traffic with a period of its own does not hide from the samples") {
    hot_keys keys(3, start);
    auto now = start;
    // 64 keys in turn, as fast as one in 64 is looked at: each has the same share.
    for (int i = 0; i < 640'000; ++i) {
        now += 20us;
        keys.saw("key:" + std::to_string(i % 64), "r", true, now);
    }
    auto const seen = keys.read(now);
    CHECK(seen.size() == 64);
    for (auto const& k : seen) {
        CAPTURE(k.key);
        CHECK(k.per_second == doctest::Approx(50'000.0 / 64).epsilon(0.4));
    }
}

TEST_CASE("a key that is new takes the place of the least asked for, and its error is not shown") {
    hot_keys keys(1, start);
    auto now = start;
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < hot_keys::slots; ++i) {
            now += 100ms;  // few enough to be counted each
            keys.saw("old:" + std::to_string(i), "r", true, now);
        }
    }
    now += 100ms;
    keys.saw("new", "r", true, now);
    auto const seen = keys.read(now);
    CHECK(seen.size() == hot_keys::slots);
    auto const* const fresh = find(seen, "new");
    REQUIRE(fresh != nullptr);
    // Once, although it sits on a count of three.
    CHECK(fresh->per_second < find(seen, "old:127")->per_second);
}

TEST_CASE("what nobody asks for any more fades: half is left after a minute") {
    hot_keys keys(1, start);
    auto now = start;
    for (int i = 0; i < 600; ++i) {
        now += 100ms;
        keys.saw("a", "r", true, now);
    }
    CHECK(keys.read(now).at(0).per_second == doctest::Approx(10).epsilon(0.05));
    CHECK(keys.read(now + 5min).at(0).per_second < 1);
    CHECK(keys.read(now + 24h).empty());
    // ... also when nothing comes in between: the first request after a night counts as one.
    keys.saw("b", "r", true, now + 24h);
    auto const seen = keys.read(now + 24h);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].key == "b");
}

TEST_CASE("keys and names of rules are held to their bounds") {
    hot_keys keys(1, start);
    std::string const long_key(5'000, 'k');
    std::string const longer = long_key + "2";
    keys.saw(long_key, std::string(500, 'r'), true, start);
    keys.saw(longer, "r", true, start);
    keys.saw(std::string(hot_keys::longest_key, 'k'), "r", true, start);
    auto const seen = keys.read(start + 1s);
    REQUIRE(seen.size() == 3);  // told apart by the whole of them
    CHECK(seen[0].key == std::string(hot_keys::longest_key, 'k'));
    CHECK(seen[0].is_cut);
    CHECK(seen[0].rule.size() == hot_keys::longest_rule);
    CHECK(seen[1].is_cut);
    CHECK_FALSE(seen[2].is_cut);
}

TEST_CASE("workers are added up, the most asked for first") {
    telemetry::watches all(2);
    auto const now = boot_clock::now();
    for (int i = 0; i < 4; ++i) {
        all.of_worker(0).keys.saw("both", "r", true, now);
        all.of_worker(1).keys.saw("both", "r", false, now);
    }
    for (int i = 0; i < 6; ++i) {
        all.of_worker(1).keys.saw("one", "r", true, now);
    }
    all.of_worker(0).keys.saw("rare", "r", true, now);
    auto const seen = all.hottest(2, now + 2s);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].key == "both");
    CHECK(seen[0].per_second == doctest::Approx(4).epsilon(0.01));
    CHECK(seen[0].hit_share == doctest::Approx(0.5));
    CHECK(seen[1].key == "one");
}

TEST_CASE("the table may be read while its worker fills it") {
    hot_keys keys(1, boot_clock::now());
    std::atomic<bool> done{false};
    std::jthread const worker([&] {
        for (int i = 0; !done.load(); ++i) {
            keys.saw("key:" + std::to_string(i % 300), "rule", true, boot_clock::now());
        }
    });
    for (int full = 0; full < 100;) {
        auto const seen = keys.read(boot_clock::now());
        full += seen.empty() ? 0 : 1;
        for (auto const& k : seen) {
            REQUIRE(k.key.starts_with("key:"));
            REQUIRE(k.rule == "rule");
            REQUIRE(k.hit_share == doctest::Approx(1));
        }
    }
    done = true;
}
