// A load generator of one thread: keep-alive connections, a skewed choice of keys, writes among the
// reads, a fixed rate with latencies counted from when a request was due, stampedes. Prints JSON.
#include "bench/load/connection.hpp"
#include "bench/load/run.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

namespace {

void print(char const* name, load::latencies const& of) {
    std::printf(
        "\"%s\": {\"count\": %llu, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
        "\"p999_us\": %.1f, \"max_us\": %.1f}",
        name,
        static_cast<unsigned long long>(of.total()),
        of.quantile_us(0.5),
        of.quantile_us(0.9),
        of.quantile_us(0.99),
        of.quantile_us(0.999),
        of.most_us());
}

/// Connections that say nothing, until stdin ends.
int hold_idle(std::vector<std::uint16_t> const& ports, std::size_t count) {
    std::vector<std::unique_ptr<load::connection>> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<load::connection>(ports[i % ports.size()]));
    }
    std::puts("idle");
    std::fflush(stdout);
    std::string line;
    std::getline(std::cin, line);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Load for an HTTP server on loopback."};
    load::request_options what;
    load::run_options how;
    std::size_t stampedes = 0;
    bool idle = false;
    app.add_option("--port", how.ports, "of the server; of several in turn")->required();
    app.add_option("--host", what.host, "the Host field");
    app.add_option("--field", what.fields, "'Name: value', as often as needed");
    app.add_option("--path", what.path, "of the requests; {} stands for the key's number");
    app.add_option("--first", what.first, "the first key's number");
    app.add_option("--keys", what.keys, "how many keys");
    app.add_option("--skew", what.skew, "Zipf's exponent; 0: all keys alike");
    app.add_flag("--in-order", what.in_order, "the keys one after another");
    app.add_option("--writes", what.writes, "that part of the requests is a write");
    app.add_option("--write-method", what.write_method, "of the writes");
    app.add_option("--write-body", what.write_body, "of the writes");
    app.add_option("--seed", what.seed, "of the draws");
    app.add_option("--connections", how.connections, "kept alive");
    app.add_option("--seconds", how.seconds, "how long");
    app.add_option("--requests", how.most, "stop after that many");
    app.add_option("--rate", how.rate, "requests a second; 0: as many as are answered");
    app.add_option("--stampedes", stampedes, "rounds in which all ask for one new key at once");
    app.add_flag("--idle", idle, "hold idle connections until stdin ends");
    CLI11_PARSE(app, argc, argv);

    if (idle) {
        return hold_idle(how.ports, how.connections);
    }
    load::requests mix(what);
    if (stampedes > 0) {
        auto const f = load::stampede({how.ports, how.connections, stampedes}, mix);
        std::printf("{\"errors\": %llu, ", static_cast<unsigned long long>(f.errors));
        print("same", f.same);
        std::printf(", ");
        print("other", f.other);
        std::puts("}");
        return 0;
    }
    auto const f = load::run(how, mix);
    std::printf(
        "{\"answered\": %llu, \"errors\": %llu, \"seconds\": %.4f, \"rate\": %.1f, "
        "\"generator_busy\": %.3f, ",
        static_cast<unsigned long long>(f.answered),
        static_cast<unsigned long long>(f.errors),
        f.seconds,
        static_cast<double>(f.answered) / f.seconds,
        f.busy);
    print("latency", f.took);
    std::puts("}");
}
