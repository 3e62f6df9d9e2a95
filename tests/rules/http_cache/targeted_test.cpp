#include "rules/http_cache/targeted.hpp"

#include "rules/http_cache/structured_field.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::rules;
using namespace sidecache::rules::http_cache;
using lines = std::vector<field>;

namespace {

/// "a=1 b" for the members, "-" for no dictionary.
std::string read(std::string_view text) {
    std::vector<member> members;
    if (!read_dictionary(text, members)) {
        return "-";
    }
    std::string out;
    for (auto const& m : members) {
        out += out.empty() ? "" : " ";
        out += m.key;
        switch (m.what) {
            case member::kind::boolean:
                out += m.boolean ? "" : "=?0";
                break;
            case member::kind::integer:
                out += "=" + std::to_string(m.integer);
                break;
            case member::kind::decimal:
                out += "=decimal";
                break;
            case member::kind::string:
                out += "='" + m.text + "'";
                break;
            case member::kind::token:
                out += "=" + m.text;
                break;
            case member::kind::bytes:
                out += "=bytes";
                break;
            case member::kind::inner_list:
                out += "=list";
                break;
        }
    }
    return out;
}

}  // namespace

TEST_CASE("RFC 8941 section 4.2.2: dictionaries") {
    struct row {
        std::string_view text;
        std::string_view expected;
    };
    for (auto const& [text, expected] : std::vector<row>{
             {"", ""},
             {"  a=1  ", "a=1"},
             {"max-age=600, no-store", "max-age=600 no-store"},
             {"a=?0, b, c; foo=bar", "a=?0 b c"},
             {"a=1;x;y=2,b=\"q, \\\"\\\\\"", "a=1 b='q, \"\\'"},
             {"rating=1.5, feelings=(joy sadness), t=Abc/*, b=:aGk=:",
              "rating=decimal feelings=list t=Abc/* b=bytes"},
             {"a=(1 \"x\";p 2.0 );q=1", "a=list"},
             {"a=()", "a=list"},
             {"a=1,b=2,a=3", "b=2 a=3"},
             {"a=-7", "a=-7"},
             {"*k=999999999999999", "*k=999999999999999"},
             {"a=1 ,\t b=2", "a=1 b=2"},
             // not a dictionary
             {"A=1", "-"},
             {"MaX-aGe=3600", "-"},
             {"a =1", "-"},
             {"a= 1", "-"},
             {"a=1,", "-"},
             {",a=1", "-"},
             {"a=1 b=2", "-"},
             {"max-age=10000, &&&&&", "-"},
             {"a=", "-"},
             {"a=\"open", "-"},
             {"a=\"\\x\"", "-"},
             {"a=\"\xc3\xbc\"", "-"},
             {"a=1000000000000000", "-"},
             {"a=1.", "-"},
             {"a=.5", "-"},
             {"a=1.2345", "-"},
             {"a=1234567890123.1", "-"},
             {"a=-", "-"},
             {"a=?2", "-"},
             {"a=?", "-"},
             {"a=(1", "-"},
             {"a=(1\"x\")", "-"},
             {"a=:a_:", "-"},
             {"a=:YQ==", "-"},
             {"a;B=1", "-"},
             {"a='1'", "-"},
         }) {
        CAPTURE(text);
        CHECK(read(text) == expected);
    }
}

TEST_CASE("RFC 9213: a targeted field stands in for Cache-Control and Expires") {
    governing g;
    SUBCASE("valid") {
        lines const both{{"Cache-Control", "no-store, max-age=1"},
                         {"CDN-Cache-Control", "max-age=3600, must-revalidate, foobar"}};
        read_governing(both, g);
        CHECK(g.is_targeted);
        CHECK(g.directives.max_age == 3600);
        CHECK(g.directives.must_revalidate);
        CHECK_FALSE(g.directives.no_store);
    }
    SUBCASE("several lines are one field") {
        lines const two{{"CDN-Cache-Control", "max-age=60"}, {"cdn-cache-control", "no-cache"}};
        read_governing(two, g);
        CHECK(g.directives.max_age == 60);
        CHECK(g.directives.no_cache);
    }
    SUBCASE("the first of the target list that counts") {
        lines const two{{"CDN-Cache-Control", "max-age=60"},
                        {"Sidecache-Cache-Control", "max-age=70"}};
        read_governing(two, g);
        CHECK(g.directives.max_age == 70);
        lines const odd{{"CDN-Cache-Control", "max-age=60"},
                        {"Sidecache-Cache-Control", "max-age=7x"}};
        read_governing(odd, g);
        CHECK(g.directives.max_age == 60);
    }
    SUBCASE("names that qualify") {
        lines const named{{"CDN-Cache-Control", "private=\"a, b\", no-store=?0"}};
        read_governing(named, g);
        CHECK(g.directives.private_fields == "a, b");
        CHECK_FALSE(g.directives.is_private);
        CHECK_FALSE(g.directives.no_store);
    }
    SUBCASE("what is too large is a long time") {
        lines const large{{"CDN-Cache-Control", "max-age=99999999999"}};
        read_governing(large, g);
        CHECK(g.directives.max_age == longest_delta);
    }
    SUBCASE("invalid or empty: ignored as a whole") {
        for (auto const* text : {"max-age=10000, &&&&&",
                                 "max-age=\"10000\"",
                                 "max-age=-1",
                                 "max-age=1.5",
                                 "max-age",
                                 "no-store=1, max-age=10000",
                                 "MaX-aGe=3600",
                                 ""}) {
            CAPTURE(text);
            lines const both{{"CDN-Cache-Control", text}, {"Cache-Control", "no-store"}};
            read_governing(both, g);
            CHECK_FALSE(g.is_targeted);
            CHECK(g.directives.no_store);
        }
    }
}
