#include "proxy/store/backoff.hpp"
#include "proxy/store/breaker.hpp"

#include <doctest/doctest.h>

using namespace sidecache::store;
using namespace std::chrono_literals;

namespace {

constexpr breaker::time_point start{1h};

void fail(breaker& b, int times, breaker::time_point at) {
    for (int i = 0; i < times; ++i) {
        b.failed(at);
    }
}

}  // namespace

TEST_CASE("the breaker opens after that many failures in a row") {
    breaker b(3, 2s);
    fail(b, 2, start);
    CHECK(b.admits(start));
    CHECK_FALSE(b.is_open());
    SUBCASE("a success in between starts the count again") {
        b.succeeded();
        fail(b, 2, start);
        CHECK(b.admits(start));
    }
    SUBCASE("the third opens it") {
        b.failed(start);
        CHECK(b.is_open());
        CHECK_FALSE(b.admits(start));
        CHECK_FALSE(b.admits(start + 1999ms));
    }
}

TEST_CASE("half-open, one tries and decides") {
    breaker b(1, 2s);
    b.failed(start);
    CHECK(b.admits(start + 2s));        // the trial
    CHECK_FALSE(b.admits(start + 2s));  // one only
    SUBCASE("success closes it") {
        b.succeeded();
        CHECK_FALSE(b.is_open());
        CHECK(b.admits(start + 2s));
        CHECK(b.admits(start + 2s));
    }
    SUBCASE("failure opens it for another rest") {
        b.failed(start + 2050ms);
        CHECK_FALSE(b.admits(start + 4s));
        CHECK(b.admits(start + 4050ms));
    }
    SUBCASE("a trial that never reports does not shut the door for ever") {
        CHECK_FALSE(b.admits(start + 3999ms));
        CHECK(b.admits(start + 4s));
    }
}

TEST_CASE("failures of what was asked before it opened do not keep it open") {
    breaker b(1, 2s);
    b.failed(start);
    b.failed(start + 1s);
    CHECK(b.admits(start + 2s));
}

TEST_CASE("a store that shows itself alive is tried at once") {
    breaker b(1, 2s);
    b.failed(start);
    b.shown_alive(start + 100ms);
    CHECK(b.is_open());  // not trusted yet
    CHECK(b.admits(start + 100ms));
    CHECK_FALSE(b.admits(start + 100ms));
}

TEST_CASE("rests between attempts grow to a second, with chance in them, and start again") {
    backoff pause;
    CHECK(pause.next(0) == 10ms);
    CHECK(pause.next(0) == 20ms);
    CHECK(pause.next(20) == 20ms);  // of 40: the whole of a half off
    for (int i = 0; i < 10; ++i) {
        auto const rest = pause.next(0x9E3779B97F4A7C15ULL * static_cast<unsigned>(i));
        CHECK(rest >= 40ms);
        CHECK(rest <= 1s);
    }
    CHECK(pause.next(0) == 1s);
    pause.reset();
    CHECK(pause.next(0) == 10ms);
}
