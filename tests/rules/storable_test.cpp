#include "rules/storable.hpp"

#include "rules/cache_control.hpp"
#include "rules/vary.hpp"
#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

using namespace sidecache::rules;
using namespace sidecache::rules::test;
using namespace std::chrono_literals;

using lines = std::vector<field>;

namespace {

rule_definition ten_minutes() {
    return a_rule("details", "GET /products/{id}", "product:{id}");
}

std::string outcome(rule_definition const& rule,
                    unsigned status,
                    lines const& response,
                    lines const& asked = {}) {
    request const r{.method = "GET",
                    .target = "/products/1",
                    .host = "h",
                    .fields = asked,
                    .has_body = false,
                    .identity = std::nullopt};
    auto const result = may_store(rule, r, status, response);
    if (auto const* why = std::get_if<not_stored>(&result)) {
        return std::string(name(*why));
    }
    return "stored " + std::to_string(std::get<storable>(result).ttl / 1s) + " s";
}

}  // namespace

TEST_CASE("a rule with a duration stores what may be stored, for that long") {
    auto rule = ten_minutes();
    struct row {
        unsigned status;
        lines response;
        std::string outcome;
    };
    for (auto const& [status, response, expected] : std::vector<row>{
             {200, {}, "stored 600 s"},
             {200, {{"Cache-Control", "max-age=5"}}, "stored 600 s"},
             {200, {{"Cache-Control", "no-cache"}}, "stored 600 s"},
             {200, {{"cache-control", "No-Store"}}, "no_store"},
             {200,
              {{"Cache-Control", "public"}, {"Cache-Control", "max-age=1 , no-store"}},
              "no_store"},
             {200, {{"Cache-Control", "private"}}, "private"},
             {200, {{"Cache-Control", "private=\"set-cookie, x\""}}, "private"},
             {200, {{"Cache-Control", "ext=\"no-store, private\""}}, "stored 600 s"},
             {200, {{"Set-Cookie", "a=b"}}, "set_cookie"},
             {200, {{"Vary", "*"}}, "vary_star"},
             {200, {{"Vary", "Accept, *"}}, "vary_star"},
             {200, {{"Vary", "\"Accept, Cookie\""}}, "vary_star"},
             {200, {{"Vary", "Accept Cookie"}}, "vary_star"},
             {200, {{"Cache-Control", "ext=\"a, private"}}, "private"},
             {200, {{"Cache-Control", "\", no-store"}}, "no_store"},
             {200, {{"Vary", "Accept-Encoding"}}, "stored 600 s"},
             {206, {}, "partial"},
             {200, {{"Content-Range", "bytes 0-1/2"}}, "partial"},
             {404, {}, "status"},
             {500, {}, "status"},
             {301, {}, "status"},
         }) {
        CAPTURE(status);
        CAPTURE(response.empty() ? "" : response[0].value);
        CHECK(outcome(rule, status, response) == expected);
    }
    SUBCASE("the client's no-store counts as well (RFC 9111 section 5.2.1.5)") {
        CHECK(outcome(rule, 200, {}, {{"Cache-Control", "no-store"}}) == "no_store");
        CHECK(outcome(rule, 200, {}, {{"Cache-Control", "no-cache"}}) == "stored 600 s");
    }
    SUBCASE("other statuses that the rule names") {
        rule.statuses[404] = 30s;
        CHECK(outcome(rule, 404, {}) == "stored 30 s");
        CHECK(outcome(rule, 200, {}) == "stored 600 s");
        rule.statuses[206] = 30s;
        CHECK(outcome(rule, 206, {}) == "partial");
    }
    SUBCASE("longer than it is fresh, where it may be served stale") {
        auto const life = [&](lines const& response) {
            auto const kept = may_store(rule,
                                        {.method = "GET",
                                         .target = "/",
                                         .host = "h",
                                         .fields = {},
                                         .has_body = false,
                                         .identity = std::nullopt},
                                        200,
                                        response);
            return std::get<storable>(kept).life;
        };
        CHECK(life({}) == 0s);
        rule.stale_while_revalidate = 1min;
        rule.stale_if_error = 1h;
        CHECK(life({}) == 10min + 1h);
        CHECK(life({{"Cache-Control", "must-revalidate"}}) == 0s);
        CHECK(life({{"Cache-Control", "proxy-revalidate"}}) == 0s);
    }
    SUBCASE("Set-Cookie, if the author says so") {
        rule.store_set_cookie = true;
        CHECK(outcome(rule, 200, {{"Set-Cookie", "a=b"}}) == "stored 600 s");
    }
}

TEST_CASE("a stored response is for requests with the same varied fields (RFC 9111 section 4.1)") {
    lines const fields{
        {"Accept-Language", "de"}, {"accept", "text/html "}, {"Accept", "text/plain"}};
    request const asked{.method = "GET",
                        .target = "/",
                        .host = "h",
                        .fields = fields,
                        .has_body = false,
                        .identity = std::nullopt};
    lines const response{{"Vary", "Accept, X-Missing"}, {"vary", "ACCEPT-LANGUAGE,accept"}};
    auto const varied = varied_fields(response, asked);
    REQUIRE(varied.has_value());
    std::vector<std::pair<std::string, std::string>> const expected{
        {"accept", "text/html, text/plain"},
        {"accept-language", "de"},
        {"x-missing", std::string(absent_field)}};
    CHECK(*varied == expected);

    std::vector<std::pair<std::string_view, std::string_view>> const stored(varied->begin(),
                                                                            varied->end());
    auto const matches = [&](lines const& other) {
        return vary_matches(stored,
                            {.method = "GET",
                             .target = "/",
                             .host = "h",
                             .fields = other,
                             .has_body = false,
                             .identity = std::nullopt});
    };
    CHECK(matches(fields));
    CHECK(matches({{"Accept", "text/html, text/plain"}, {"Accept-Language", "de"}}));
    CHECK_FALSE(matches({{"Accept", "text/html, text/plain"}, {"Accept-Language", "en"}}));
    CHECK_FALSE(matches({{"Accept", "text/html"}, {"Accept-Language", "de"}}));
    CHECK_FALSE(matches({{"Accept-Language", "de"}}));
    CHECK_FALSE(matches(
        {{"Accept", "text/html, text/plain"}, {"Accept-Language", "de"}, {"X-Missing", ""}}));
}

TEST_CASE("Cache-Control is read towards caution (RFC 9111 section 5.2)") {
    struct row {
        std::string_view value;
        std::optional<std::uint64_t> max_age;
        std::optional<std::uint64_t> s_maxage;
    };
    for (auto const& [value, max_age, s_maxage] : std::vector<row>{
             {"max-age=600", 600, {}},
             {"MAX-AGE = 600", 600, {}},
             {"max-age=\"600\"", 600, {}},
             {"max-age=600, max-age=5", 5, {}},
             {"s-maxage=1,max-age=2", 2, 1},
             {"max-age=-1", 0, {}},
             {"max-age", 0, {}},
             {"max-age=99999999999999999999999", 2147483648, {}},
             {"max-agent=5", {}, {}},
             {", ,", {}, {}},
         }) {
        CAPTURE(value);
        lines const fields{{"Cache-Control", value}};
        auto const read = read_cache_control(fields);
        CHECK(read.max_age == max_age);
        CHECK(read.s_maxage == s_maxage);
    }
    lines const many{{"Cache-Control", "public, must-revalidate"},
                     {"Cache-Control", "no-cache=\"x\", private, no-store"}};
    auto const all = read_cache_control(many);
    CHECK((all.is_public && all.must_revalidate && all.no_cache && all.is_private && all.no_store));
}
