#include "tests/consistency/run.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <random>
#include <string>

using namespace sidecache;
using namespace sidecache::consistency;

int main(int argc, char** argv) {
    run_options options;
    options.what.seed = std::random_device{}();
    options.reads = 100'000;
    std::string names = "strict", weakness, store = "single";
    int seconds = 600;
    bool quiet = false;
    CLI::App cli(
        "Replicas of sidecache under load and faults, every answer held against what the backend "
        "committed.\nEnds with 0 when the promise held, 1 when it did not, 2 when too few answers "
        "were hits to show anything, 3 when the run itself failed.");
    cli.add_option("--seed", options.what.seed, "of what is asked for and what goes wrong");
    cli.add_option("--reads", options.reads, "so many answers")->capture_default_str();
    cli.add_option("--seconds", seconds, "at most so long")->capture_default_str();
    cli.add_option("--replicas", options.where.replicas, "how many")->capture_default_str();
    cli.add_option("--near", options.where.near_size, "near_cache.size")->capture_default_str();
    cli.add_option("--readers", options.what.readers, "a replica")->capture_default_str();
    cli.add_option("--writers", options.what.writers, "a replica")->capture_default_str();
    cli.add_option("--reads-per-write", options.what.reads_per_write, "about")
        ->capture_default_str();
    std::string help =
        "a comma-separated list of:\n  none, strict (all under which the whole "
        "promise holds), all";
    for (auto const& f : all_faults()) {
        auto const* const with = !f.only_with                          ? ""
                                 : *f.only_with == topology::single    ? " (--store single)"
                                 : *f.only_with == topology::sentinels ? " (--store sentinels)"
                                                                       : " (--store cluster)";
        help += "\n  " + std::string(f.name) + ": " + std::string(f.text) + with;
    }
    cli.add_option("--store", store, "what Redis is: single, sentinels or cluster")
        ->check(CLI::IsMember({"single", "sentinels", "cluster"}))
        ->capture_default_str();
    cli.add_option("--faults", names, help)->capture_default_str();
    cli.add_option("--hit-ratio", options.least_hit_ratio, "at least")->capture_default_str();
    cli.add_option("--program", options.where.how.program, "instead of the one that was built");
    cli.add_option("--weakness",
                   weakness,
                   "switches one step of the protocol off (with the weakened program only)");
    cli.add_flag("--quiet", quiet, "the report only");
    CLI11_PARSE(cli, argc, argv);
    try {
        options.at_most = std::chrono::seconds(seconds);
        options.where.store = store == "cluster"     ? topology::cluster
                              : store == "sentinels" ? topology::sentinels
                                                     : topology::single;
        options.faults = faults_named(names, options.where.store);
        if (!weakness.empty()) {
            options.where.how.environment.emplace_back("SIDECACHE_WEAKNESS", weakness);
        }
        if (!quiet) {
            options.say = [](std::string const& text) {
                std::printf("%s\n", text.c_str());
                std::fflush(stdout);
            };
        }
        std::printf("seed %llu\n", static_cast<unsigned long long>(options.what.seed));
        auto const done = run(options);
        std::printf("%s", done.report().c_str());
        return !done.what.violations.empty() ? 1 : done.enough_hits ? 0 : 2;
    } catch (std::exception const& e) {
        std::fprintf(stderr, "consistency: %s\n", e.what());
        return 3;
    }
}
