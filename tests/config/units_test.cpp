#include "config/units.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sidecache::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

template <class T>
std::string refusal(parsed<T> const& p) {
    auto const* bad = std::get_if<problem>(&p);
    return bad == nullptr ? "" : bad->text + "; " + bad->hint;
}

TEST_CASE("a duration is a whole number and a unit") {
    struct {
        std::string_view text;
        milliseconds expected;
    } const table[] = {
        {"500ms", 500ms},
        {"0s", 0s},
        {"1s", 1s},
        {"10m", 10min},
        {"2h", 2h},
        {"1d", 24h},
        {"10 m", 10min},
        {"3650d", 3650 * 24h},
    };
    for (auto const& [text, expected] : table) {
        CAPTURE(text);
        auto const got = parse_duration(text);
        REQUIRE(std::holds_alternative<milliseconds>(got));
        CHECK(std::get<milliseconds>(got) == expected);
    }
}

TEST_CASE("what is not a duration is refused with what to write instead") {
    struct {
        std::string_view text;
        std::string_view expected;
    } const table[] = {
        {"10", "duration `10` has no unit; add one: 10s for seconds, 10ms for milliseconds"},
        {"0", "duration `0` has no unit; add one: 0s for seconds, 0ms for milliseconds"},
        {"", "`` is not a duration; write a number and a unit: 500ms, 10s, 5m, 2h or 1d"},
        {"soon", "`soon` is not a duration; write a number and a unit: 500ms, 10s, 5m, 2h or 1d"},
        {"-1s", "`-1s` is not a duration; write a number and a unit: 500ms, 10s, 5m, 2h or 1d"},
        {"10min", "`10min` is not a duration; the units are ms, s, m, h and d"},
        {"10S", "`10S` is not a duration; the units are ms, s, m, h and d"},
        {"1m30s", "`1m30s` is not a duration; the units are ms, s, m, h and d"},
        {"1.5s",
         "`1.5s` is not a duration; use a smaller unit instead of a fraction: 1500ms, not 1.5s"},
        {"4000d", "`4000d` is too large; at most 3650d"},
        {"99999999999999999999s", "`99999999999999999999s` is too large; at most 3650d"},
        {"18446744073709551615d", "`18446744073709551615d` is too large; at most 3650d"},
    };
    for (auto const& [text, expected] : table) {
        CHECK(refusal(parse_duration(text)) == expected);
    }
}

TEST_CASE("a size is a whole number and a unit, or nothing at all") {
    struct {
        std::string_view text;
        std::uint64_t expected;
    } const table[] = {
        {"0", 0},
        {"100B", 100},
        {"512KiB", 512 * 1024},
        {"64MiB", 64 * 1024 * 1024},
        {"2GiB", 2ULL * 1024 * 1024 * 1024},
        {"1KB", 1'000},
        {"1MB", 1'000'000},
        {"3GB", 3'000'000'000},
        {"64 MiB", 64 * 1024 * 1024},
    };
    for (auto const& [text, expected] : table) {
        CAPTURE(text);
        auto const got = parse_size(text);
        REQUIRE(std::holds_alternative<std::uint64_t>(got));
        CHECK(std::get<std::uint64_t>(got) == expected);
    }
}

TEST_CASE("what is not a size is refused with what to write instead") {
    auto const units =
        "the units are B, KiB, MiB, GiB (powers of 1024) and KB, MB, GB (powers of 1000)";
    CHECK(refusal(parse_size("1024")) == "size `1024` has no unit; add one: B, KiB, MiB or GiB");
    CHECK(refusal(parse_size("64Mi")) == std::string("`64Mi` is not a size; ") + units);
    CHECK(refusal(parse_size("64mb")) == std::string("`64mb` is not a size; ") + units);
    CHECK(refusal(parse_size("1.5GiB")) == std::string("`1.5GiB` is not a size; ") + units);
    CHECK(refusal(parse_size("big")) ==
          "`big` is not a size; write a number and a unit: 512KiB, 64MiB or 1GiB");
    CHECK(refusal(parse_size("99999999999999999999GiB")) ==
          "`99999999999999999999GiB` is too large; at most 1048576GiB");
}

TEST_CASE("counts, shares and booleans take one spelling each") {
    CHECK(std::get<std::uint64_t>(parse_count("20000")) == 20'000);
    CHECK(refusal(parse_count("20k")) == "`20k` is not a whole number; write plain digits");
    CHECK(refusal(parse_count("-1")) == "`-1` is not a whole number; write plain digits");
    CHECK(refusal(parse_count("99999999999999999999"))
              .starts_with("`99999999999999999999` is too large"));

    CHECK(std::get<double>(parse_share("0.1")) == doctest::Approx(0.1));
    CHECK(std::get<double>(parse_share("10%")) == doctest::Approx(0.1));
    CHECK(refusal(parse_share("1.1")) ==
          "`1.1` is not a share; write a number between 0 and 1, such as 0.1");
    CHECK(refusal(parse_share("nan")) ==
          "`nan` is not a share; write a number between 0 and 1, such as 0.1");

    CHECK(std::get<bool>(parse_boolean("true")));
    CHECK_FALSE(std::get<bool>(parse_boolean("false")));
    CHECK(refusal(parse_boolean("yes")) == "`yes` is neither true nor false; write true or false");
}

TEST_CASE("printed durations and sizes read back as what they were") {
    for (auto const d : {0ms,
                         1ms,
                         1500ms,
                         milliseconds(1s),
                         milliseconds(90s),
                         milliseconds(10min),
                         milliseconds(36h),
                         milliseconds(48h)}) {
        CAPTURE(print_duration(d));
        CHECK(std::get<milliseconds>(parse_duration(print_duration(d))) == d);
    }
    CHECK(print_duration(90s) == "90s");
    CHECK(print_duration(48h) == "2d");
    for (std::uint64_t const bytes :
         {0ULL, 1ULL, 1000ULL, 1024ULL, 1536ULL, 1ULL << 20U, 3ULL << 30U}) {
        CAPTURE(print_size(bytes));
        CHECK(std::get<std::uint64_t>(parse_size(print_size(bytes))) == bytes);
    }
    CHECK(print_size(1U << 20U) == "1MiB");
}

TEST_CASE("a value in a message cannot write to the terminal, nor fill it") {
    CHECK(quoted("a\x1B[2J\n") == "`a\\x1b[2J\\x0a`");
    CHECK(quoted(std::string(1000, 'x')) == "`" + std::string(80, 'x') + "...`");
}

}  // namespace
}  // namespace sidecache::config
