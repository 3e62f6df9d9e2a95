// Which variant a request selects (RFC 9111 section 4.1), and what tells two variants apart.
#include "rules/decision.hpp"
#include "rules/preference.hpp"
#include "rules/storable.hpp"
#include "rules/vary.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace sidecache::rules;

namespace {

using lines = std::vector<field>;
using stored_fields = std::vector<std::pair<std::string, std::string>>;

request asking(lines const& fields) {
    return {.method = "GET",
            .target = "/",
            .host = "h",
            .fields = fields,
            .has_body = false,
            .identity = std::nullopt};
}

/// What an entry keeps of a request whose response said `Vary: names`.
stored_fields kept(std::string_view names, lines const& fields) {
    lines const response{{"Vary", names}};
    auto varied = varied_fields(response, asking(fields));
    REQUIRE(varied.has_value());
    return *varied;
}

std::vector<std::pair<std::string_view, std::string_view>> views(stored_fields const& of) {
    return {of.begin(), of.end()};
}

bool same(std::string_view names, lines const& stored, lines const& asked) {
    auto const of = kept(names, stored);
    return vary_matches(views(of), asking(asked));
}

decision taken(std::string_view names, lines const& stored, lines const& asked) {
    decision wanted;
    wanted.key = "product:1:details|orgId=7";
    wanted.full_key = wanted.key + "\nid=x";
    wanted.lock_key = "product:1:lock|orgId=7";
    auto const of = kept(names, stored);
    REQUIRE(take_variant(wanted, views(of), asking(asked)));
    return wanted;
}

}  // namespace

TEST_CASE("a variant's key, full key and lock are the plain ones and its slot") {
    auto const d =
        taken("Accept-Language", {{"Accept-Language", "en"}}, {{"Accept-Language", "de"}});
    REQUIRE(d.variant >= 1);
    REQUIRE(d.variant <= variant_slots);
    auto const n = std::to_string(d.variant);
    CHECK(d.key == "product:1:details|orgId=7|variant=" + n);
    CHECK(d.lock_key == "product:1:lock|orgId=7|variant=" + n);
    auto const full = std::string("product:1:details|orgId=7\nid=x\nvariant=");
    CHECK(d.full_key.starts_with(full));
    CHECK(d.full_key.size() == full.size() + 16);
}

TEST_CASE("a rule without a lock has none for its variants either") {
    decision wanted;
    wanted.key = "k";
    lines const nothing;
    auto const of = kept("Accept", {{"Accept", "a/b"}});
    REQUIRE(take_variant(wanted, views(of), asking(nothing)));
    CHECK(wanted.lock_key.empty());
}

TEST_CASE("a request is turned to a variant once") {
    auto d = taken("Accept", {{"Accept", "a/b"}}, {{"Accept", "c/d"}});
    auto const key = d.key;
    auto const of = kept("Accept", {{"Accept", "e/f"}});
    lines const asked{{"Accept", "c/d"}};
    CHECK_FALSE(take_variant(d, views(of), asking(asked)));
    CHECK(d.key == key);
}

TEST_CASE("a variant depends on the fields that the entry varies on and on nothing else") {
    lines const stored{{"Accept", "a/b"}};
    auto const plain = taken("Accept", stored, {{"Accept", "c/d"}});
    auto const more =
        taken("Accept", stored, {{"X-Trace", "1"}, {"Accept", "c/d"}, {"Cookie", "x"}});
    CHECK(more.full_key == plain.full_key);
    // The stored values do not count either: whoever came first, a reader finds its slot again.
    CHECK(taken("accept", {{"Accept", "e/f"}}, {{"accept", "c/d"}}).full_key == plain.full_key);
    CHECK(taken("Accept, X-Trace", stored, {{"Accept", "c/d"}}).full_key != plain.full_key);
}

TEST_CASE("absent, empty and joined values are variants of their own") {
    lines const stored{{"X-A", "1"}, {"X-B", "2"}};
    std::vector<lines> const all{
        {},
        {{"X-A", ""}},
        {{"X-B", ""}},
        {{"X-A", "2"}, {"X-B", "1"}},
        {{"X-A", "21"}},
        {{"X-B", "21"}},
        {{"X-A", "2"}, {"X-A", "1"}},
        {{"X-A", "1"}, {"X-A", "2"}},
    };
    std::set<std::string> full_keys;
    for (auto const& each : all) {
        full_keys.insert(taken("X-A, X-B", stored, each).full_key);
    }
    CHECK(full_keys.size() == all.size());
    CHECK(taken("X-A", stored, {{"X-A", "2"}, {"X-A", "3"}}).full_key ==
          taken("X-A", stored, {{"x-a", " 2, 3 "}}).full_key);
}

TEST_CASE("random values occupy seven slots and no more, each of them") {
    std::mt19937_64 random(1);
    std::set<std::string> keys;
    std::set<std::string> full_keys;
    for (int i = 0; i < 2'000; ++i) {
        auto const language = std::to_string(random());
        auto const d =
            taken("Accept-Language", {{"Accept-Language", "en"}}, {{"Accept-Language", language}});
        keys.insert(d.key);
        full_keys.insert(d.full_key);
    }
    CHECK(keys.size() == variant_slots);
    CHECK(full_keys.size() == 2'000);
}

TEST_CASE("what two spellings of one preference are, and what only looks like it") {
    struct row {
        std::string_view stored;
        std::string_view asked;
        bool same;
    };
    for (auto const& [stored, asked, expected] : std::vector<row>{
             {"gzip, deflate, br", "gzip,deflate,br", true},
             {"gzip, deflate, br", "GZIP , Deflate\t,bR", true},
             {"gzip, deflate, br", "gzip;q=1.0, deflate; q=1, br;Q=1.000", true},
             {"gzip, br", ", gzip,, br ,", true},
             {"br;q=0.5, gzip", "br;q=0.50,gzip", true},
             {"*;q=0", "* ; q=0.", true},
             {"", ",", true},
             {"de-AT, de;q=0.9", "de-at,de;q=0.9", true},
             // The backend may break the tie by the order.
             {"gzip, deflate, br", "br, gzip, deflate", false},
             {"br, gzip;q=0.5", "gzip;q=0.5, br", false},
             {"gzip", "gzip, gzip", false},
             {"gzip", "gzip;q=0.999", false},
             {"gzip", "", false},
             {"gzip", "x-gzip", false},
             // Another form: as it came, and nothing else.
             {"gzip;x=1", "GZIP;x=1", false},
             {"gzip;q=2", "gzip;q=2", true},
             {"gzip;q=1.5", "gzip;q=1.50", false},
             {"gzip;q=0.1234", "gzip;q=0.12340", false},
             {"gzip;q =1", "gzip", false},
             {"\"gzip,br\"", "\"gzip,br\"", true},
             {"\"gzip,br\"", "\"gzip, br\"", false},
             {"gz ip", "GZ ip", false},
             {"gzip;", "gzip", false},
             {"gzip;q=", "gzip", false},
         }) {
        CAPTURE(stored);
        CAPTURE(asked);
        for (std::string_view const name : {"Accept-Encoding", "Accept-Language"}) {
            lines const a{{name, stored}};
            lines const b{{name, asked}};
            CHECK(same(name, a, b) == expected);
            CHECK(same(name, b, a) == expected);
            // One wish, one slot.
            auto const other = lines{{name, "zz"}};
            CHECK((taken(name, other, a).full_key == taken(name, other, b).full_key) == expected);
        }
    }
}

TEST_CASE("any other field is compared as it came, but for spaces around the commas of a list") {
    struct row {
        std::string_view stored;
        std::string_view asked;
        bool same;
    };
    for (auto const& [stored, asked, expected] : std::vector<row>{
             {"1,2", " 1, 2 ", true},
             {"1\t,2", "1 ,\t 2", true},
             {"a  b", "a b", false},
             {"a b,c", "a b , c", true},
             {"a", "A", false},
             {"1,2", "2,1", false},
             {"1,2", "1,,2", false},
             {"1", "1,", false},
             {"\"1,2\"", "\"1, 2\"", false},
             {"\"a\\\", b\", c", "\"a\\\", b\",c", true},
             {"\"a\\\", b\"", "\"a\\\",b\"", false},
             {"a;q=1", "a", false},
         }) {
        CAPTURE(stored);
        CAPTURE(asked);
        lines const a{{"X-Wish", stored}};
        lines const b{{"X-Wish", asked}};
        CHECK(same("X-Wish", a, b) == expected);
        CHECK(same("X-Wish", b, a) == expected);
        lines const other{{"X-Wish", "other"}};
        CHECK((taken("X-Wish", other, a).full_key == taken("X-Wish", other, b).full_key) ==
              expected);
    }
    CHECK(same("X-Wish", {{"X-Wish", "1,2"}}, {{"X-Wish", "1"}, {"x-wish", " 2"}}));
    CHECK_FALSE(
        same("X-Wish", {{"X-Wish", "1,2"}}, {{"X-Wish", "1"}, {"x-wish", "2"}, {"X-Wish", ""}}));
}

TEST_CASE("vary_language: preference: the same wishes in any order, or one above all") {
    auto const selects =
        [](std::string_view language, std::string_view stored, lines const& asked) {
            lines response{{"Vary", "Accept-Language"}};
            if (!language.empty()) {
                response.push_back({"Content-Language", language});
            }
            lines const first{{"Accept-Language", stored}};
            auto const varied = varied_fields(response, asking(first), true);
            REQUIRE(varied.has_value());
            return vary_matches(views(*varied), asking(asked));
        };
    struct row {
        std::string_view language;
        std::string_view stored;
        std::string_view asked;
        bool same;
    };
    for (auto const& [language, stored, asked, expected] : std::vector<row>{
             {"", "en, de", "en, de", true},
             {"", "en, de", "de, EN", true},
             {"", "en, de;q=0.5", "de;q=0.50, en", true},
             {"", "en, de;q=0.5", "de, en;q=0.5", false},
             {"", "en, de", "en", false},
             {"", "en, en, de", "en, de, de", false},
             {"de", "en, de", "fr;q=0.5, de;q=1.0", true},
             {"DE", "en, de", "de", true},
             {"de", "en, de", "fr, de", false},
             {"de", "en, de", "de-AT, de;q=0.9", false},
             {"de", "en, de", "*", false},
             {"de", "en, de", "de;q=0", false},
             {"de, en", "en, de", "de", false},
             {"de", "e n", "e n", true},
             {"de", "e n", "n e", false},
         }) {
        CAPTURE(language);
        CAPTURE(stored);
        CAPTURE(asked);
        CHECK(selects(language, stored, {{"Accept-Language", asked}}) == expected);
    }
    CHECK_FALSE(selects("de", "en, de", {}));
    std::string long_list = "a";
    for (int i = 0; i < 40; ++i) {
        long_list += ", a" + std::to_string(i);
    }
    CHECK(selects("", long_list, {{"Accept-Language", long_list}}));
    CHECK_FALSE(selects("", long_list, {{"Accept-Language", long_list + ", b"}}));

    SUBCASE("one wish, one slot") {
        auto const slot = [](std::string_view asked) {
            lines const response{{"Vary", "Accept-Language"}};
            lines const first{{"Accept-Language", "xx"}};
            lines const second{{"Accept-Language", asked}};
            auto const of = varied_fields(response, asking(first), true);
            decision wanted;
            REQUIRE(take_variant(wanted, views(*of), asking(second)));
            return wanted.full_key;
        };
        CHECK(slot("en, de;q=0.5") == slot("DE;q=0.500, en"));
        CHECK(slot("en, de") != slot("en"));
    }
}

TEST_CASE("preferences in several lines are one list; none is not an empty one") {
    CHECK(same("Accept-Encoding",
               {{"Accept-Encoding", "gzip"}, {"accept-encoding", "br;q=0.5"}},
               {{"Accept-Encoding", "GZIP, br;q=0.500"}}));
    CHECK_FALSE(same("Accept-Encoding", {}, {{"Accept-Encoding", ""}}));
    CHECK_FALSE(same("Accept-Encoding", {{"Accept-Encoding", ""}}, {}));
    CHECK(taken("Accept-Encoding", {{"Accept-Encoding", "x"}}, {}).full_key !=
          taken("Accept-Encoding", {{"Accept-Encoding", "x"}}, {{"Accept-Encoding", ""}}).full_key);
}

TEST_CASE("a weight has at most three digits behind its point") {
    struct row {
        std::string_view text;
        int weight;  // -1: another form
    };
    for (auto const& [text, weight] : std::vector<row>{
             {"a", 1000},
             {"a;q=1", 1000},
             {"a;q=0", 0},
             {"a;q=0.5", 500},
             {"a;q=0.05", 50},
             {"a;q=0.005", 5},
             {"a;q=1.001", -1},
             {"a;q=10", -1},
             {"a;q=.5", -1},
             {"a;q=-1", -1},
             {"a;q=0,5", -1},
             {"a;q=1;q=0", -1},
             {";q=1", -1},
             {"a b", -1},
         }) {
        CAPTURE(text);
        auto const read = read_preference(text);
        CHECK(read.has_value() == (weight >= 0));
        if (read) {
            CHECK(read->weight == weight);
        }
    }
}

TEST_CASE("generated values: what matches has one variant, and what has one variant matches") {
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string_view const pieces[] = {
        "gzip", "GZIP", "br", ",", ", ", ";", "q=", "1", "0", ".5", "1.0", " ", "\"", "*"};
    auto const value = [&] {
        std::string out;
        for (auto n = random() % 6; n > 0; --n) {
            out += pieces[random() % std::size(pieces)];
        }
        return out;
    };
    int equal = 0;
    for (int i = 0; i < 5'000; ++i) {
        auto const a = value();
        auto const b = value();
        CAPTURE(a);
        CAPTURE(b);
        lines const first{{"Accept-Encoding", a}};
        lines const second{{"Accept-Encoding", b}};
        lines const other{{"Accept-Encoding", "other"}};
        bool const matches = same("Accept-Encoding", first, second);
        equal += matches ? 1 : 0;
        CHECK(matches == same("Accept-Encoding", second, first));
        CHECK(matches == (taken("Accept-Encoding", other, first).full_key ==
                          taken("Accept-Encoding", other, second).full_key));
    }
    CHECK(equal > 0);
}
