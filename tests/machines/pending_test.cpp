#include "proxy/cache/pending_purges.hpp"
#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

// protocol.md section 5: what the store has not had.
using namespace sidecache;
using namespace sidecache::cache;
using namespace sidecache::rules::test;
using rules::planned_mark;

namespace {

rules::tag_list tags(std::vector<std::string> const& names) {
    rules::tag_list out;
    for (auto const& n : names) {
        out.add(n);
    }
    return out;
}

planned_mark bumped(std::string tag, std::string exact_key = {}) {
    return {std::move(tag), rules::mark_kind::marker, std::move(exact_key)};
}

auto const product_1 = tags({"rule:product-details", "path:/products/1", "product:1*"});
auto const product_2 = tags({"rule:product-details", "path:/products/2", "product:2*"});

}  // namespace

TEST_CASE("a tag is covered from the hold on, owed from the answer on, free after the replay") {
    telemetry::process_metrics metrics;
    pending_purges pending(metrics);
    auto const rules = compiled(products_strategy());
    CHECK(pending.none());
    CHECK_FALSE(pending.covers(product_1));

    auto held = pending.hold({"product:1*"}, rules);
    CHECK_FALSE(pending.none());
    CHECK(pending.covers(product_1));
    CHECK_FALSE(pending.covers(product_2));
    CHECK(pending.size() == 0);  // its client waits still
    CHECK_FALSE(pending.claim_replay());

    held.owe({bumped("product:1*")}, std::nullopt, {"product-updated"});
    CHECK(pending.covers(product_1));
    CHECK(metrics.purges_pending == 1);
    CHECK(pending.claim_replay());
    CHECK_FALSE(pending.claim_replay());  // one at a time

    auto const batch = pending.due();
    REQUIRE(batch.tags.size() == 1);
    CHECK(batch.tags[0].tag == "product:1*");
    CHECK(pending.settle(batch) == std::vector<std::string>{"product-updated"});
    CHECK(pending.rest());
    CHECK(pending.none());
    CHECK_FALSE(pending.covers(product_1));
    CHECK(metrics.purges_pending == 0);
}

TEST_CASE("a hold whose mutation has reached the store leaves nothing behind") {
    telemetry::process_metrics metrics;
    pending_purges pending(metrics);
    auto held = pending.hold({"product:1*"}, nullptr);
    held.release();
    CHECK(pending.none());
    CHECK(metrics.purges_pending == 0);
}

TEST_CASE("two mutations hold one tag until the last has let go") {
    telemetry::process_metrics metrics;
    pending_purges pending(metrics);
    auto first = pending.hold({"product:1*"}, nullptr);
    auto second = pending.hold({"product:1*"}, nullptr);
    first.release();
    CHECK(pending.covers(product_1));
    second.release();
    CHECK(pending.none());
}

TEST_CASE("a hold that is dropped without a word counts as owed") {
    telemetry::process_metrics metrics;
    pending_purges pending(metrics);
    {
        auto const held = pending.hold({"product:1*"}, nullptr);
    }
    CHECK(pending.covers(product_1));
    CHECK(metrics.purges_pending == 1);
    CHECK(pending.due().tags.size() == 1);
}

TEST_CASE("what is owed once more during a replay is not settled by it") {
    telemetry::process_metrics metrics;
    pending_purges pending(metrics);
    pending.hold({"product:1*"}, nullptr).owe({bumped("product:1*")}, std::nullopt, {"first"});
    REQUIRE(pending.claim_replay());
    auto const batch = pending.due();
    // Its commit may come behind the bump of that batch.
    pending.hold({"product:1*"}, nullptr).owe({bumped("product:1*")}, std::nullopt, {"second"});
    CHECK(pending.settle(batch) == std::vector<std::string>{"first"});
    CHECK(pending.covers(product_1));
    CHECK(metrics.purges_pending == 1);
    CHECK_FALSE(pending.rest());
    CHECK(pending.settle(pending.due()) == std::vector<std::string>{"second"});
    CHECK(pending.rest());
    CHECK(pending.none());
}

TEST_CASE("a tag that a mutation under way still holds stays covered after a replay") {
    telemetry::process_metrics metrics;
    pending_purges pending(metrics);
    pending.hold({"product:1*"}, nullptr).owe({bumped("product:1*")}, std::nullopt, {"first"});
    auto under_way = pending.hold({"product:1*"}, nullptr);
    pending.settle(pending.due());
    CHECK(pending.covers(product_1));
    CHECK(pending.size() == 0);
    under_way.release();
    CHECK(pending.none());
}

TEST_CASE("an unknown outcome's marker is owed until the later of two deadlines") {
    telemetry::process_metrics metrics;
    pending_purges pending(metrics);
    using namespace std::chrono_literals;
    auto const now = boot_clock::now();
    pending.hold({"product:1*"}, nullptr).owe({bumped("product:1*")}, now + 5s, {});
    pending.hold({"product:1*"}, nullptr)
        .owe({bumped("product:1*", "product:1")}, std::nullopt, {});
    pending.hold({"product:1*"}, nullptr).owe({bumped("product:1*")}, now + 3s, {});
    auto const batch = pending.due();
    REQUIRE(batch.tags.size() == 1);
    CHECK(batch.tags[0].keep_until == now + 5s);
    CHECK(batch.tags[0].exact_key == "product:1");
}

TEST_CASE("an outage does not fill the memory: beyond a limit the rules' own tags are owed") {
    telemetry::process_metrics metrics;
    pending_purges pending(metrics, 10);
    auto const rules = compiled(products_strategy());
    for (int i = 0; i < 11; ++i) {
        auto const tag = "product:" + std::to_string(i) + "*";
        pending.hold({tag}, rules).owe({bumped(tag)}, std::nullopt, {"product-updated"});
    }
    auto const batch = pending.due();
    CHECK(batch.tags.size() == rules->rules().size());
    for (auto const& t : batch.tags) {
        CHECK(t.tag.starts_with("rule:"));
    }
    CHECK(metrics.purges_pending == 11);
    // Also what no rule of ours names.
    CHECK(pending.covers(tags({"rule:of-a-later-configuration"})));
    CHECK(pending.settle(batch).size() == 11);
    CHECK(pending.none());
    CHECK_FALSE(pending.covers(product_1));
}

TEST_CASE("readers ask from any thread while mutations come and go") {
    telemetry::process_metrics metrics;
    pending_purges pending(metrics);
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> wrong{0};
    auto kept = pending.hold({"product:2*"}, nullptr);
    std::thread reader([&] {
        while (!done) {
            if (pending.none() || !pending.covers(product_2)) {
                ++wrong;
            }
        }
    });
    for (int i = 0; i < 2000; ++i) {
        auto h = pending.hold({"product:1*"}, nullptr);
        h.owe({bumped("product:1*")}, std::nullopt, {});
        pending.settle(pending.due());
    }
    done = true;
    reader.join();
    kept.release();
    CHECK(wrong == 0);
    CHECK(pending.none());
}
