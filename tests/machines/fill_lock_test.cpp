// How a fill deals with its rule's lock, step by step (design.md section 6): no store, no clock.
#include "proxy/cache/fill_lock.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sidecache::cache::fill_lock;
using sidecache::store::lock_state;
using sidecache::telemetry::lock_outcome;
using step = fill_lock::step;

namespace {

fill_lock::time_point const t0{1000s};
// doctest prints what it compares.
int n(step s) {
    return static_cast<int>(s);
}
int n(lock_outcome o) {
    return static_cast<int>(o);
}

}  // namespace

TEST_CASE("a free lock is taken and the fill goes on at once") {
    fill_lock lock(5s);
    CHECK(n(lock.on_look(lock_state::acquired, t0)) == n(step::fetch));
    CHECK(lock.holds());
    CHECK_FALSE(lock.waited());
    CHECK(n(lock.outcome(false)) == n(lock_outcome::acquired));
}

TEST_CASE("a held lock is waited for, until its holder's message brings the entry") {
    fill_lock lock(5s);
    REQUIRE(n(lock.on_look(lock_state::held, t0)) == n(step::wait));
    CHECK(lock.wake_at() == t0 + 100ms);  // the polling fallback
    CHECK(n(lock.on_message(true)) == n(step::look));
    // The look finds the entry: the machine is not asked again.
    CHECK(n(lock.outcome(true)) == n(lock_outcome::waited));
}

TEST_CASE("a message that nothing was stored ends the waiting: no fetch is put behind another") {
    fill_lock lock(5s);
    REQUIRE(n(lock.on_look(lock_state::held, t0)) == n(step::wait));
    REQUIRE(n(lock.on_message(false)) == n(step::look));
    SUBCASE("and the lock is free") {
        CHECK(n(lock.on_look(lock_state::acquired, t0 + 1s)) == n(step::fetch));
        CHECK(lock.holds());
    }
    SUBCASE("and somebody else has it already") {
        CHECK(n(lock.on_look(lock_state::held, t0 + 1s)) == n(step::fetch));
        CHECK_FALSE(lock.holds());
    }
    CHECK(n(lock.outcome(false)) == n(lock_outcome::lost));
}

TEST_CASE("a message about another entry behind the same lock does not end the waiting") {
    fill_lock lock(5s);
    REQUIRE(n(lock.on_look(lock_state::held, t0)) == n(step::wait));
    REQUIRE(n(lock.on_message(true)) == n(step::look));
    CHECK(n(lock.on_look(lock_state::held, t0 + 1s)) == n(step::wait));
    CHECK(lock.wake_at() == t0 + 1100ms);
}

TEST_CASE("without a message the lock is polled, and a vanished holder is noticed") {
    fill_lock lock(5s);
    REQUIRE(n(lock.on_look(lock_state::held, t0)) == n(step::wait));
    CHECK(n(lock.on_time(t0 + 100ms)) == n(step::poll));
    CHECK(n(lock.on_polled(true, t0 + 101ms)) == n(step::wait));
    CHECK(lock.wake_at() == t0 + 201ms);
    CHECK(n(lock.on_time(t0 + 201ms)) == n(step::poll));
    CHECK(n(lock.on_polled(false, t0 + 202ms)) == n(step::look));
    SUBCASE("the first to look takes over") {
        CHECK(n(lock.on_look(lock_state::acquired, t0 + 203ms)) == n(step::fetch));
        CHECK(lock.holds());
        CHECK(n(lock.outcome(false)) == n(lock_outcome::lost));
    }
    SUBCASE("the others wait for him: the limit counts from the beginning") {
        CHECK(n(lock.on_look(lock_state::held, t0 + 4950ms)) == n(step::wait));
        CHECK(lock.wake_at() == t0 + 5s);
    }
}

TEST_CASE("after `wait` the fill takes a new snapshot and goes without the lock") {
    fill_lock lock(250ms);
    REQUIRE(n(lock.on_look(lock_state::held, t0)) == n(step::wait));
    REQUIRE(n(lock.on_time(t0 + 100ms)) == n(step::poll));
    SUBCASE("while it waits") {
        REQUIRE(n(lock.on_polled(true, t0 + 100ms)) == n(step::wait));
        CHECK(n(lock.on_time(t0 + 250ms)) == n(step::look));
    }
    SUBCASE("while it polls") {
        CHECK(n(lock.on_polled(true, t0 + 260ms)) == n(step::look));
    }
    CHECK(n(lock.on_look(lock_state::held, t0 + 261ms)) == n(step::fetch));
    CHECK_FALSE(lock.holds());
    CHECK(n(lock.outcome(false)) == n(lock_outcome::timeout));
}

TEST_CASE("a wait of nothing goes to the upstream at once") {
    fill_lock lock(0ms);
    CHECK(n(lock.on_look(lock_state::held, t0)) == n(step::fetch));
    CHECK(n(lock.outcome(false)) == n(lock_outcome::timeout));
}

TEST_CASE("lost messages and a store that fails never leave a fill waiting") {
    fill_lock lock(5s);
    REQUIRE(n(lock.on_look(lock_state::held, t0)) == n(step::wait));
    CHECK(n(lock.on_lost()) == n(step::look));
    CHECK(n(lock.on_store_error()) == n(step::fetch));
}
