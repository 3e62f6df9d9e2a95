#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace load {

/// A histogram of durations in nanoseconds: 64 buckets a power of two, so that what it answers is
/// less than 1.6 % off. Nothing is allocated.
class latencies {
public:
    void add(std::int64_t nanoseconds) {
        auto const v = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
        ++counts_[index(v)];
        ++total_;
        most_ = std::max(most_, v);
    }

    std::uint64_t total() const { return total_; }
    double most_us() const { return static_cast<double>(most_) / 1e3; }

    /// In microseconds; 0 without samples. `part` is 0.99 for p99.
    double quantile_us(double part) const {
        auto const wanted =
            static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(total_)));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen >= wanted && seen > 0) {
                return std::min(upper(i), static_cast<double>(most_)) / 1e3;
            }
        }
        return 0;
    }

private:
    static constexpr unsigned fine_bits = 6;
    static constexpr std::uint64_t fine = 1ULL << fine_bits;

    static std::size_t index(std::uint64_t v) {
        if (v < fine) {
            return v;
        }
        auto const shift = static_cast<unsigned>(std::bit_width(v)) - fine_bits - 1;
        return (static_cast<std::size_t>(shift) + 1) * fine + ((v >> shift) - fine);
    }
    static double upper(std::size_t i) {
        if (i < fine) {
            return static_cast<double>(i);
        }
        auto const shift = i / fine - 1;
        return std::ldexp(static_cast<double>(fine + i % fine + 1), static_cast<int>(shift));
    }

    std::array<std::uint64_t, (64 - fine_bits + 1) * fine> counts_{};
    std::uint64_t total_ = 0;
    std::uint64_t most_ = 0;
};

}  // namespace load
