// The coalescing table by itself: permits, waits, and many workers at once.
#include "proxy/cache/fill_table.hpp"

#include "proxy/cache/fill_entry.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace sidecache;
using namespace std::chrono_literals;
using cache::fill_alone;
using cache::fill_end;
using cache::fill_permit;
using cache::fill_table;
using cache::fill_wait;
using cache::look_again;
using cache::settlement;
using cache::sight;

namespace {

sight seen(std::uint64_t generation) {
    sight s;
    s.clean = true;
    s.server = {1, 1};
    s.generations = {{0, generation}};
    return s;
}

struct table {
    asio::io_context context{1};
    fill_table fills;
    int rules = 0;
    cache::fill_answer ask(sight const& own, bool again = false) {
        return fills.ask(&rules, "k", own, context.get_executor(), again);
    }
    /// How that wait has ended; nullopt: not yet.
    std::optional<fill_end> ended(fill_wait& wait) {
        auto const read = [](fill_wait& w, std::optional<fill_end>& o) -> task<void> {
            auto const settled = co_await w.settled();
            o = settled.how;
        };
        auto done = std::make_shared<std::optional<fill_end>>();
        asio::co_spawn(context, read(wait, *done), [done](auto) {});
        context.restart();
        while (context.poll() != 0) {
        }
        return *done;
    }
};

}  // namespace

TEST_CASE("a permit that goes without a word wakes who waits for it") {
    table t;
    std::optional<fill_permit> permit(std::get<fill_permit>(t.ask(seen(1))));
    auto wait = std::get<fill_wait>(t.ask(seen(1)));
    permit.reset();
    CHECK(t.ended(wait) == fill_end::abandoned);
    CHECK(t.fills.size() == 0);
}

TEST_CASE("configurations do not share: their tags may differ") {
    table t;
    auto const one = t.ask(seen(1));
    int other = 0;
    auto const two = t.fills.ask(&other, "k", seen(1), t.context.get_executor(), false);
    CHECK(std::holds_alternative<fill_permit>(one));
    CHECK(std::holds_alternative<fill_permit>(two));
}

TEST_CASE("behind a fetch that was sent there is one next, and its turn comes when that ends") {
    table t;
    std::optional<fill_permit> first(std::get<fill_permit>(t.ask(seen(1))));
    first->sent(seen(1));
    std::optional<fill_permit> next(std::get<fill_permit>(t.ask(seen(2))));
    auto wait = std::get<fill_wait>(t.ask(seen(3)));  // another ground: joins the unsent one
    bool turn = false;
    auto const run = [](fill_permit& p, bool& flag) -> task<void> {
        co_await p.turn();
        flag = true;
    };
    asio::co_spawn(t.context, run(*next, turn), [](auto) {});
    CHECK_FALSE(t.ended(wait));
    CHECK_FALSE(turn);
    first.reset();
    CHECK_FALSE(t.ended(wait));
    CHECK(turn);
    next->sent(seen(2));
    next->settle(settlement{fill_end::shared, std::make_shared<std::string const>("e")});
    CHECK(t.ended(wait) == fill_end::shared);
    next.reset();
    CHECK(t.fills.size() == 0);
}

TEST_CASE("who missed tags only is told to look again, once, and only where looking may help") {
    table t;
    auto permit = std::get<fill_permit>(t.ask(seen(1)));
    sight missing;
    missing.only_missing = true;
    CHECK(std::holds_alternative<fill_wait>(t.ask(missing, true)));  // unsent: joins at once
    SUBCASE("a clean fetch is under way") {
        permit.sent(seen(1));
        CHECK(std::holds_alternative<look_again>(t.ask(missing, true)));
        CHECK(std::holds_alternative<fill_permit>(t.ask(missing, false)));
    }
    SUBCASE("nobody may join it anyway") {
        permit.sent(sight{});
        CHECK(std::holds_alternative<fill_permit>(t.ask(missing, true)));
    }
}

TEST_CASE("a settled failure frees the key at once, while its filler still streams") {
    table t;
    auto permit = std::get<fill_permit>(t.ask(seen(1)));
    permit.sent(seen(1));
    permit.settle(settlement{fill_end::failed, nullptr});
    CHECK(std::holds_alternative<fill_permit>(t.ask(seen(1))));
}

TEST_CASE("uncacheable keys are remembered for a few seconds") {
    cache::unstorable_memory memory;
    boot_clock::time_point const t0{100s};
    memory.note("a", t0);
    CHECK(memory.holds("a", t0 + 4s));
    CHECK_FALSE(memory.holds("a", t0 + 5s));
    CHECK_FALSE(memory.holds("b", t0));
    table t;
    t.fills.note_unstorable("k");
    CHECK(std::holds_alternative<fill_alone>(t.ask(seen(1))));
}

TEST_CASE("jitter shortens a life by at most its share") {
    struct chance final : store::id_source {
        std::uint64_t low = 0;
        store::id128 next() override { return {0, low}; }
    } c;
    CHECK(cache::shortened(1000ms, 0, c) == 1000ms);
    CHECK(cache::shortened(1000ms, 0.1, c) == 1000ms);
    c.low = ~std::uint64_t{0};
    CHECK(cache::shortened(1000ms, 0.1, c) > 899ms);
    CHECK(cache::shortened(1000ms, 0.1, c) <= 901ms);
}

TEST_CASE(
    "workers on several threads: everybody is answered, and one key is fetched by one at a time") {
    fill_table fills;
    int rules = 0;
    std::atomic<int> fetching{0};
    std::atomic<int> most{0};
    std::atomic<int> answered{0};
    auto const one = [&](executor ex, std::uint64_t seed) -> task<void> {
        for (std::uint64_t i = 0; i < 200; ++i) {
            // Two grounds take turns, so that joins, next fills and looks all happen.
            auto const own = seen((seed + i) % 2);
            auto answer = fills.ask(&rules, "hot", own, ex, false);
            if (auto* const wait = std::get_if<fill_wait>(&answer)) {
                auto const settled = co_await wait->settled();
                answered += settled.how == fill_end::shared ? 1 : 0;
                continue;
            }
            auto& permit = std::get<fill_permit>(answer);
            co_await permit.turn();
            permit.sent(own);
            int const now = ++fetching;
            int before = most.load();
            while (now > before && !most.compare_exchange_weak(before, now)) {
            }
            steady_timer pause(ex, std::chrono::microseconds(20));
            auto [ec] = co_await pause.async_wait(as_tuple);
            (void)ec;
            --fetching;
            permit.settle(settlement{fill_end::shared, std::make_shared<std::string const>("e")});
            ++answered;
        }
    };
    // Contexts outlive every waiter: see cache::process.
    std::vector<std::unique_ptr<asio::io_context>> contexts;
    std::vector<std::thread> threads;
    for (std::uint64_t w = 0; w < 4; ++w) {
        auto& context = *contexts.emplace_back(std::make_unique<asio::io_context>(1));
        for (std::uint64_t k = 0; k < 4; ++k) {
            asio::co_spawn(context, one(context.get_executor(), w + k), [](auto) {});
        }
    }
    std::atomic<int> running{4};
    for (auto& c : contexts) {
        threads.emplace_back([&running, &context = *c] {
            auto const guard = asio::make_work_guard(context);
            context.run_for(20s);
            --running;
        });
    }
    while (answered.load() < 4 * 4 * 200 && running.load() == 4) {
        std::this_thread::yield();
    }
    for (auto& c : contexts) {
        c->stop();
    }
    for (auto& t : threads) {
        t.join();
    }
    CHECK(answered.load() == 4 * 4 * 200);
    CHECK(most.load() == 1);
    CHECK(fills.size() == 0);
}
