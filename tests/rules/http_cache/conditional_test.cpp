#include "rules/http_cache/conditional.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

using namespace sidecache::rules;
using namespace sidecache::rules::http_cache;
using lines = std::vector<field>;

namespace {

constexpr unix_milliseconds now = 784'111'777'000;
constexpr std::string_view early = "Sat, 05 Nov 1994 08:49:37 GMT";
constexpr std::string_view late = "Sun, 06 Nov 1994 08:49:37 GMT";

request asking(lines const& fields) {
    return {.method = "GET",
            .target = "/a",
            .host = "h",
            .fields = fields,
            .has_body = false,
            .identity = std::nullopt};
}

}  // namespace

TEST_CASE("RFC 9110 section 8.8.3.2: comparing entity tags") {
    struct row {
        std::string_view a, b;
        bool strong, weak;
    };
    for (auto const& [a, b, strong, weak] : std::vector<row>{
             {"W/\"1\"", "W/\"1\"", false, true},
             {"W/\"1\"", "W/\"2\"", false, false},
             {"W/\"1\"", "\"1\"", false, true},
             {"\"1\"", "\"1\"", true, true},
         }) {
        auto const x = read_entity_tag(a);
        auto const y = read_entity_tag(b);
        REQUIRE((x && y));
        CHECK(strongly_equal(*x, *y) == strong);
        CHECK(weakly_equal(*x, *y) == weak);
    }
    CHECK(read_entity_tag("\"\"").has_value());
    CHECK(read_entity_tag(" \"abc\xc3\xbc\" ").has_value());
    for (auto const* text :
         {"", "abc", "\"", "\"abc", "abc\"", "w/\"abc\"", "W\"abc\"", "\"a\"b\"", "\"a b\"", "*"}) {
        CAPTURE(text);
        CHECK_FALSE(read_entity_tag(text).has_value());
    }
}

TEST_CASE("RFC 9110 section 13.2.2: If-None-Match and If-Modified-Since over a stored response") {
    using p = precondition;
    struct row {
        lines asked;
        lines stored;
        precondition expected;
    };
    lines const strong{{"ETag", "\"abc\""}, {"Last-Modified", early}, {"Date", late}};
    lines const weak{{"ETag", "W/\"abc\""}, {"Date", late}};
    lines const dated{{"Last-Modified", early}, {"Date", late}};
    lines const bare{{"Date", late}};
    for (auto const& [asked, stored, expected] : std::vector<row>{
             {{}, strong, p::none},
             {{{"If-None-Match", "\"abc\""}}, strong, p::not_modified},
             {{{"If-None-Match", "W/\"abc\""}}, strong, p::not_modified},
             {{{"If-None-Match", "\"abc\""}}, weak, p::not_modified},
             {{{"If-None-Match", "\"x\", \"abc\", \"y\""}}, strong, p::not_modified},
             {{{"If-None-Match", "\"x\""}, {"If-None-Match", "\"abc\""}}, strong, p::not_modified},
             {{{"If-None-Match", "*"}}, bare, p::not_modified},
             {{{"If-None-Match", "\"x\""}}, strong, p::modified},
             {{{"If-None-Match", "abc"}}, strong, p::modified},
             {{{"If-None-Match", "\"a,bc\""}}, {{"ETag", "\"a,bc\""}}, p::not_modified},
             // precedence: If-Modified-Since is not looked at beside If-None-Match
             {{{"If-None-Match", "\"x\""}, {"If-Modified-Since", late}}, strong, p::modified},
             {{{"If-None-Match", "\"abc\""},
               {"If-Modified-Since", "Fri, 04 Nov 1994 08:49:37 GMT"}},
              strong,
              p::not_modified},
             {{{"If-Modified-Since", early}}, strong, p::not_modified},
             {{{"If-Modified-Since", late}}, dated, p::not_modified},
             {{{"If-Modified-Since", "Saturday, 05-Nov-94 08:49:37 GMT"}}, dated, p::not_modified},
             {{{"If-Modified-Since", "Fri, 04 Nov 1994 08:49:37 GMT"}}, dated, p::modified},
             {{{"If-Modified-Since", "yesterday"}}, dated, p::none},
             // RFC 9111 section 4.3.2: without Last-Modified, by Date
             {{{"If-Modified-Since", late}}, bare, p::not_modified},
             {{{"If-Modified-Since", early}}, bare, p::modified},
             {{{"If-Modified-Since", late}}, {}, p::none},
         }) {
        CAPTURE(asked.empty() ? "" : asked[0].value);
        CHECK(evaluate(asking(asked), 200, stored, now) == expected);
    }
    lines const asked{{"If-None-Match", "*"}};
    CHECK(evaluate(asking(asked), 404, bare, now) == p::none);
    CHECK(evaluate(asking(asked), 301, bare, now) == p::none);
    CHECK(evaluate(asking(asked), 203, bare, now) == p::not_modified);
}

TEST_CASE("RFC 9111 section 4.3.2: If-Match and If-Unmodified-Since are for the origin") {
    CHECK(is_for_origin(asking(lines{{"If-Match", "\"a\""}})));
    CHECK(is_for_origin(asking(lines{{"if-unmodified-since", late}})));
    CHECK_FALSE(is_for_origin(asking(lines{{"If-None-Match", "\"a\""}})));
}

TEST_CASE("RFC 9110 section 15.4.5: what a 304 holds") {
    for (auto const* name :
         {"Cache-Control", "content-location", "Date", "ETag", "Expires", "Vary"}) {
        CHECK(belongs_into_304(name, true));
    }
    for (auto const* name : {"Content-Length", "Content-Type", "Content-Encoding", "X-Other"}) {
        CHECK_FALSE(belongs_into_304(name, true));
    }
    CHECK(belongs_into_304("Last-Modified", false));
    CHECK_FALSE(belongs_into_304("Last-Modified", true));
}
