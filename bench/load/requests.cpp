#include "bench/load/requests.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>

namespace load {
namespace {

constexpr std::size_t draws = 1U << 18U;

std::string render(request_options const& o,
                   std::string_view method,
                   std::uint64_t key,
                   std::string_view body) {
    auto path = o.path;
    if (auto const at = path.find("{}"); at != std::string::npos) {
        path.replace(at, 2, std::to_string(key));
    }
    std::string out;
    out.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: ").append(o.host);
    out.append("\r\n");
    for (auto const& field : o.fields) {
        out.append(field).append("\r\n");
    }
    if (!body.empty()) {
        out.append("Content-Type: application/json\r\nContent-Length: ");
        out.append(std::to_string(body.size())).append("\r\n");
    }
    return out.append("\r\n").append(body);
}

/// The sum of the weights up to each key: a draw is a search in it.
std::vector<double> weights(request_options const& o) {
    std::vector<double> sums(o.keys);
    double sum = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        sum += 1.0 / std::pow(static_cast<double>(i + 1), o.skew);
        sums[i] = sum;
    }
    return sums;
}

}  // namespace

requests::requests(request_options const& o) {
    for (std::uint64_t k = 0; k < o.keys; ++k) {
        rendered_.push_back(render(o, "GET", o.first + k, ""));
    }
    if (o.writes > 0) {
        for (std::uint64_t k = 0; k < o.keys; ++k) {
            rendered_.push_back(render(o, o.write_method, o.first + k, o.write_body));
        }
    }
    if (o.in_order || (o.keys == 1 && o.writes == 0)) {
        for (std::uint32_t k = 0; k < o.keys; ++k) {
            order_.push_back(k);
        }
        return;
    }
    // Popular keys are not neighbours: their rank is shuffled.
    std::vector<std::uint32_t> rank(o.keys);
    for (std::uint32_t k = 0; k < o.keys; ++k) {
        rank[k] = k;
    }
    std::mt19937_64 random(o.seed);
    std::ranges::shuffle(rank, random);
    auto const sums = weights(o);
    std::uniform_real_distribution<double> place(0, sums.back());
    std::bernoulli_distribution writes(o.writes);
    for (std::size_t i = 0; i < draws; ++i) {
        auto const drawn = std::ranges::upper_bound(sums, place(random)) - sums.begin();
        auto const key =
            rank[std::min<std::size_t>(static_cast<std::size_t>(drawn), rank.size() - 1)];
        order_.push_back(key + (writes(random) ? static_cast<std::uint32_t>(o.keys) : 0));
    }
}

}  // namespace load
