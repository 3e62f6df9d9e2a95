// Which fills without a client may begin: one a key, bounded, and none at a backend in trouble.
#include "proxy/cache/background_book.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <utility>

using namespace sidecache;
using namespace std::chrono_literals;
using cache::background_book;
using how = telemetry::background_outcome;

namespace {

constexpr background_book::limits ample{100, 100};
boot_clock::time_point const start{1'000s};

/// Begins and ends one at that time; false: it was dropped.
bool run(background_book& book, std::string_view key, boot_clock::time_point now, how end) {
    auto permit = book.begin(key, "r", ample, now);
    if (permit) {
        permit->end(end, now);
    }
    return permit.has_value();
}

}  // namespace

TEST_CASE("one at a time for each key, however long it takes") {
    background_book book;
    auto first = book.begin("a", "r", ample, start);
    REQUIRE(first);
    CHECK(book.rests("a", start + 1h));
    CHECK_FALSE(book.begin("a", "r", ample, start + 1h));
    CHECK_FALSE(book.rests("b", start));
    auto const second = book.begin("b", "r", ample, start);
    CHECK(second);
    first->end(how::stored, start + 1h);
    CHECK_FALSE(book.rests("a", start + 1h));
    CHECK(book.begin("a", "r", ample, start + 1h));
}

TEST_CASE("after its end a key rests as long as that end deserves") {
    struct {
        how end;
        std::chrono::milliseconds rest;
    } const table[] = {
        {how::dropped, 100ms},
        {how::found, 100ms},
        {how::under_way, 1s},
        {how::hindered, 1s},
        {how::not_stored, 5s},
        {how::failed, 1s},
    };
    for (auto const& row : table) {
        CAPTURE(telemetry::name(row.end));
        background_book book;
        REQUIRE(run(book, "a", start, row.end));
        CHECK(book.rests("a", start + row.rest - 1ms));
        CHECK_FALSE(book.begin("a", "r", ample, start + row.rest - 1ms));
        CHECK_FALSE(book.rests("a", start + row.rest));
        CHECK(run(book, "a", start + row.rest, how::stored));
    }
}

TEST_CASE("bounded in all and for each rule; what does not fit rests for a moment") {
    background_book book;
    background_book::limits const few{3, 2};
    auto const one = book.begin("a", "r", few, start);
    auto const two = book.begin("b", "r", few, start);
    REQUIRE(two);
    CHECK_FALSE(book.begin("c", "r", few, start));
    CHECK(book.rests("c", start + 99ms));
    CHECK_FALSE(book.rests("c", start + 100ms));
    auto other = book.begin("d", "s", few, start);
    REQUIRE(other);
    CHECK_FALSE(book.begin("e", "t", few, start));
    CHECK(book.under_way() == 3);
    other->end(how::stored, start);
    CHECK(book.begin("f", "t", few, start));
    CHECK_FALSE(book.begin("g", "u", {0, 0}, start));
}

TEST_CASE("a failure pauses the whole rule, each further one twice as long, up to half a minute") {
    background_book book;
    auto now = start;
    for (auto const pause : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
        CAPTURE(pause.count());
        REQUIRE(run(book, "a", now, how::failed));
        CHECK_FALSE(run(book, "b", now + pause - 1ms, how::stored));
        // Who was turned away asks no more before it is over.
        CHECK(book.rests("b", now + pause - 1ms));
        CHECK_FALSE(book.rests("b", now + pause));
        auto elsewhere = book.begin("c", "other", ample, now);
        REQUIRE(elsewhere);
        elsewhere->end(how::stored, now);
        now += pause;
    }
    REQUIRE(run(book, "a", now, how::not_stored));  // it answers
    REQUIRE(run(book, "b", now, how::failed));
    CHECK(run(book, "c", now + 1s, how::stored));
}

TEST_CASE("those that fail together count once") {
    background_book book;
    auto a = book.begin("a", "r", ample, start);
    auto b = book.begin("b", "r", ample, start);
    a->end(how::failed, start);
    b->end(how::failed, start + 500ms);
    CHECK(run(book, "c", start + 1s, how::stored));
}

TEST_CASE("a permit that goes without a word counts as a failure") {
    background_book book;
    {
        auto const permit = book.begin("a", "r", ample, boot_clock::now());
        REQUIRE(permit);
    }
    CHECK(book.under_way() == 0);
    CHECK(book.rests("b", boot_clock::now()) == false);
    CHECK_FALSE(book.begin("b", "r", ample, boot_clock::now()));
}
