// The gate before the upstream: who may fetch now, who waits, who is refused.
#include "proxy/cache/gate_queue.hpp"
#include "proxy/cache/upstream_gate.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <optional>
#include <thread>
#include <vector>

using namespace sidecache;
using namespace std::chrono_literals;
using cache::admission;
using cache::gate_limits;
using cache::gate_queue;
using answer = gate_queue::answer;

namespace {

int n(answer a) {
    return static_cast<int>(a);
}
int n(admission::refusal r) {
    return static_cast<int>(r);
}

struct asked {
    std::optional<admission> got;
};

/// Enters and keeps what it got.
task<void> enter(cache::upstream_gate& gate,
                 executor ex,
                 std::string_view rule,
                 gate_limits limits,
                 std::chrono::milliseconds patience,
                 asked& into) {
    auto answer = co_await gate.enter(ex, rule, limits, patience);
    into.got.emplace(std::move(answer));
}

struct hall {
    asio::io_context context{1};
    cache::upstream_gate gate;
    void start(asked& a, gate_limits limits, std::chrono::milliseconds patience = 10s) {
        asio::co_spawn(context,
                       enter(gate, context.get_executor(), "r", limits, patience, a),
                       [](std::exception_ptr e) {
                           if (e) {
                               std::rethrow_exception(e);
                           }
                       });
        settle();
    }
    void settle() {
        context.restart();
        while (context.poll() != 0) {
        }
    }
};

}  // namespace

TEST_CASE("as many as the process may have under way go; the next wait in order; then it is full") {
    gate_queue q;
    gate_limits const limits{2, 0, 2};
    CHECK(n(q.enter(1, "a", limits)) == n(answer::admitted));
    CHECK(n(q.enter(2, "a", limits)) == n(answer::admitted));
    CHECK(n(q.enter(3, "a", limits)) == n(answer::queued));
    CHECK(n(q.enter(4, "b", limits)) == n(answer::queued));
    CHECK(n(q.enter(5, "a", limits)) == n(answer::full));
    std::vector<gate_queue::ticket> now;
    q.leave("a", now);
    CHECK(now == std::vector<gate_queue::ticket>{3});
    q.leave("a", now);
    CHECK(now == std::vector<gate_queue::ticket>{3, 4});
    CHECK(q.in_flight() == 2);
    CHECK(q.queued() == 0);
}

TEST_CASE("a rule that is full holds up its own requests and nobody else's") {
    gate_queue q;
    gate_limits const narrow{10, 1, 10};
    gate_limits const wide{10, 0, 10};
    CHECK(n(q.enter(1, "narrow", narrow)) == n(answer::admitted));
    CHECK(n(q.enter(2, "narrow", narrow)) == n(answer::queued));
    CHECK(n(q.enter(3, "wide", wide)) == n(answer::admitted));
    std::vector<gate_queue::ticket> now;
    q.leave("wide", now);
    CHECK(now.empty());
    q.leave("narrow", now);
    CHECK(now == std::vector<gate_queue::ticket>{2});
}

TEST_CASE("who gives up leaves the queue; who was admitted meanwhile cannot") {
    gate_queue q;
    gate_limits const one{1, 0, 10};
    REQUIRE(n(q.enter(1, "a", one)) == n(answer::admitted));
    REQUIRE(n(q.enter(2, "a", one)) == n(answer::queued));
    REQUIRE(n(q.enter(3, "a", one)) == n(answer::queued));
    CHECK(q.withdraw(2));
    std::vector<gate_queue::ticket> now;
    q.leave("a", now);
    CHECK(now == std::vector<gate_queue::ticket>{3});
    CHECK_FALSE(q.withdraw(3));
}

TEST_CASE("without a limit everybody goes") {
    gate_queue q;
    for (gate_queue::ticket i = 1; i <= 100; ++i) {
        CHECK(n(q.enter(i, "a", gate_limits{})) == n(answer::admitted));
    }
}

TEST_CASE("a permit that goes lets the next one in, who knows that he had to wait") {
    hall h;
    asked first, second;
    h.start(first, {1, 0, 1});
    h.start(second, {1, 0, 1});
    REQUIRE(first.got);
    CHECK(first.got->permit);
    CHECK_FALSE(first.got->queued);
    CHECK_FALSE(second.got);
    first.got.reset();
    h.settle();
    REQUIRE(second.got);
    CHECK(second.got->permit);
    CHECK(second.got->queued);
}

TEST_CASE("a full queue refuses at once") {
    hall h;
    asked first, second;
    h.start(first, {1, 0, 0});
    h.start(second, {1, 0, 0});
    REQUIRE(second.got);
    CHECK_FALSE(second.got->permit);
    CHECK(n(second.got->why_not) == n(admission::refusal::queue_full));
}

TEST_CASE("patience ends: refused, and nothing is left in the queue") {
    hall h;
    asked first, second;
    h.start(first, {1, 0, 5});
    h.start(second, {1, 0, 5}, 1ms);
    while (!second.got) {
        h.context.restart();
        h.context.run_one();
    }
    CHECK(n(second.got->why_not) == n(admission::refusal::too_slow));
    CHECK(h.gate.queued() == 0);
    first.got.reset();
    CHECK(h.gate.in_flight() == 0);
}

TEST_CASE("a coroutine that is destroyed in the queue leaves it") {
    cache::upstream_gate gate;
    asked first, second;
    {
        asio::io_context context{1};
        auto const ex = context.get_executor();
        asio::co_spawn(context, enter(gate, ex, "r", {1, 0, 5}, 10s, first), [](auto) {});
        asio::co_spawn(context, enter(gate, ex, "r", {1, 0, 5}, 10s, second), [](auto) {});
        while (context.poll() != 0) {
        }
        REQUIRE(gate.queued() == 1);
    }
    CHECK(gate.queued() == 0);
    first.got.reset();
    CHECK(gate.in_flight() == 0);
}

TEST_CASE("workers on two threads share one gate and lose nobody") {
    cache::upstream_gate gate;
    constexpr int each = 500;
    auto const work = [&gate](int& done) {
        asio::io_context context{1};
        auto const ex = context.get_executor();
        for (int i = 0; i < 8; ++i) {
            auto const one = [](cache::upstream_gate& g, executor e, int& d) -> task<void> {
                for (int k = 0; k < each / 8; ++k) {
                    auto const got = co_await g.enter(e, "r", {2, 0, 100}, 10s);
                    d += got.permit ? 1 : 0;
                }
            };
            asio::co_spawn(context, one(gate, ex, done), [](auto) {});
        }
        context.run();
    };
    int a = 0;
    int b = 0;
    std::thread other([&] { work(b); });
    work(a);
    other.join();
    CHECK(a + b == 2 * 8 * (each / 8));
    CHECK(gate.in_flight() == 0);
    CHECK(gate.queued() == 0);
}
