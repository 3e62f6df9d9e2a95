// Publish and wait (protocol.md section 3.3), and what a replica does that is told: a store and a
// hub that follow a script, real time where a lease is waited out.
#include "proxy/cache/event_channel.hpp"
#include "proxy/cache/near_replicas.hpp"
#include "proxy/cache/near_tags.hpp"
#include "tests/machines/mutation_bench.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <array>
#include <chrono>
#include <utility>

using namespace sidecache;
using namespace sidecache::cache;
using namespace sidecache::cache::test;
using namespace std::chrono_literals;
using texts = std::vector<std::string>;

namespace {

constexpr store::id128 self{0, 0xa};
constexpr store::id128 bob{0, 0xb};
constexpr store::id128 carol{0, 0xc};

class scripted_hub final : public store::store_hub {
public:
    texts acknowledged;  // "ROUND MEMBER", the low words

    void serve_near(std::function<void()> /*empty*/) override {}
    void leave_near() override {}
    store::id128 member() const override { return self; }
    void acknowledge(store::id128 round, store::id128 member) override {
        acknowledged.push_back(std::to_string(round.low) + " " + std::to_string(member.low));
    }
    std::unique_ptr<store::store> make_store(asio::io_context&, store::metrics_source) override {
        return nullptr;
    }
    void subscribe(asio::io_context&, store::event_sink, std::function<void()>) override {}
    void announce(std::string, std::vector<std::string>, std::function<void()>) override {}
    store::lease const& near_lease() const override { return lease_; }
    void forget_older() override {}
    void count_keys(store::counted_source) override {}
    void stop() override {}

private:
    store::lease lease_;
};

store::near_member member(store::id128 id, std::chrono::nanoseconds lease) {
    return {id.hex(), lease, "its record"};
}

struct replica : bench {
    near_tags tags;
    scripted_hub hub;
    counting_ids rounds;  // 1, 2, 3...
    event_channel fills;
    near_replicas group{tags, hub, rounds, fills};
    std::optional<bool> told;
    std::chrono::nanoseconds took{0};

    /// Whom the store names, from the next call on.
    void others(std::vector<store::near_member> members, bool complete = true) {
        store::audience a;
        a.members = std::move(members);
        a.complete = complete;
        a.longest = 40ms;
        store.on_publish_drop.otherwise = [a](std::string_view) { return a; };
    }
    /// Publishes, and runs until it waits.
    void publish() {
        sessions.spawn("mutation", wait_for_all());
        run_ready();
    }
    task<void> wait_for_all() {
        static constexpr std::array<std::string_view, 1> changed{"product:42*"};
        auto const began = boot_clock::now();
        auto const outcome = co_await group.publish_and_wait(parts, changed);
        took = boot_clock::now() - began;
        told = outcome;
    }
    void hear_ack(std::uint64_t round, store::id128 from) {
        std::string payload;
        format_to(payload, store::drop_ack{{0, round}, from});
        group.on_message(payload);
        run_ready();
    }
    void run_to_end() {
        run_until([&] { return told.has_value(); });
        run_ready();
        run_until([&] { return background.empty(); });
    }
    /// Whether an entry of that tag that was inserted at `since` still stands.
    bool stands(near_tags::ticket since, std::string_view tag) const {
        std::array<near_tags::place, 1> const place{near_tags::place_of(tag)};
        return tags.stands(since, place);
    }
};

std::string drop_from(store::id128 who, std::vector<std::string_view> const& tags) {
    std::string payload;
    store::format_drop_to(payload, {0, 77}, who, tags);
    return payload;
}

}  // namespace

TEST_CASE("the own near cache is dropped before anything is published") {
    replica one;
    auto const before = one.tags.now();
    bool dropped_first = false;
    one.store.on_publish_drop.then([&](std::string_view) {
        dropped_first = !one.stands(before, "product:42*");
        return store::audience();
    });
    one.publish();
    CHECK(dropped_first);
    CHECK(one.told == true);
    CHECK(one.stands(before, "product:43*"));
}

TEST_CASE("alone, nobody is waited for") {
    replica one;
    one.others({});
    one.publish();
    CHECK(one.told == true);
    CHECK(one.store.calls == texts{"publish_drop"});
}

TEST_CASE("everybody's word is waited for, and no longer") {
    replica one;
    one.others({member(bob, 1h), member(carol, 1h)});
    one.publish();
    CHECK_FALSE(one.told);
    one.hear_ack(1, bob);
    CHECK_FALSE(one.told);
    one.hear_ack(1, bob);  // twice is not both
    CHECK_FALSE(one.told);
    one.hear_ack(2, carol);  // of another round
    CHECK_FALSE(one.told);
    one.hear_ack(1, carol);
    CHECK(one.told == true);
    CHECK(one.store.calls == texts{"publish_drop"});
    CHECK(one.current->metrics->purge_ack_wait.buckets[0].value() +
              one.current->metrics->purge_ack_wait.sum_ns.value() >
          0);
}

TEST_CASE("a word that comes before the publish's own reply counts") {
    replica one;
    one.others({member(bob, 1h)});
    auto const reply = one.store.hold("publish_drop");
    one.publish();
    one.hear_ack(1, bob);
    CHECK_FALSE(one.told);
    reply->open();
    one.run_ready();
    CHECK(one.told == true);
}

TEST_CASE("a word to an earlier message of the same mutation does not count") {
    // It was given before whatever the near cache has taken in since.
    replica one;
    one.others({member(bob, 20ms)});
    one.publish();
    one.run_to_end();
    one.others({member(bob, 1h)});
    one.told.reset();
    one.publish();
    one.hear_ack(1, bob);
    CHECK_FALSE(one.told);
    one.hear_ack(2, bob);
    CHECK(one.told == true);
}

TEST_CASE("a silent replica's lease is waited out whole, from the publish's reply on") {
    replica one;
    one.others({member(bob, 40ms), member(carol, 1h)});
    auto const reply = one.store.hold("publish_drop");
    one.publish();
    reply->open();
    auto const since = boot_clock::now();
    one.run_ready();
    one.hear_ack(1, carol);
    one.run_to_end();
    CHECK(one.told == true);
    CHECK(boot_clock::now() - since >= store::full_lease(40ms));
    // Nobody waits for it again until it renews.
    CHECK(one.store.calls == texts{"publish_drop", "dismiss " + bob.hex()});
}

TEST_CASE("where the list may be incomplete a full lease passes, whoever is listed and answers") {
    replica one;
    one.others({member(bob, 20ms)}, false);
    one.publish();
    one.hear_ack(1, bob);
    CHECK_FALSE(one.told);
    one.run_to_end();
    CHECK(one.took >= store::full_lease(40ms));
    CHECK(one.store.calls == texts{"publish_drop"});  // bob has answered
}

TEST_CASE("a message that the store does not take has told nobody") {
    replica one;
    one.store.on_publish_drop.always_fail(store::store_error::timeout);
    one.publish();
    CHECK(one.told == false);
    CHECK(one.store.calls == texts{"publish_drop"});
}

TEST_CASE("many mutations wait at once, each for its own") {
    replica one;
    one.others({member(bob, 1h)});
    int done = 0;
    for (int i = 0; i < 50; ++i) {
        one.sessions.spawn("mutation", [](replica& r, int& n) -> task<void> {
            co_await r.wait_for_all();
            ++n;
        }(one, done));
    }
    one.run_ready();
    CHECK(one.store.count("publish_drop") == 50);
    for (std::uint64_t round = 50; round >= 1; --round) {
        one.hear_ack(round, bob);
        CHECK(done == 51 - static_cast<int>(round));
    }
}

TEST_CASE("a drop has taken effect, in every thread, when it is acknowledged") {
    replica one;
    auto const before = one.tags.now();
    SUBCASE("by its tags") {
        one.group.on_message(drop_from(bob, {"product:42*", "rule:details"}));
        CHECK_FALSE(one.stands(before, "product:42*"));
        CHECK_FALSE(one.stands(before, "rule:details"));
        CHECK(one.stands(before, "product:43*"));
    }
    SUBCASE("or everything") {
        std::string payload;
        std::vector<std::string_view> const many{"a", "b"};
        store::format_drop_to(payload, {0, 77}, bob, many, 1);
        one.group.on_message(payload);
        CHECK_FALSE(one.stands(before, "product:43*"));
    }
    CHECK(one.hub.acknowledged == texts{"77 11"});
    CHECK(one.stands(one.tags.now(), "product:42*"));  // what comes in from now on stays
}

TEST_CASE("the own message comes back and is nothing new") {
    replica one;
    auto const before = one.tags.now();
    one.group.on_message(drop_from(self, {"product:42*"}));
    CHECK(one.stands(before, "product:42*"));
    CHECK(one.hub.acknowledged.empty());
}

TEST_CASE("what cannot be read might have been a drop: everything goes, and nothing is said") {
    replica one;
    for (std::string const& strange : {std::string(),
                                       std::string("1 drop"),
                                       std::string("1 drop 00 00 1:a"),
                                       std::string("2 drop whatever"),
                                       std::string("1 something_new"),
                                       std::string("\0\xff", 2)}) {
        CAPTURE(strange);
        auto const before = one.tags.now();
        one.group.on_message(strange);
        CHECK_FALSE(one.stands(before, "product:42*"));
    }
    CHECK(one.hub.acknowledged.empty());
    SUBCASE("but news of fills are not") {
        auto const before = one.tags.now();
        one.group.on_message("1 fill_done stored product:42:lock");
        CHECK(one.stands(before, "product:42*"));
    }
}
