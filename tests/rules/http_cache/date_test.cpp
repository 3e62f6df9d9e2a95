#include "rules/http_cache/date.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string_view>
#include <vector>

using namespace sidecache::rules::http_cache;

namespace {

constexpr unix_seconds in_2026 = 1'795'000'000;  // 18 November 2026

}  // namespace

TEST_CASE("RFC 9110 section 5.6.7: the three formats of a date are one moment") {
    for (auto const* text : {"Sun, 06 Nov 1994 08:49:37 GMT",
                             "Sunday, 06-Nov-94 08:49:37 GMT",
                             "Sun Nov  6 08:49:37 1994",
                             "SUN, 06 NOV 1994 08:49:37 gMT"}) {
        CAPTURE(text);
        CHECK(read_date(text, in_2026) == 784'111'777);
    }
}

TEST_CASE("dates at the edges of what numbers hold") {
    struct row {
        std::string_view text;
        std::optional<unix_seconds> expected;
    };
    for (auto const& [text, expected] : std::vector<row>{
             {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
             {"Tue, 19 Jan 2038 03:14:08 GMT", 2'147'483'648},
             {"Sat, 20 Nov 2286 17:46:39 GMT", 9'999'999'999},
             {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
             {"Sat, 31 Dec 2016 23:59:60 GMT", 1'483'228'800},  // a leap second
             {"Thu, 29 Feb 2024 00:00:00 GMT", 1'709'164'800},
         }) {
        CAPTURE(text);
        CHECK(read_date(text, in_2026) == expected);
    }
}

TEST_CASE("two digits of a year are never more than 50 years ahead") {
    CHECK(read_date("Thursday, 18-Aug-50 02:01:18 GMT", in_2026) ==
          read_date("Thu, 18 Aug 2050 02:01:18 GMT", in_2026));
    CHECK(read_date("Wednesday, 18-Aug-76 02:01:18 GMT", in_2026) ==
          read_date("Wed, 18 Aug 2076 02:01:18 GMT", in_2026));
    CHECK(read_date("Thursday, 18-Aug-77 02:01:18 GMT", in_2026) ==
          read_date("Thu, 18 Aug 1977 02:01:18 GMT", in_2026));
}

TEST_CASE("what looks like a date and is none") {
    for (auto const* text : {"",
                             "0",
                             "-1",
                             "now",
                             "Thu, 18 Aug 2050 02:01:18 UTC",
                             "Thu, 18 Aug 2050 02:01:18 AEST",
                             "Thu, 18 Aug 2050 02:01:18 +0000",
                             "Thu, 18 Aug 2050 02:01:18",
                             "Thu, 18 Aug 50 02:01:18 GMT",
                             "Thu 18 Aug 2050 02:01:18 GMT",
                             "Thu, 18  Aug  2050 02:01:18 GMT",
                             "Thu, 18-Aug-2050 02:01:18 GMT",
                             "Thu, 18 Aug 2050 02.01.18 GMT",
                             "Thu, 18 Aug 2050 2:01:18 GMT",
                             "Thu, 8 Aug 2050 02:01:18 GMT",
                             "Thu, 18 Aug 2050 24:01:18 GMT",
                             "Thu, 18 Aug 2050 02:60:18 GMT",
                             "Thu, 31 Feb 2050 02:01:18 GMT",
                             "Thu, 00 Aug 2050 02:01:18 GMT",
                             "Xyz, 18 Aug 2050 02:01:18 GMT",
                             "18 Aug 2050 02:01:18 GMT",
                             "Thu, 18 Aug 2050 02:01:18 GMT ",
                             "Thu, 18 Aug 2050 02:01:18 GMT, x",
                             "Sun Nov 6 08:49:37 1994"}) {
        CAPTURE(text);
        CHECK(read_date(text, in_2026) == std::nullopt);
    }
}
