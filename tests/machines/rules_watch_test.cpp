// Who joins replicas with other rules (protocol.md section 3.8): what the list says, line by line.
#include "proxy/store/rules_watch.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace sidecache;
using namespace sidecache::store;
using namespace std::chrono_literals;
using time_point = rules_watch::time_point;
using who = rules_watch::others;

namespace {

constexpr auto life = 35s;
constexpr auto listing = 35s;
constexpr auto start = time_point(100s);

/// A renewal that is sent and answered at once.
void renew(rules_watch& w, time_point at, std::optional<who> list, bool was_listed = true) {
    w.renewed(was_listed, list, at, listing, at);
}

}  // namespace

TEST_CASE("nothing announced, nothing to be quiet about") {
    rules_watch const w(life);
    CHECK_FALSE(w.is_quiet(start));
}

TEST_CASE("quiet until it is known who else is there") {
    rules_watch w(life);
    w.announced();
    CHECK(w.is_quiet(start));
    CHECK(w.asks_who());
    SUBCASE("nobody: nothing is paid") {
        renew(w, start, who{}, false);
        CHECK_FALSE(w.is_quiet(start));
        CHECK_FALSE(w.asks_who());
        CHECK(w.others_over(life) == time_point{});
    }
    SUBCASE("others with the same rules: nothing is paid") {
        renew(w, start, who{true, false}, false);
        CHECK_FALSE(w.is_quiet(start));
        // ... but by a reload: their mutations know of nothing.
        CHECK(w.others_over(10s) == start + life);
        CHECK(w.others_over(50s) == start + 50s);
    }
    SUBCASE("a renewal that brings no list tells nothing") {
        renew(w, start, std::nullopt, false);
        CHECK(w.is_quiet(start));
        CHECK(w.asks_who());
    }
}

TEST_CASE("among other rules it is quiet for the longest life of a mark") {
    rules_watch w(life);
    w.announced();
    renew(w, start, who{true, true}, false);
    CHECK(w.has_to_forget());
    for (auto at = start; at < start + life + 1s; at += 1s) {
        renew(w, at, std::nullopt);
    }
    SUBCASE("... and until what it had stored before is out of date") {
        CHECK(w.is_quiet(start + life));
    }
    w.forgotten();
    CHECK(w.is_quiet(start + life - 1ns));
    CHECK_FALSE(w.is_quiet(start + life));
    SUBCASE("the others being there on is no reason any more") {
        renew(w, start + life + 1s, who{true, true});
        CHECK_FALSE(w.is_quiet(start + life + 1s));
        CHECK_FALSE(w.has_to_forget());
    }
}

TEST_CASE("whose listing may have lapsed goes by no rules: by the clock of each request") {
    rules_watch w(life);
    w.announced();
    renew(w, start, who{}, false);
    CHECK_FALSE(w.is_quiet(start + listing - 1ns));
    CHECK(w.is_quiet(start + listing));
    SUBCASE("listed all the while, as the reply tells: on it goes") {
        renew(w, start + listing, std::nullopt);
        CHECK_FALSE(w.is_quiet(start + listing));
    }
    SUBCASE("it was not: who is there now?") {
        renew(w, start + listing, std::nullopt, false);
        CHECK(w.is_quiet(start + listing));
        CHECK(w.asks_who());
        SUBCASE("nobody with other rules") {
            renew(w, start + listing + 1s, who{true, false});
            CHECK_FALSE(w.is_quiet(start + listing + 1s));
        }
        SUBCASE("others") {
            renew(w, start + listing + 1s, who{true, true});
            w.forgotten();
            CHECK(w.is_quiet(start + listing + life));
            CHECK_FALSE(w.has_to_forget());
        }
    }
    SUBCASE("a listing is as long as it was when the renewal was sent") {
        w.renewed(true, std::nullopt, start + 1s, listing, start + 20s);
        CHECK(w.is_quiet(start + 1s + listing));
    }
}

TEST_CASE("rules that nobody could be told of are a joining when somebody can") {
    rules_watch w(life);
    w.announced();
    renew(w, start, who{true, false}, false);
    w.join_anew();
    CHECK(w.is_quiet(start));
    renew(w, start + 1s, who{true, true});
    w.forgotten();
    CHECK(w.is_quiet(start + life));
    CHECK(w.is_quiet(start + 30s));
}

TEST_CASE("rules that were in effect before find nothing of then") {
    rules_watch w(life);
    w.announced();
    renew(w, start, who{}, false);
    w.forget_older();
    CHECK(w.has_to_forget());
    CHECK(w.is_quiet(start));
    w.forgotten();
    CHECK_FALSE(w.is_quiet(start));
}

TEST_CASE("with a quarantine of 0s nobody is ever quiet") {
    rules_watch w(0s);
    w.announced();
    CHECK_FALSE(w.is_quiet(start));
    renew(w, start, who{true, true}, false);
    CHECK_FALSE(w.is_quiet(start));
    CHECK(w.has_to_forget());  // that costs nothing
}
