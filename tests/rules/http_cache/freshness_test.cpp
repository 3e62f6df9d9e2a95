#include "rules/http_cache/freshness.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::rules;
using namespace sidecache::rules::http_cache;
using namespace std::chrono_literals;
using lines = std::vector<field>;

namespace {

// Sun, 06 Nov 1994 08:49:37 GMT
constexpr unix_milliseconds now = 784'111'777'000;
constexpr std::string_view date_now = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::string_view in_100_s = "Sun, 06 Nov 1994 08:51:17 GMT";
constexpr std::string_view date_100_s_ago = "Sun, 06 Nov 1994 08:47:57 GMT";
constexpr std::string_view a_day_ago = "Sat, 05 Nov 1994 08:49:37 GMT";
constexpr std::string_view a_year_ago = "Sat, 06 Nov 1993 08:49:37 GMT";

request_directives asking(std::string_view text) {
    lines const fields{{"Cache-Control", text}};
    return read_request_directives(fields);
}

freshness of(std::string_view cache_control) {
    lines const fields{{"Cache-Control", cache_control}};
    return freshness_of(200, fields, now);
}

}  // namespace

TEST_CASE("RFC 9111 section 4.2.1: the freshness lifetime") {
    struct row {
        lines fields;
        seconds lifetime;
        freshness::source from;
    };
    using from = freshness::source;
    for (auto const& [fields, lifetime, source] : std::vector<row>{
             {{}, 0s, from::none},
             {{{"Cache-Control", "max-age=60"}}, 60s, from::max_age},
             {{{"Cache-Control", "max-age=60, s-maxage=5"}}, 5s, from::s_maxage},
             {{{"Cache-Control", "max-age=1, s-maxage=3600"}}, 3600s, from::s_maxage},
             {{{"Cache-Control", "max-age=60"}, {"Expires", a_day_ago}, {"Date", date_now}},
              60s,
              from::max_age},
             {{{"Cache-Control", "max-age=60"}, {"Expires", "0"}}, 60s, from::max_age},
             {{{"Cache-Control", "max-age=0"}, {"Expires", in_100_s}}, 0s, from::max_age},
             {{{"Expires", in_100_s}, {"Date", date_now}}, 100s, from::expires},
             // by the origin's own clock, however wrong it is
             {{{"Expires", date_now}, {"Date", date_100_s_ago}}, 100s, from::expires},
             {{{"Expires", date_now}, {"Date", in_100_s}}, 0s, from::expires},
             {{{"Expires", date_now}, {"Date", date_now}}, 0s, from::expires},
             // Date missing or unreadable: when it came
             {{{"Expires", in_100_s}}, 100s, from::expires},
             {{{"Expires", in_100_s}, {"Date", "foo"}}, 100s, from::expires},
             // section 5.3: what is no date is in the past; of several lines the first
             {{{"Expires", "0"}, {"Date", date_now}}, 0s, from::expires},
             {{{"Expires", "-1"}, {"Last-Modified", a_day_ago}}, 0s, from::expires},
             {{{"Expires", "0"}, {"Expires", in_100_s}}, 0s, from::expires},
             {{{"Expires", "Thursday, 18-Aug-50 02:01:18 GMT"}, {"Date", "x"}},
              0s,
              from::expires},  // in 1994 that was 1950
             {{{"Cache-Control", "public"}}, 0s, from::none},
             // RFC 9213 section 2.2: Expires counts no more
             {{{"CDN-Cache-Control", "public"}, {"Expires", in_100_s}}, 0s, from::none},
             {{{"CDN-Cache-Control", "max-age=7"}, {"Cache-Control", "max-age=60"}},
              7s,
              from::max_age},
         }) {
        CAPTURE(fields.empty() ? "" : fields[0].value);
        auto const f = freshness_of(200, fields, now);
        CHECK(f.lifetime == lifetime);
        CHECK(f.from == source);
    }
    CHECK(of("max-age=99999999999").lifetime == seconds(std::int64_t{1} << 31));
}

TEST_CASE("RFC 9111 section 4.2.2: a tenth of what has passed since Last-Modified, a day at most") {
    lines const day_old{{"Last-Modified", a_day_ago}, {"Date", date_now}};
    CHECK(freshness_of(200, day_old, now).lifetime == 8640s);
    CHECK(freshness_of(200, day_old, now).from == freshness::source::heuristic);
    lines const year_old{{"Last-Modified", a_year_ago}, {"Date", date_now}};
    CHECK(freshness_of(200, year_old, now).lifetime == 24h);
    lines const future{{"Last-Modified", in_100_s}, {"Date", date_now}};
    CHECK(freshness_of(200, future, now).from == freshness::source::none);
    lines const odd{{"Last-Modified", "yesterday"}, {"Date", date_now}};
    CHECK(freshness_of(200, odd, now).from == freshness::source::none);

    SUBCASE("by status (RFC 9110 section 15.1)") {
        for (unsigned const status :
             {200U, 203U, 204U, 300U, 301U, 308U, 404U, 405U, 410U, 414U, 501U}) {
            CAPTURE(status);
            CHECK(freshness_of(status, day_old, now).lifetime == 8640s);
        }
        for (unsigned const status :
             {201U, 202U, 302U, 303U, 307U, 400U, 403U, 500U, 502U, 503U, 504U, 599U}) {
            CAPTURE(status);
            CHECK(freshness_of(status, day_old, now).lifetime == 0s);
        }
    }
    SUBCASE("public allows it for any status (section 5.2.2.9)") {
        auto fields = day_old;
        fields.push_back({"Cache-Control", "public"});
        CHECK(freshness_of(599, fields, now).lifetime == 8640s);
    }
}

TEST_CASE("RFC 9111 section 5.1: Age as it arrives") {
    struct row {
        lines fields;
        std::uint64_t expected;
    };
    for (auto const& [fields, expected] : std::vector<row>{
             {{}, 0},
             {{{"Age", "30"}}, 30},
             {{{"Age", "abc"}}, 0},
             {{{"Age", "-7200"}}, 0},
             {{{"Age", "7200.0"}}, 0},
             {{{"Age", "7200, 0"}}, 7200},
             {{{"Age", "0, 7200"}}, 0},
             {{{"Age", "7200"}, {"Age", "0"}}, 7200},
             {{{"Age", "0"}, {"Age", "7200"}}, 0},
             {{{"Age", "2147483647"}}, 2'147'483'647},
             {{{"Age", "2147483649"}}, longest_delta},
             {{{"Age", "\"30\""}}, 0},
         }) {
        CAPTURE(fields.empty() ? "" : fields[0].value);
        CHECK(read_age(fields) == expected);
    }
}

TEST_CASE("RFC 9111 section 4.2.3: the initial age") {
    SUBCASE("Age alone counts from the request on, so that the delay is in it") {
        CHECK(initial_age(lines{{"Age", "30"}}, now, now + 5000) == 30);
    }
    SUBCASE("a Date of before: it has been under way, or the origin's clock is slow") {
        CHECK(initial_age(lines{{"Date", date_100_s_ago}}, now, now) == 100);
        CHECK(initial_age(lines{{"Date", date_100_s_ago}, {"Age", "30"}}, now, now) == 100);
        CHECK(initial_age(lines{{"Date", date_100_s_ago}, {"Age", "300"}}, now, now) == 300);
    }
    SUBCASE("what the delay explains is not counted twice") {
        CHECK(initial_age(lines{{"Date", date_100_s_ago}}, now - 100'000, now) == 0);
        CHECK(initial_age(lines{{"Date", date_100_s_ago}}, now - 40'000, now) == 60);
    }
    SUBCASE("a Date in the future, or none, tells nothing") {
        CHECK(initial_age(lines{{"Date", in_100_s}, {"Age", "7"}}, now, now) == 7);
        CHECK(initial_age(lines{{"Date", "foo"}}, now, now) == 0);
    }
}

TEST_CASE("RFC 9111 section 4.2: what may be reused, of which age, for whom") {
    struct row {
        std::string_view response;
        milliseconds age;
        std::string_view request;
        reuse expected;
    };
    for (auto const& [response, age, request, expected] : std::vector<row>{
             {"max-age=60", 0s, "", reuse::fresh},
             {"max-age=60", 59'999ms, "", reuse::fresh},
             {"max-age=60", 60s, "", reuse::validate},  // fresh while lifetime > age
             {"max-age=0", 0s, "", reuse::validate},
             {"no-cache", 0s, "", reuse::validate},
             {"max-age=60, no-cache", 0s, "", reuse::validate},
             {"max-age=60, no-cache=\"a\"", 0s, "", reuse::fresh},
             {"max-age=60, must-revalidate", 10s, "", reuse::fresh},
             // section 5.2.1: what the client asks for
             {"max-age=60", 10s, "no-cache", reuse::validate},
             {"max-age=60", 10s, "max-age=0", reuse::validate},
             {"max-age=60", 10s, "max-age=10", reuse::fresh},
             {"max-age=60", 11s, "max-age=10", reuse::validate},
             {"max-age=60", 10s, "min-fresh=50", reuse::fresh},
             {"max-age=60", 10s, "min-fresh=51", reuse::validate},
             {"max-age=60", 70s, "max-stale", reuse::stale_allowed},
             {"max-age=60", 70s, "max-stale=10", reuse::stale_allowed},
             {"max-age=60", 71s, "max-stale=10", reuse::validate},
             {"max-age=60", 70s, "max-stale=99, max-age=65", reuse::validate},
             // ... never beyond what the origin forbids (section 4.2.4)
             {"max-age=60, must-revalidate", 70s, "max-stale", reuse::validate},
             {"max-age=60, proxy-revalidate", 70s, "max-stale", reuse::validate},
             {"s-maxage=60", 70s, "max-stale", reuse::validate},
             {"max-age=60, no-cache", 70s, "max-stale", reuse::validate},
             // RFC 5861 section 3
             {"max-age=60, stale-while-revalidate=30", 60s, "", reuse::while_revalidate},
             {"max-age=60, stale-while-revalidate=30", 89'999ms, "", reuse::while_revalidate},
             {"max-age=60, stale-while-revalidate=30", 90s, "", reuse::validate},
             {"max-age=60, stale-while-revalidate=30", 70s, "max-age=80", reuse::validate},
             {"max-age=60, stale-while-revalidate=30, must-revalidate", 70s, "", reuse::validate},
             {"s-maxage=60, stale-while-revalidate=30", 70s, "", reuse::validate},
         }) {
        CAPTURE(response);
        CAPTURE(age.count());
        CAPTURE(request);
        CHECK(may_reuse(of(response), age, asking(request)) == expected);
    }
}

TEST_CASE("RFC 9111 section 4.2.4 and RFC 5861 section 4: stale when the origin cannot answer") {
    struct row {
        std::string_view response;
        milliseconds age;
        std::string_view request;
        bool unreachable;
        bool error;
    };
    for (auto const& [response, age, request, unreachable, error] : std::vector<row>{
             {"max-age=60", 70s, "", true, false},
             {"max-age=60", 10s, "max-age=1", true, true},
             {"max-age=60, stale-if-error=30", 89s, "", true, true},
             {"max-age=60, stale-if-error=30", 90s, "", true, false},
             {"max-age=60", 70s, "stale-if-error=30", true, true},
             {"max-age=60, must-revalidate", 70s, "", false, false},
             {"max-age=60, proxy-revalidate", 70s, "", false, false},
             {"s-maxage=60", 70s, "", false, false},
             {"s-maxage=60, stale-if-error=30", 70s, "", false, false},
             {"max-age=60, no-cache", 10s, "", false, false},
             {"max-age=60", 70s, "no-cache", false, false},
         }) {
        CAPTURE(response);
        CAPTURE(age.count());
        CAPTURE(request);
        auto const f = of(response);
        CHECK(may_serve_on(trouble::unreachable, f, age, asking(request)) == unreachable);
        CHECK(may_serve_on(trouble::error, f, age, asking(request)) == error);
    }
    for (unsigned const status : {500U, 502U, 503U, 504U}) {
        CHECK(is_trouble(status));
    }
    for (unsigned const status : {200U, 404U, 429U, 501U, 505U}) {
        CHECK_FALSE(is_trouble(status));
    }
}

TEST_CASE("what is kept past its freshness: windows, and time to validate") {
    CHECK(worth_keeping(of("max-age=60"), false) == 10min);
    CHECK(worth_keeping(of("max-age=7200"), false) == 2h);
    CHECK(worth_keeping(of("max-age=999999"), true) == 24h);
    CHECK(worth_keeping(of("max-age=60, stale-while-revalidate=100000"), true) == 100'000s);
    CHECK(worth_keeping(of("max-age=60, must-revalidate"), false) == 0s);
    CHECK(worth_keeping(of("max-age=60, must-revalidate"), true) == 10min);
    CHECK(worth_keeping(of("no-cache"), true) == 10min);
    CHECK(worth_keeping(of("max-age=0"), false) == 0s);
    CHECK(worth_keeping(of("max-age=0, stale-if-error=30"), false) == 30s);
    CHECK(worth_keeping(of("public"), false) == 0s);
    CHECK(worth_keeping(of("public"), true) == 10min);
}
