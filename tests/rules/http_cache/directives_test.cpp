#include "rules/http_cache/directives.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string_view>
#include <vector>

using namespace sidecache::rules;
using namespace sidecache::rules::http_cache;
using lines = std::vector<field>;

namespace {

std::optional<std::uint64_t> max_age(lines const& fields) {
    return read_response_directives(fields).max_age;
}

}  // namespace

TEST_CASE("RFC 9111 section 1.2.2: delta-seconds") {
    CHECK(read_delta("0") == 0);
    CHECK(read_delta("003600") == 3600);
    CHECK(read_delta("2147483647") == 2'147'483'647);
    CHECK(read_delta("2147483648") == longest_delta);
    CHECK(read_delta("99999999999999999999999") == longest_delta);
    for (auto const* text : {"", "-1", "+1", "1.0", "1a", "a1", " 1", "'1'", "\"\"", "1,2"}) {
        CAPTURE(text);
        CHECK_FALSE(read_delta(text).has_value());
    }
}

TEST_CASE("max-age as servers write it") {
    struct row {
        lines fields;
        std::optional<std::uint64_t> expected;
    };
    for (auto const& [fields, expected] : std::vector<row>{
             {{{"Cache-Control", "max-age=3600"}}, 3600},
             {{{"cache-control", "MaX-aGe=3600"}}, 3600},
             {{{"Cache-Control", "max-age=\"3600\""}}, 3600},
             {{{"Cache-Control", "max-age=003600"}}, 3600},
             {{{"Cache-Control", "foobar, max-age=3600"}}, 3600},
             {{{"Cache-Control", "foo=\"a, b\",,max-age=3600 ,"}}, 3600},
             {{{"Cache-Control", "public"}, {"Cache-Control", "max-age=3600"}}, 3600},
             {{{"Cache-Control", "max-age=99999999999"}}, longest_delta},
             // said twice: the smaller one
             {{{"Cache-Control", "max-age=1800, max-age=1"}}, 1},
             {{{"Cache-Control", "max-age=1"}, {"Cache-Control", "max-age=1800"}}, 1},
             // unreadable: over already (section 4.2.1)
             {{{"Cache-Control", "max-age='3600'"}}, 0},
             {{{"Cache-Control", "max-age=a3600"}}, 0},
             {{{"Cache-Control", "max-age=3600a"}}, 0},
             {{{"Cache-Control", "max-age=3600.0"}}, 0},
             {{{"Cache-Control", "max-age=-100"}}, 0},
             {{{"Cache-Control", "max-age"}}, 0},
             {{{"Cache-Control", "max-age= 3600"}}, 0},
             {{{"Cache-Control", "max-age=3600; public"}}, 0},
             // another directive, or none
             {{{"Cache-Control", "max-age =3600"}}, std::nullopt},
             {{{"Cache-Control", "extension=\"max-age=3600\""}}, std::nullopt},
             {{{"Cache-Control", "x-max-age=3600"}}, std::nullopt},
             {{{"Cache-Control", ""}}, std::nullopt},
             {{{"Pragma", "max-age=3600"}}, std::nullopt},
             {{}, std::nullopt},
         }) {
        CAPTURE(fields.empty() ? "" : fields[0].value);
        CHECK(max_age(fields) == expected);
    }
    CHECK(max_age({{"Cache-Control", "extension=\"max-age=3600\", max-age=1"}}) == 1);
    CHECK(max_age({{"Cache-Control", "max-age=1, extension=\"max-age=3600\""}}) == 1);
}

TEST_CASE("RFC 9111 section 5.2.2: the other response directives") {
    lines const all{{"Cache-Control",
                     "no-store, no-cache, private, public, must-revalidate, proxy-revalidate, "
                     "must-understand, s-maxage=5, no-transform, immutable"},
                    {"Cache-Control", "stale-while-revalidate=7, stale-if-error=\"9\""}};
    auto const d = read_response_directives(all);
    CHECK(d.no_store);
    CHECK(d.no_cache);
    CHECK(d.is_private);
    CHECK(d.is_public);
    CHECK(d.must_revalidate);
    CHECK(d.proxy_revalidate);
    CHECK(d.must_understand);
    CHECK(d.s_maxage == 5);
    CHECK(d.stale_while_revalidate == 7);
    CHECK(d.stale_if_error == 9);

    SUBCASE("nothing that forbids hides behind a space or a quote that never ends") {
        for (auto const* value : {"private =\"x\"",
                                  "max-age=60, private =x",
                                  "max-age=60, ext=\"a, private",
                                  "max-age=60, ext=\"a\\\", private",
                                  "max-age=60, \", private"}) {
            CAPTURE(value);
            lines const fields{{"Cache-Control", value}};
            auto const q = read_response_directives(fields);
            CHECK((q.is_private || !q.private_fields.empty()));
        }
        lines const spaced{{"Cache-Control", "no-store =1, no-cache =, must-revalidate = "}};
        auto const q = read_response_directives(spaced);
        CHECK(q.no_store);
        CHECK(q.no_cache);
        CHECK(q.must_revalidate);
    }
    SUBCASE("an unreadable stale window is none") {
        lines const odd{{"Cache-Control", "stale-while-revalidate=x, stale-if-error"}};
        auto const none = read_response_directives(odd);
        CHECK_FALSE(none.stale_while_revalidate.has_value());
        CHECK_FALSE(none.stale_if_error.has_value());
    }
    SUBCASE("qualified forms name fields (sections 5.2.2.4 and 5.2.2.7)") {
        lines const named{{"Cache-Control", "private=\"set-cookie, x\", no-cache=a"}};
        auto const q = read_response_directives(named);
        CHECK_FALSE(q.is_private);
        CHECK(q.private_fields == "set-cookie, x");
        CHECK_FALSE(q.no_cache);
        CHECK(q.no_cache_fields == "a");
    }
    SUBCASE("a qualified form without names, or said twice, is about the whole") {
        lines const empty{{"Cache-Control", "private=\"\""}};
        CHECK(read_response_directives(empty).is_private);
        lines const twice{{"Cache-Control", "no-cache=\"a\""}, {"Cache-Control", "no-cache=\"b\""}};
        CHECK(read_response_directives(twice).no_cache);
    }
    SUBCASE("what stands in a quoted string is text") {
        lines const quoted{{"Cache-Control", "ext=\"no-store, private\""}};
        auto const none = read_response_directives(quoted);
        CHECK_FALSE(none.no_store);
        CHECK_FALSE(none.is_private);
    }
}

TEST_CASE("RFC 9111 section 5.2.1: request directives") {
    lines const all{{"Cache-Control", "no-cache, no-store, only-if-cached, max-age=1"},
                    {"Cache-Control", "min-fresh=2, max-stale=3, stale-if-error=4"}};
    auto const d = read_request_directives(all);
    CHECK(d.no_cache);
    CHECK(d.no_store);
    CHECK(d.only_if_cached);
    CHECK(d.max_age == 1);
    CHECK(d.min_fresh == 2);
    CHECK(d.max_stale == 3);
    CHECK(d.stale_if_error == 4);
    CHECK_FALSE(d.is_plain());
    CHECK(read_request_directives(lines{}).is_plain());
    CHECK(read_request_directives(lines{{"Cache-Control", "no-transform"}}).is_plain());

    SUBCASE("max-stale without a value takes any staleness") {
        CHECK(read_request_directives(lines{{"Cache-Control", "max-stale"}}).max_stale ==
              longest_delta);
    }
    SUBCASE("what is unreadable is the strictest") {
        lines const odd{{"Cache-Control", "max-age=x, min-fresh=x, max-stale=x"}};
        auto const strict = read_request_directives(odd);
        CHECK(strict.max_age == 0);
        CHECK(strict.min_fresh == longest_delta);
        CHECK(strict.max_stale == 0);
    }
    SUBCASE("section 5.4: Pragma counts where there is no Cache-Control") {
        CHECK(read_request_directives(lines{{"Pragma", "no-cache"}}).no_cache);
        CHECK(read_request_directives(lines{{"Pragma", "x, No-Cache"}}).no_cache);
        CHECK_FALSE(read_request_directives(lines{{"Pragma", "extension"}}).no_cache);
        CHECK_FALSE(
            read_request_directives(lines{{"Pragma", "no-cache"}, {"Cache-Control", "max-age=5"}})
                .no_cache);
    }
}
