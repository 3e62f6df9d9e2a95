#include "tests/consistency/run.hpp"

#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>

namespace sidecache::consistency {

namespace {

std::string fixed(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", value);
    return text;
}

}  // namespace

outcome run(run_options const& options) {
    outcome out;
    auto const started = std::chrono::steady_clock::now();
    auto const until = started + options.at_most;
    std::mt19937_64 chance(options.what.seed);
    cluster where(options.where);
    workload work(where, options.what);
    auto const goes_on = [&] {
        return work.answered() < options.reads && std::chrono::steady_clock::now() < until;
    };
    while (goes_on()) {
        if (options.faults.empty()) {
            ::poll(nullptr, 0, 5);
            continue;
        }
        auto const& f = options.faults[chance() % options.faults.size()];
        out.happened.emplace_back(f.name);
        if (options.say != nullptr) {
            options.say(std::string(f.name) + " (" + std::to_string(work.answered()) + " reads, " +
                        std::to_string(work.written()) + " writes)");
        }
        f.happen(where, chance);
        // A while in peace, so that there is something to lose.
        auto const calm = work.answered() + options.what.reads_per_write * where.size() * 4;
        auto const patience = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
        while (work.answered() < calm && std::chrono::steady_clock::now() < patience) {
            ::poll(nullptr, 0, 2);
        }
    }
    where.backend().heal();
    auto const h = work.finish();
    auto holds = weakest(options.faults);
    if (options.where.on_down == "forward") {
        // Marks are set only when the store is back: protocol.md section 5.
        holds = {.monotonic = false, .abandoned = false};
    }
    out.what = analyse(h, holds);
    out.writes = h.writes.size();
    out.acknowledged = static_cast<std::uint64_t>(std::count_if(
        h.writes.begin(), h.writes.end(), [](write const& w) { return w.status / 100 == 2; }));
    out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    out.enough_hits = out.what.hit_ratio() >= options.least_hit_ratio;
    return out;
}

std::string outcome::report() const {
    std::string out = std::to_string(what.checked) + " reads checked (" +
                      std::to_string(what.unanswered) + " without an answer to check), hit ratio " +
                      fixed(what.hit_ratio()) + (enough_hits ? "" : ": TOO LOW") + "; " +
                      std::to_string(writes) + " writes, " + std::to_string(acknowledged) +
                      " acknowledged; " + fixed(seconds) + " s\n";
    std::map<std::string, int> counts;
    for (auto const& name : happened) {
        ++counts[name];
    }
    for (auto const& [name, count] : counts) {
        out += "  " + std::to_string(count) + " x " + name + "\n";
    }
    out += std::to_string(what.violations.size()) + " violations\n";
    for (std::size_t i = 0; i < std::min<std::size_t>(what.violations.size(), 10); ++i) {
        out += "  " + std::string(name(what.violations[i].what)) + ": " + what.violations[i].text +
               "\n";
    }
    return out;
}

}  // namespace sidecache::consistency
