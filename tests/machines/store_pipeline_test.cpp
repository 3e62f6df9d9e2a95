#include "proxy/store/pipeline.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

using namespace sidecache::store;
using namespace std::chrono_literals;

namespace {

using machine = pipeline<int>;  // who waits: a number
constexpr machine::time_point start{1h};
constexpr auto patience = 200ms;

void receive(machine& m, std::string_view bytes) {
    auto const room = m.prepare();
    REQUIRE(room.size() >= bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    m.commit(bytes.size());
}

void ask(machine& m, std::string_view command, int who, std::size_t commands = 1) {
    m.waiting() += command;
    m.submit(commands, start + 50ms, who);
}

std::string take(machine& m) {
    std::string out;
    m.take_output(out);
    return out;
}

}  // namespace

TEST_CASE("what is asked before the next write goes out in one") {
    machine m(patience, 1'000);
    CHECK_FALSE(m.has_output());
    ask(m, "A", 1);
    ask(m, "B", 2);
    ask(m, "C", 3);
    CHECK(m.has_output());
    CHECK(take(m) == "ABC");
    CHECK_FALSE(m.has_output());
    ask(m, "D", 4);
    CHECK(take(m) == "D");
}

TEST_CASE("replies go to who asked, in order") {
    machine m(patience, 1'000);
    ask(m, "A", 1);
    ask(m, "BC", 2, 2);
    ask(m, "D", 3);
    receive(m, "+a\r\n+b\r\n");
    auto const first = m.next();
    REQUIRE(first.has_value());
    CHECK(first->waiter == 1);
    CHECK(first->error == store_error::ok);
    CHECK(first->replies[0].text() == "a");
    CHECK_FALSE(m.next().has_value());  // the second one lacks a reply
    receive(m, "+c\r\n+d\r\n");
    auto const second = m.next();
    REQUIRE(second.has_value());
    CHECK(second->waiter == 2);
    REQUIRE(second->replies.size() == 2);
    CHECK(second->replies[0].text() == "b");
    CHECK(second->replies[1].text() == "c");
    CHECK(m.next()->waiter == 3);
    CHECK_FALSE(m.next().has_value());
    CHECK(m.size() == 0);
    CHECK_FALSE(m.next_deadline().has_value());
}

TEST_CASE("a late reply is dropped in its place, nobody gets another's") {
    machine m(patience, 1'000);
    ask(m, "A", 1);
    m.waiting() += "B";
    m.submit(1, start + 80ms, 2);
    CHECK(m.next_deadline() == start + 50ms);
    std::vector<machine::outcome> over;
    m.expire(start + 50ms, over);
    REQUIRE(over.size() == 1);
    CHECK(over[0].waiter == 1);
    CHECK(over[0].error == store_error::timeout);
    CHECK_FALSE(m.has_stalled(start + 50ms));

    receive(m, "+late\r\n+b\r\n");
    auto const second = m.next();
    REQUIRE(second.has_value());
    CHECK(second->waiter == 2);
    CHECK(second->replies[0].text() == "b");

    SUBCASE("also when the deadline passed in the middle of its replies") {
        ask(m, "CD", 3, 2);
        ask(m, "E", 4);
        receive(m, "+c\r\n*2\r\n$1\r\nx\r\n");
        CHECK_FALSE(m.next().has_value());
        over.clear();
        m.expire(start + 1s, over);
        CHECK(over.size() == 2);
        ask(m, "F", 5);
        receive(m, "$1\r\ny\r\n+e\r\n+f\r\n");
        auto const last = m.next();
        REQUIRE(last.has_value());
        CHECK(last->waiter == 5);
        CHECK(last->replies[0].text() == "f");
    }
}

TEST_CASE("a server that stays silent beyond its patience has stalled") {
    machine m(patience, 1'000);
    ask(m, "A", 1);
    std::vector<machine::outcome> over;
    m.expire(start + 50ms, over);
    CHECK(m.next_deadline() == start + 250ms);
    CHECK_FALSE(m.has_stalled(start + 249ms));
    CHECK(m.has_stalled(start + 250ms));
    receive(m, "+late\r\n");
    CHECK_FALSE(m.next().has_value());
    CHECK_FALSE(m.has_stalled(start + 1h));
}

TEST_CASE("a break ends everybody who still waits, once") {
    machine m(patience, 1'000);
    ask(m, "A", 1);
    ask(m, "B", 2);
    std::vector<machine::outcome> over;
    m.expire(start + 50ms, over);
    REQUIRE(over.size() == 2);
    ask(m, "C", 3);
    over.clear();
    m.fail(store_error::unreachable, over);
    REQUIRE(over.size() == 1);
    CHECK(over[0].waiter == 3);
    CHECK(over[0].error == store_error::unreachable);
    CHECK(m.size() == 0);
    CHECK_FALSE(m.has_output());
}

TEST_CASE("a reply that nobody asked for, or bytes that are none, break the connection") {
    machine m(patience, 1'000);
    SUBCASE("unasked") {
        receive(m, "+surprise\r\n");
        CHECK_FALSE(m.next().has_value());
        CHECK(m.is_broken());
    }
    SUBCASE("the beginning of something unasked, also right behind an answer") {
        ask(m, "A", 1);
        receive(m, "+a\r\n*2\r\n");
        CHECK(m.next()->waiter == 1);
        CHECK_FALSE(m.next().has_value());
        CHECK(m.is_broken());
    }
    SUBCASE("garbage") {
        ask(m, "A", 1);
        receive(m, "garbage\r\n");
        CHECK_FALSE(m.next().has_value());
        CHECK(m.is_broken());
    }
    SUBCASE("what came before is still delivered") {
        ask(m, "A", 1);
        receive(m, "+a\r\ngarbage\r\n");
        CHECK(m.next()->waiter == 1);
        CHECK_FALSE(m.is_broken());
        CHECK_FALSE(m.next().has_value());
        CHECK(m.is_broken());
    }
}

TEST_CASE("more may not wait than the bound") {
    machine m(patience, 4);
    ask(m, "AAAA", 1);
    CHECK_FALSE(m.is_full());
    ask(m, "B", 2);
    CHECK(m.is_full());
    take(m);
    CHECK_FALSE(m.is_full());
}

TEST_CASE("a recycled set of replies comes back empty") {
    machine m(patience, 1'000);
    ask(m, "A", 1);
    receive(m, "+a\r\n");
    auto done = m.next();
    m.recycle(std::move(done->replies));
    ask(m, "B", 2);
    receive(m, "+b\r\n");
    auto const again = m.next();
    REQUIRE(again->replies.size() == 1);
    CHECK(again->replies[0].text() == "b");
}
