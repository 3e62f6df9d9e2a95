// What a near hit costs but for sockets.
#include "config/load.hpp"
#include "proxy/cache/near_cache.hpp"
#include "proxy/store/entry_codec.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "rules/rule_set.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace sidecache;

std::shared_ptr<rules::rule_set const> shipped() {
    auto const loaded = config::load_file(SOURCE_FOLDER "/config/products.yaml");
    if (!loaded.config) {
        std::fputs("config/products.yaml does not load\n", stderr);
        std::exit(1);
    }
    return loaded.config->rules;
}

struct world {
    cache::near_tags tags;
    store::lease lease;
    telemetry::process_metrics totals;
    cache::near_cache near{256 << 20, tags, lease, totals};
    std::shared_ptr<rules::rule_set const> rules = shipped();
    std::vector<rules::decision> wanted;

    explicit world(std::int64_t products) {
        lease.grant_for_ever();
        std::string const body(1'500, 'b');
        for (std::int64_t i = 0; i < products; ++i) {
            auto const target = "/products/" + std::to_string(i);
            auto& d = wanted.emplace_back();
            rules->decide(asked(target), d);
            keep(d, body);
        }
    }
    static rules::request asked(std::string_view target) {
        return {.method = "GET",
                .target = target,
                .host = "products.example.com",
                .fields = {},
                .has_body = false,
                .identity = {}};
    }
    void keep(rules::decision const& d, std::string_view body) {
        auto const since = near.ticket();
        std::vector<store::generation> const generations(d.tags.size(), {1, 1});
        store::entry entry;
        auto const bytes = std::make_shared<std::string const>(store::encode_entry(
            {.full_key = d.full_key,
             .server = {1, 1},
             .tags = &d.tags,
             .generations = generations,
             .fetched_at = 1'000'000,
             .initial_age = 0,
             .ttl_ms = 600'000,
             .vary = {},
             .status = 200,
             .head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"1\"\r\n"
                     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 1500\r\n",
             .body = body}));
        if (store::decode_entry(bytes, entry)) {
            std::abort();
        }
        std::vector<store::tag_reading> const readings(d.tags.size(),
                                                       {.present = true, .gen = {1, 1}});
        auto const now = boot_clock::now();
        store::answered_by const by{{1, 1}, now, 1'000'000};
        near.insert({now, since, entry, by, readings, d, 1, 1'000'000});
    }
};

/// Of `range` entries, one after the other.
void find(benchmark::State& state) {
    world w(state.range(0));
    auto const asked = world::asked("/products/1");
    auto const now = boot_clock::now();
    std::size_t i = 0;
    for (auto _ : state) {
        auto const found = w.near.find(w.wanted[i], asked, 1, now);
        if (!found.is_hit) {
            state.SkipWithError("not a hit");
            break;
        }
        i = i + 1 == w.wanted.size() ? 0 : i + 1;
    }
}

/// ... and after each of them a drop of other tags, so that every hit looks at its own.
void find_among_drops(benchmark::State& state) {
    world w(state.range(0));
    auto const asked = world::asked("/products/1");
    auto const now = boot_clock::now();
    std::array<std::string_view, 2> const others{"another", "one more"};
    std::size_t i = 0;
    for (auto _ : state) {
        w.tags.drop(others);
        auto const found = w.near.find(w.wanted[i], asked, 1, now);
        benchmark::DoNotOptimize(&found);
        i = i + 1 == w.wanted.size() ? 0 : i + 1;
    }
}

BENCHMARK(find)->Arg(1)->Arg(10'000);
BENCHMARK(find_among_drops)->Arg(1)->Arg(10'000);

}  // namespace

BENCHMARK_MAIN();
