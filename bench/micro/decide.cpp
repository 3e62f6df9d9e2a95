// What the pure half of a request costs: which rule, which key, which tags. No allocation once the
// decision's buffers have grown.
#include "config/load.hpp"
#include "rules/mutation_scope.hpp"
#include "rules/rule_set.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

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

void decide(benchmark::State& state, char const* target) {
    auto const rules = shipped();
    std::array<rules::field, 1> const identity{{{"orgId", "7"}}};
    std::array<rules::field, 4> const fields{{{"Host", "products.example.com"},
                                              {"User-Agent", "benchmark/1.0 (a usual length)"},
                                              {"Accept", "application/json"},
                                              {"Authorization", "Bearer 0123456789"}}};
    rules::request const request{.method = "GET",
                                 .target = target,
                                 .host = "products.example.com",
                                 .fields = fields,
                                 .has_body = false,
                                 .identity = identity};
    rules::decision out;
    for (auto _ : state) {
        rules->decide(request, out);
        benchmark::DoNotOptimize(out.key.data());
    }
    state.SetLabel(out.key);
}

void mutate(benchmark::State& state) {
    auto const rules = shipped();
    std::array<rules::field, 1> const fields{{{"Authorization", "Bearer 0123456789"}}};
    std::array<rules::field, 1> const identity{{{"orgId", "7"}}};
    rules::request const request{.method = "POST",
                                 .target = "/products/bulk-delete",
                                 .host = "products.example.com",
                                 .fields = fields,
                                 .has_body = true,
                                 .identity = identity};
    std::string body = R"({"ids": [1)";
    for (int i = 2; i <= state.range(0); ++i) {
        body += "," + std::to_string(i);
    }
    body += "]}";
    for (auto _ : state) {
        auto scope = rules->mutate(request, body);
        benchmark::DoNotOptimize(&scope);
    }
}

BENCHMARK_CAPTURE(decide, details, "/products/42");
BENCHMARK_CAPTURE(decide, list, "/products?page=2&limit=20&search=blue+lamp&order=-price");
BENCHMARK_CAPTURE(decide, pass, "/nothing/for/the/cache");
BENCHMARK(mutate)->Arg(1)->Arg(500);

}  // namespace

BENCHMARK_MAIN();
