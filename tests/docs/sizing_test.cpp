// The figures of proxy/sizing.md that a test can measure anew: what an entry costs in Redis and in
// memory. `<!-- NAME -->FIGURE` is what the page says.
#include "tests/docs/markdown.hpp"
#include "tests/support/stack.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

using namespace sidecache::tests;

namespace {

double said(std::string const& name) {
    auto const& text = page("proxy/sizing.md").text;
    auto const mark = "<!-- " + name + " -->";
    auto const at = text.find(mark);
    REQUIRE(at != std::string::npos);
    return std::strtod(text.c_str() + at + mark.size(), nullptr);
}

/// What Redis has allocated.
double used_memory(redis_server& redis) {
    auto const info = redis.cli({"INFO", "memory"});
    std::string const field = "used_memory:";
    return std::strtod(info.c_str() + info.find(field) + field.size(), nullptr);
}

}  // namespace

TEST_CASE("sizing: an entry costs in Redis and in memory what the page says") {
    stack s({.replicas = 1,
             .products = 900,
             .store = "timeout: 1s, margin: 10s",
             .settings = "workers: 1\n",
             .is_verified = true});
    http_client client(s[0].port());
    http_fields const caller{{"Authorization", "Bearer token-1-1"}};
    client.get("/products/1", caller);  // who is asking is known from here on
    auto const before = used_memory(s.redis());
    double entries = 0;
    double bodies = 0;
    for (int id = 2; id <= 900; ++id) {
        auto const target = "/products/" + std::to_string(id);
        auto const got = client.get(target, caller);
        if (got.status == 200) {
            ++entries;
            bodies += static_cast<double>(got.body.size());
            client.get(target, caller);  // a hit, which memory takes in
        }
    }
    REQUIRE(entries > 200);
    auto const each = (used_memory(s.redis()) - before) / entries;
    auto const near = s[0].metric("sidecache_near_bytes") / s[0].metric("sidecache_near_entries");
    MESSAGE("bytes an entry: body " << bodies / entries << ", Redis " << each << ", memory "
                                    << near);
    // Tables in Redis grow by doubling: what one entry costs depends on how many there are.
    CHECK(each == doctest::Approx(said("redis_entry")).epsilon(0.25));
    CHECK(each - bodies / entries == doctest::Approx(said("redis_overhead")).epsilon(0.35));
    CHECK(near == doctest::Approx(said("near_entry")).epsilon(0.2));
}
