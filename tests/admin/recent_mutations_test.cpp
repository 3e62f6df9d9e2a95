#include "proxy/telemetry/recent_mutations.hpp"

#include "proxy/telemetry/watch.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <thread>

using namespace sidecache;
using telemetry::mutation_record;
using telemetry::recent_mutations;

namespace {

mutation_record record(std::string path, unix_ms at = 0) {
    mutation_record r;
    r.at = at;
    r.method = "PUT";
    r.path = std::move(path);
    r.outcome = "changed";
    return r;
}

}  // namespace

TEST_CASE("the last mutations are kept, oldest first, and no more than fit") {
    recent_mutations ring;
    CHECK(ring.read().empty());
    for (std::size_t i = 0; i < recent_mutations::kept + 3; ++i) {
        ring.add(record("/" + std::to_string(i)));
    }
    auto const kept = ring.read();
    REQUIRE(kept.size() == recent_mutations::kept);
    CHECK(kept.front().path == "/3");
    CHECK(kept.back().path == "/" + std::to_string(recent_mutations::kept + 2));
}

TEST_CASE("texts and tags of a record are bounded, and say so") {
    recent_mutations ring;
    auto r = record("/" + std::string(100'000, 'x'));
    r.method = std::string(1'000, 'M');
    r.tags.assign(500, std::string(1'000, 't'));
    ring.add(r);
    auto const kept = ring.read().at(0);
    CHECK(kept.path.size() == recent_mutations::longest_text + 3);
    CHECK(kept.path.ends_with("\xe2\x80\xa6"));
    CHECK(kept.method.size() == recent_mutations::longest_text + 3);
    CHECK(kept.tags.size() == recent_mutations::most_tags);
    CHECK(kept.tag_count == 500);
    CHECK(kept.tags[0].size() == recent_mutations::longest_text + 3);
}

TEST_CASE("a text is not cut within a character") {
    recent_mutations ring;
    std::string path(recent_mutations::longest_text - 1, 'x');
    path += "\xc3\xa9tage";  // the two bytes of an e with an accent lie on the border
    ring.add(record(path));
    CHECK(ring.read().at(0).path ==
          std::string(recent_mutations::longest_text - 1, 'x') + "\xe2\x80\xa6");
}

TEST_CASE("those of all workers come together, the latest first") {
    telemetry::watches all(3);
    all.of_worker(0).mutations.add(record("/first", 1));
    all.of_worker(2).mutations.add(record("/third", 3));
    all.of_worker(1).mutations.add(record("/second", 2));
    all.of_worker(2).mutations.add(record("/fourth", 3));
    auto const latest = all.latest_mutations(3);
    REQUIRE(latest.size() == 3);
    CHECK(latest[0].path == "/fourth");
    CHECK(latest[1].path == "/third");
    CHECK(latest[2].path == "/second");
}

TEST_CASE("mutations may be read while they are added") {
    constexpr std::uint64_t all = 5'000;
    recent_mutations ring;
    std::jthread const worker([&] {
        for (std::uint64_t i = 0; i < all; ++i) {
            ring.add(record("/" + std::to_string(i)));
        }
    });
    for (std::uint64_t last = 0; last + 1 < all;) {
        auto const kept = ring.read();
        for (std::size_t k = 1; k < kept.size(); ++k) {
            REQUIRE(kept[k].number == kept[k - 1].number + 1);
            REQUIRE(kept[k].path == "/" + std::to_string(kept[k].number));
        }
        last = kept.empty() ? 0 : kept.back().number;
    }
}
