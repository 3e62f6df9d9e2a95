#include "proxy/telemetry/watch.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace sidecache::telemetry {

watches::watches(std::size_t workers) {
    auto const now = boot_clock::now();
    for (std::size_t i = 0; i < workers; ++i) {
        all_.push_back(std::make_unique<watch>(i + 1, now));
    }
}

std::vector<hot_key> watches::hottest(std::size_t at_most, boot_clock::time_point now) const {
    std::vector<hot_key> out;
    std::unordered_map<std::uint64_t, std::size_t> places;
    for (auto const& one : all_) {
        for (auto& k : one->keys.read(now)) {
            auto const [place, is_new] = places.try_emplace(k.hash, out.size());
            if (is_new) {
                out.push_back(std::move(k));
                continue;
            }
            auto& sum = out[place->second];
            auto const both = sum.per_second + k.per_second;
            sum.hit_share = (sum.hit_share * sum.per_second + k.hit_share * k.per_second) / both;
            sum.per_second = both;
        }
    }
    std::ranges::sort(out, [](hot_key const& a, hot_key const& b) {
        return a.per_second != b.per_second ? a.per_second > b.per_second : a.key < b.key;
    });
    out.resize(std::min(out.size(), at_most));
    return out;
}

std::vector<mutation_record> watches::latest_mutations(std::size_t at_most) const {
    std::vector<mutation_record> out;
    for (auto const& one : all_) {
        auto some = one->mutations.read();
        std::move(some.rbegin(), some.rend(), std::back_inserter(out));
    }
    std::ranges::sort(out, [](mutation_record const& a, mutation_record const& b) {
        return a.at != b.at ? a.at > b.at : a.number > b.number;
    });
    out.resize(std::min(out.size(), at_most));
    return out;
}

}  // namespace sidecache::telemetry
