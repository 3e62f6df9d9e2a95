// What it costs to judge a hit from what one MGET brought: read the tags' values, decode the entry,
// compare generations.
#include "config/load.hpp"
#include "proxy/cache/validity.hpp"
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

void judge(benchmark::State& state) {
    auto const loaded = config::load_file(SOURCE_FOLDER "/config/products.yaml");
    if (!loaded.config) {
        std::fputs("config/products.yaml does not load\n", stderr);
        std::exit(1);
    }
    std::array<rules::field, 1> const identity{{{"orgId", "7"}}};
    rules::request const asked{.method = "GET",
                               .target = "/products/42",
                               .host = "products.example.com",
                               .fields = {},
                               .has_body = false,
                               .identity = identity};
    rules::decision wanted;
    loaded.config->rules->decide(asked, wanted);

    store::answered_by const by{.server = store::random_ids().next(),
                                .checked_at = boot_clock::now(),
                                .server_now_ms = 1'000'000};
    std::vector<store::generation> generations;
    std::vector<std::string> values;
    for (std::size_t i = 0; i < wanted.tags.size(); ++i) {
        generations.push_back(store::random_ids().next());
        values.push_back(generations.back().hex());
    }
    auto const bytes = std::make_shared<std::string const>(store::encode_entry(
        {.full_key = wanted.full_key,
         .server = by.server,
         .tags = &wanted.tags,
         .generations = generations,
         .fetched_at = 1'000'000,
         .initial_age = 0,
         .ttl_ms = 600'000,
         .vary = {},
         .status = 200,
         .head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"1\"\r\n",
         .body = std::string(static_cast<std::size_t>(state.range(0)), 'b')}));
    cache::moment const at{.now = 1'001'000,
                           .boot = by.checked_at,
                           .lease = std::chrono::milliseconds(500),
                           .pending_purge = false};
    store::entry into;
    std::vector<store::tag_reading> readings(values.size());
    for (auto _ : state) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            readings[i] = store::read_tag(values[i]);
        }
        auto const v = cache::judge(bytes, by, readings, wanted, asked, at, into);
        if (v != cache::validity::hit) {
            state.SkipWithError("not a hit");
            break;
        }
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

BENCHMARK(judge)->Arg(1500)->Arg(64 << 10)->Arg(1 << 20);

}  // namespace

BENCHMARK_MAIN();
