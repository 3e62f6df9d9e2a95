// What the sketch of hot keys adds to each request that is looked up.
#include "proxy/telemetry/hot_keys.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace sidecache;

/// Requests as fast as they come (so one in 64 is looked at), for this many keys in turn.
void saw(benchmark::State& state) {
    std::vector<std::string> keys;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        keys.push_back("product:" + std::to_string(i) + ":details|orgId=7");
    }
    auto now = boot_clock::now();
    telemetry::hot_keys sketch(1, now);
    std::size_t i = 0;
    for (auto _ : state) {
        now += std::chrono::microseconds(10);
        sketch.saw(keys[i], "product-details", true, now);
        i = i + 1 == keys.size() ? 0 : i + 1;
    }
}
BENCHMARK(saw)->Arg(1)->Arg(100)->Arg(10'000);

/// The one in 64: also a table that is full, with a key that is not in it each time.
void looked_at(benchmark::State& state) {
    std::vector<std::string> keys;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        keys.push_back("product:" + std::to_string(i) + ":details|orgId=7");
    }
    auto now = boot_clock::now();
    telemetry::hot_keys sketch(1, now);
    std::size_t i = 0;
    for (auto _ : state) {
        now += std::chrono::seconds(1);  // few requests: each is looked at
        sketch.saw(keys[i], "product-details", true, now);
        i = i + 1 == keys.size() ? 0 : i + 1;
    }
}
BENCHMARK(looked_at)->Arg(100)->Arg(10'000);

}  // namespace

BENCHMARK_MAIN();
