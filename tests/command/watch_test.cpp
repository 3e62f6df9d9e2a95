#include "proxy/command/watch.hpp"

#include "proxy/command/stats.hpp"
#include "proxy/command/stats_rate.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

/// `sidecache stats --watch`: what it makes of two looks.
namespace sidecache::command {
namespace {

using std::chrono::seconds;

std::string reply(int hits, int misses) {
    return R"({"rules": [{"name": "a", "requests": {"hit": )" + std::to_string(hits) +
           R"(, "stale": 0, "miss": )" + std::to_string(misses) +
           R"(}}], "no_rule": {"pass": 4}, "purges_pending": 1, "unmatched_mutations": 2,
               "store": {"up": true}})";
}

TEST_CASE("rates are what came in between two looks, a second") {
    auto const before = read_sample(reply(10, 5));
    auto const after = read_sample(reply(30, 15));
    REQUIRE(before);
    REQUIRE(after);
    auto const rates = rates_between(*before, *after, seconds(10));
    CHECK(rates.at("a").all == doctest::Approx(3));
    CHECK(rates.at("a").hits == doctest::Approx(2));
    CHECK(rates.at("").all == doctest::Approx(0));
    CHECK(rates.at("*").all == doctest::Approx(3));
    CHECK(watch_line("12:00:00", *after, rates) ==
          "12:00:00  requests/s 3.0  hits/s 2.0  hit ratio 66.7%  pending 1  unmatched 2  store "
          "up\n");
    auto const text = stats_text(reply(30, 15), &rates);
    CAPTURE(text);
    CHECK(text.find("now/s  now hits\n") != std::string::npos);
    CHECK(text.find("  3.0     66.7%\n") != std::string::npos);
}

TEST_CASE("after a restart counters begin at 0; the first look has no rates") {
    auto const rates =
        rates_between(*read_sample(reply(1'000, 0)), *read_sample(reply(5, 0)), seconds(1));
    CHECK(rates.at("a").all == doctest::Approx(5));
    CHECK(watch_line("t", *read_sample(reply(1, 1)), {})
              .starts_with("t  requests/s 0.0  hits/s 0.0  p"));
    CHECK_FALSE(read_sample("<html>"));
    CHECK_FALSE(read_sample("[]"));
    CHECK(read_sample("{\"rules\": 1, \"store\": 2}"));
}

TEST_CASE("a frame fits its screen: lines and rows that are too many are cut, codes are not") {
    CHECK(frame("abcdef\nb\nc\n", 3, 4) == "\x1B[Habcd\x1B[K\r\nb\x1B[K\r\n\x1B[J");
    CHECK(frame("\x1B[1mab\x1B[0mcdef\n", 9, 3) == "\x1B[H\x1B[1mab\x1B[0mc\x1B[K\r\n\x1B[J");
    CHECK(frame("\xC3\xA9\xC3\xA9\xC3\xA9", 9, 2) == "\x1B[H\xC3\xA9\xC3\xA9\x1B[K\r\n\x1B[J");
}

}  // namespace
}  // namespace sidecache::command
