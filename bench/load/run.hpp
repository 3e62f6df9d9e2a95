#pragma once

#include "bench/load/latencies.hpp"
#include "bench/load/requests.hpp"

#include <cstdint>
#include <vector>

namespace load {

struct run_options {
    std::vector<std::uint16_t> ports;
    std::size_t connections = 64;
    double seconds = 3;
    /// Stop after that many answers; 0: after `seconds`.
    std::uint64_t most = 0;
    /// Requests a second, sent when they are due whether or not those before have been answered; a
    /// latency counts from then. 0: each connection asks again as soon as it has its answer.
    double rate = 0;
};

struct figures {
    std::uint64_t answered = 0;
    std::uint64_t errors = 0;  // other than 2xx, and broken connections
    double seconds = 0;
    /// CPU time of this process for each second: near 1, it is the generator that is measured.
    double busy = 0;
    latencies took;
};

figures run(run_options const& o, requests& what);

struct stampede_options {
    std::vector<std::uint16_t> ports;
    std::size_t connections = 100;
    std::size_t rounds = 20;
};
/// How much later than the first answer the others came.
struct stampede_figures {
    std::uint64_t errors = 0;
    latencies same;   // at the server that gave the first one
    latencies other;  // at the others
};
/// In each round all connections ask for one key, which nobody has asked for before, at once.
stampede_figures stampede(stampede_options const& o, requests& what);

}  // namespace load
