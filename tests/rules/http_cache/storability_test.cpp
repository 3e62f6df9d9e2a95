#include "rules/http_cache/storability.hpp"

#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sidecache::rules;
using namespace sidecache::rules::http_cache;
using namespace sidecache::rules::test;
using namespace std::chrono_literals;
using lines = std::vector<field>;

namespace {

constexpr unix_milliseconds now = 784'111'777'000;
constexpr std::string_view date_now = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::string_view a_day_ago = "Sat, 05 Nov 1994 08:49:37 GMT";

std::variant<kept, not_stored> keep(unsigned status,
                                    lines const& response,
                                    lines const& asked = {},
                                    bool store_set_cookie = false) {
    rule_definition rule = a_rule("rest", "GET /{path*}", "");
    rule.origin = true;
    rule.store_set_cookie = store_set_cookie;
    request const r{.method = "GET",
                    .target = "/a",
                    .host = "h",
                    .fields = asked,
                    .has_body = false,
                    .identity = std::nullopt};
    return may_keep(rule, r, status, response, now, now);
}

/// "60 s, 660 s": fresh, kept; or why not.
std::string outcome(unsigned status,
                    lines const& response,
                    lines const& asked = {},
                    bool store_set_cookie = false) {
    auto const result = keep(status, response, asked, store_set_cookie);
    if (auto const* why = std::get_if<not_stored>(&result)) {
        return std::string(name(*why));
    }
    auto const& k = std::get<kept>(result);
    return std::to_string(k.fresh / 1s) + " s, " + std::to_string(k.life / 1s) + " s";
}

}  // namespace

TEST_CASE("RFC 9111 section 3: what a shared cache may store") {
    struct row {
        unsigned status;
        lines response;
        std::string expected;
    };
    for (auto const& [status, response, expected] : std::vector<row>{
             {200, {{"Cache-Control", "max-age=60"}}, "60 s, 660 s"},
             {200, {{"Cache-Control", "max-age=60, must-revalidate"}}, "60 s, 60 s"},
             {200, {{"Cache-Control", "max-age=60"}, {"Age", "45"}}, "15 s, 615 s"},
             {200, {{"Cache-Control", "max-age=60"}, {"Age", "7200"}}, "0 s, 600 s"},
             {200, {{"Cache-Control", "max-age=99999999999"}}, "604800 s, 604800 s"},
             {200, {{"Last-Modified", a_day_ago}, {"Date", date_now}}, "8640 s, 17280 s"},
             {200, {}, "not_fresh"},
             {200, {{"Cache-Control", "public"}}, "not_fresh"},
             {200, {{"Cache-Control", "max-age=0"}}, "not_fresh"},
             {200, {{"Expires", "0"}}, "not_fresh"},
             // nothing is fresh, but it can be asked about
             {200, {{"ETag", "\"a\""}}, "0 s, 600 s"},
             {200, {{"Cache-Control", "no-cache"}, {"ETag", "\"a\""}}, "0 s, 600 s"},
             {200, {{"Cache-Control", "no-cache, max-age=60"}, {"ETag", "\"a\""}}, "0 s, 660 s"},
             {200, {{"Cache-Control", "no-cache, max-age=60"}}, "not_fresh"},
             {200, {{"Cache-Control", "max-age=60, no-store"}}, "no_store"},
             {200, {{"Cache-Control", "max-age=60, No-StOrE"}}, "no_store"},
             {200, {{"Cache-Control", "max-age=60, private"}}, "private"},
             {200, {{"Cache-Control", "max-age=60"}, {"Set-Cookie", "a=b"}}, "set_cookie"},
             {200, {{"Cache-Control", "max-age=60"}, {"Vary", "*"}}, "vary_star"},
             {200, {{"Cache-Control", "max-age=60"}, {"Vary", "Accept, *"}}, "vary_star"},
             {206, {{"Cache-Control", "max-age=60"}}, "partial"},
             {416, {{"Cache-Control", "max-age=60"}, {"Content-Range", "bytes */2"}}, "partial"},
             {304, {{"Cache-Control", "max-age=60"}}, "status"},
             // RFC 9213
             {200,
              {{"Cache-Control", "no-store"}, {"CDN-Cache-Control", "max-age=9, public"}},
              "9 s, 609 s"},
             {200, {{"Cache-Control", "max-age=60"}, {"CDN-Cache-Control", "private"}}, "private"},
             {200,
              {{"Cache-Control", "max-age=60"}, {"CDN-Cache-Control", "no-store"}},
              "no_store"},
         }) {
        CAPTURE(status);
        CAPTURE(response.empty() ? "" : response[0].value);
        CHECK(outcome(status, response) == expected);
    }
    SUBCASE("any final status with explicit freshness, of errors those about the target alone") {
        for (unsigned const status : {200U,
                                      203U,
                                      204U,
                                      299U,
                                      301U,
                                      302U,
                                      303U,
                                      307U,
                                      308U,
                                      404U,
                                      405U,
                                      410U,
                                      414U,
                                      451U,
                                      501U}) {
            CAPTURE(status);
            CHECK(outcome(status, {{"Cache-Control", "max-age=60"}}) == "60 s, 660 s");
            CHECK(outcome(status, {{"Expires", "Sun, 06 Nov 1994 08:50:37 GMT"}}) == "60 s, 660 s");
        }
        // What one request's own fields may have brought about; RFC 6585 for the last four.
        for (unsigned const status :
             {400U, 401U, 402U, 403U, 406U, 407U, 408U, 409U, 412U, 413U, 415U, 417U, 421U,
              422U, 426U, 499U, 500U, 502U, 503U, 504U, 505U, 599U, 428U, 429U, 431U, 511U}) {
            CAPTURE(status);
            CHECK(outcome(status, {{"Cache-Control", "max-age=60, public"}}) == "status");
        }
        CHECK(outcome(103, {{"Cache-Control", "max-age=60"}}) == "status");
    }
    SUBCASE("without it, what may be guessed about") {
        CHECK(outcome(201, {{"ETag", "\"a\""}}) == "status");
        CHECK(outcome(503, {{"Last-Modified", a_day_ago}}) == "status");
        CHECK(outcome(299, {{"Last-Modified", a_day_ago}, {"Cache-Control", "public"}}) ==
              "8640 s, 17280 s");
    }
    SUBCASE("section 5.2.2.3: must-understand takes no-store back for a known status") {
        lines const both{{"Cache-Control", "max-age=60, no-store, must-understand"}};
        CHECK(outcome(200, both) == "60 s, 660 s");
        CHECK(outcome(299, both) == "no_store");
        CHECK(outcome(299, {{"Cache-Control", "max-age=60, must-understand"}}) == "status");
    }
    SUBCASE("section 5.2.1.5: the client's no-store") {
        CHECK(outcome(200, {{"Cache-Control", "max-age=60"}}, {{"Cache-Control", "no-store"}}) ==
              "no_store");
    }
    SUBCASE("Set-Cookie where the rule allows it") {
        CHECK(outcome(200, {{"Cache-Control", "max-age=60"}, {"Set-Cookie", "a=b"}}, {}, true) ==
              "60 s, 660 s");
    }
}

TEST_CASE("store_errors: any error with explicit freshness, but none of RFC 6585") {
    rule_definition rule = a_rule("rest", "GET /{path*}", "");
    rule.origin = true;
    rule.store_errors = true;
    request const asked{.method = "GET",
                        .target = "/a",
                        .host = "h",
                        .fields = {},
                        .has_body = false,
                        .identity = std::nullopt};
    lines const fresh{{"Cache-Control", "max-age=60"}};
    lines const silent{{"Last-Modified", a_day_ago}};
    for (unsigned const status : {400U, 403U, 404U, 410U, 499U, 500U, 502U, 503U, 504U, 599U}) {
        CAPTURE(status);
        CHECK(std::holds_alternative<kept>(may_keep(rule, asked, status, fresh, now, now)));
    }
    for (unsigned const status : {403U, 502U, 599U}) {
        CAPTURE(status);
        CHECK(std::holds_alternative<not_stored>(may_keep(rule, asked, status, silent, now, now)));
    }
    for (unsigned const status : {304U, 416U, 428U, 429U, 431U, 511U}) {
        CAPTURE(status);
        CHECK(std::holds_alternative<not_stored>(may_keep(rule, asked, status, fresh, now, now)));
    }
}

TEST_CASE("RFC 9111 section 3.5: requests with Authorization") {
    lines const with{{"Authorization", "Basic eDp5"}};
    CHECK(outcome(200, {{"Cache-Control", "max-age=60"}}, with) == "authorization");
    CHECK(outcome(200, {{"Expires", "Sun, 06 Nov 1994 08:50:37 GMT"}}, with) == "authorization");
    CHECK(outcome(200, {{"Cache-Control", "max-age=60, proxy-revalidate"}}, with) ==
          "authorization");
    CHECK(outcome(200, {{"Cache-Control", "max-age=60, public"}}, with) == "60 s, 660 s");
    CHECK(outcome(200, {{"Cache-Control", "max-age=60, must-revalidate"}}, with) == "60 s, 60 s");
    CHECK(outcome(200, {{"Cache-Control", "s-maxage=60"}}, with) == "60 s, 60 s");
}

TEST_CASE("RFC 9111 sections 5.2.2.4 and 5.2.2.7: named fields are left out") {
    lines const response{
        {"Cache-Control", "max-age=60, private=\"set-cookie, X-User\", no-cache=\"a\""}};
    auto const result = keep(200, response);
    REQUIRE(std::holds_alternative<kept>(result));
    CHECK(std::get<kept>(result).left_out == std::vector<std::string>{"set-cookie", "X-User", "a"});
}
