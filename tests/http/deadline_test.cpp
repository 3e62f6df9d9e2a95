#include "proxy/async/deadline.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <exception>
#include <memory>

using namespace sidecache;
using namespace std::chrono_literals;

namespace {

/// Runs the sweeper until `done` holds.
template <class Done>
void sweep_until(asio::io_context& context, sweeper& sweep, Done done) {
    bool ended = false;
    sweep.on_tick = [&] {
        if (done()) {
            sweep.stop();
        }
    };
    asio::co_spawn(context, sweep.run(), [&](std::exception_ptr e) { ended = !e; });
    context.run();
    CHECK(ended);
}

}  // namespace

TEST_CASE("a deadline passes once, and never early") {
    asio::io_context context{1};
    sweeper sweep(context.get_executor());
    int passed = 0;
    auto const began = std::chrono::steady_clock::now();
    std::chrono::steady_clock::duration took{};
    deadline soon(sweep, [&] {
        ++passed;
        took = std::chrono::steady_clock::now() - began;
    });
    deadline later(sweep, [] { FAIL("nobody waited an hour"); });
    deadline never(sweep, [] { FAIL("it was not armed"); });
    soon.arm(150ms);
    later.arm(1h);
    int ticks_after = 0;
    sweep_until(context, sweep, [&] { return passed != 0 && ++ticks_after == 3; });
    CHECK(passed == 1);
    CHECK(took >= 150ms);
    CHECK(soon.expired());
    CHECK_FALSE(later.expired());
}

TEST_CASE("a deadline that is disarmed does not pass") {
    asio::io_context context{1};
    sweeper sweep(context.get_executor());
    deadline off(sweep, [] { FAIL("it was disarmed"); });
    off.arm(1ms);
    off.disarm();
    int ticks = 0;
    sweep_until(context, sweep, [&] { return ++ticks == 3; });
    CHECK_FALSE(off.expired());
}

TEST_CASE("a deadline stands still while it is paused, and runs on with what was left") {
    asio::io_context context{1};
    sweeper sweep(context.get_executor());
    int passed = 0;
    deadline paused(sweep, [&] { ++passed; });
    deadline off(sweep, [] { FAIL("it was disarmed in its pause"); });
    paused.arm(1ms);
    paused.pause();
    off.arm(1ms);
    off.pause();
    off.disarm();
    off.resume();
    int ticks = 0;
    sweep_until(context, sweep, [&] {
        // Three sweeps stand for a client that takes its time.
        if (++ticks == 4) {
            CHECK(passed == 0);
            CHECK_FALSE(paused.expired());
            paused.resume();
        }
        return passed != 0 || ticks == 50;
    });
    CHECK(passed == 1);
    CHECK(paused.expired());
}

TEST_CASE("deadlines come and go in any order") {
    asio::io_context context{1};
    sweeper sweep(context.get_executor());
    int passed = 0;
    auto first = std::make_unique<deadline>(sweep, [&] { passed += 1; });
    auto second = std::make_unique<deadline>(sweep, [&] { passed += 10; });
    auto third = std::make_unique<deadline>(sweep, [&] { passed += 100; });
    first->arm(1ms);
    second->arm(1ms);
    third->arm(1ms);
    second.reset();
    sweep_until(context, sweep, [&] { return passed == 101; });
    third.reset();
    first.reset();
    CHECK(passed == 101);
}
