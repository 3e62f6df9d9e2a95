// What near caches are told to forget: one comparison for what is held, what is on its way, and
// what nobody holds.
#include "proxy/cache/near_tags.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace sidecache;
using cache::near_tags;

namespace {

void drop(near_tags& tags, std::string_view tag) {
    std::array<std::string_view, 1> const one{tag};
    tags.drop(one);
}

std::vector<near_tags::place> places(std::initializer_list<std::string_view> of) {
    std::vector<near_tags::place> out;
    for (auto const tag : of) {
        out.push_back(near_tags::place_of(tag));
    }
    return out;
}

}  // namespace

TEST_CASE("a drop reaches what took its ticket before it, and nothing that took it after") {
    near_tags tags;
    auto const product = places({"rule:details", "product:42*"});
    auto const other = places({"rule:details", "product:43*"});
    auto const before = tags.now();
    CHECK(tags.stands(before, product));

    drop(tags, "product:42*");
    CHECK_FALSE(tags.stands(before, product));
    CHECK(tags.stands(before, other));
    CHECK(tags.stands(tags.now(), product));
}

TEST_CASE("a drop of a tag that nobody has ever held is remembered for reads under way") {
    near_tags tags;
    auto const under_way = tags.now();
    drop(tags, "product:never-seen*");
    CHECK_FALSE(tags.stands(under_way, places({"product:never-seen*"})));
}

TEST_CASE("a ticket is never too old: a million drops later it still tells right from wrong") {
    near_tags tags;
    auto const ticket = tags.now();
    auto const quiet = places({"quiet"});
    auto const dropped = places({"dropped"});
    drop(tags, "dropped");
    for (int i = 0; i < 1'000'000; ++i) {
        drop(tags, "busy");
    }
    CHECK_FALSE(tags.stands(ticket, dropped));
    CHECK(tags.stands(ticket, quiet) == (quiet != places({"busy"})));
}

TEST_CASE("clear reaches everything, with and without tags") {
    near_tags tags;
    auto const before = tags.now();
    tags.clear();
    CHECK_FALSE(tags.stands(before, places({"product:42*"})));
    CHECK_FALSE(tags.stands(before, {}));
    CHECK(tags.stands(tags.now(), {}));
}

TEST_CASE("two tags in one place fall together: too much goes, never too little") {
    std::vector<std::string> names(near_tags::places, "");
    std::string first;
    std::string second;
    for (int i = 0; second.empty(); ++i) {
        auto tag = "product:" + std::to_string(i) + "*";
        auto& there = names[near_tags::place_of(tag)];
        if (there.empty()) {
            there = std::move(tag);
        } else {
            first = there;
            second = std::move(tag);
        }
    }
    near_tags tags;
    auto const before = tags.now();
    drop(tags, first);
    CHECK_FALSE(tags.stands(before, places({second})));
}

TEST_CASE("changes move with every drop and every clear, and with nothing else") {
    near_tags tags;
    auto const at_first = tags.changes();
    CHECK(tags.stands(tags.now(), places({"a"})));
    CHECK(tags.changes() == at_first);
    drop(tags, "a");
    auto const after_drop = tags.changes();
    CHECK(after_drop != at_first);
    tags.clear();
    CHECK(tags.changes() != after_drop);
}

TEST_CASE("a drop that has returned is felt in every thread, whoever drops beside it") {
    // Two writers drop each its own tag, again and again; a reader looks as a near entry does: at
    // the tags once, afterwards only whether anything has changed.
    near_tags tags;
    constexpr std::uint64_t rounds = 50'000;
    struct alignas(64) writer {
        std::string tag;
        std::atomic<std::uint64_t> ended{0};
    };
    std::array<writer, 2> writers;
    writers[0].tag = "left";
    writers[1].tag = "right";
    std::array<std::thread, 2> threads;
    for (std::size_t i = 0; i < threads.size(); ++i) {
        threads[i] = std::thread([&tags, &w = writers[i]] {
            for (std::uint64_t n = 1; n <= rounds; ++n) {
                drop(tags, w.tag);
                w.ended.store(n, std::memory_order_release);
            }
        });
    }
    std::uint64_t wrong = 0;
    for (std::size_t turn = 0;; ++turn) {
        auto const& w = writers[turn % 2];
        auto const place = places({w.tag});
        auto const since = tags.now();
        auto checked = tags.changes();
        bool stands = tags.stands(since, place);
        // The one after the next to end begins after `since` was taken.
        auto const begins_later = w.ended.load(std::memory_order_acquire) + 2;
        if (begins_later > rounds) {
            break;
        }
        while (w.ended.load(std::memory_order_acquire) < begins_later) {
            auto const changes = tags.changes();
            if (changes != checked) {
                stands = stands && tags.stands(since, place);
                checked = changes;
            }
        }
        auto const changes = tags.changes();
        wrong += stands && (changes == checked || tags.stands(since, place)) ? 1U : 0U;
    }
    for (auto& t : threads) {
        t.join();
    }
    CHECK(wrong == 0);
}
