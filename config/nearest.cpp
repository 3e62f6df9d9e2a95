#include "config/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace sidecache::config {
namespace {

constexpr std::size_t longest_word = 64;

std::string plain(std::string_view word) {
    std::string out;
    for (char const c : word) {
        if (c >= 'A' && c <= 'Z') {
            out += static_cast<char>(c - 'A' + 'a');
        } else if (c != '_' && c != '-') {
            out += c;
        }
    }
    return out;
}

/// Optimal string alignment: insertions, deletions, replacements, swaps of neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> two_ago(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            auto const replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], two_ago[j - 2] + 1);
            }
        }
        std::swap(two_ago, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view typed,
                                        std::span<std::string_view const> candidates) {
    if (typed.size() > longest_word) {
        return std::nullopt;
    }
    auto const word = plain(typed);
    std::optional<std::string_view> best;
    std::size_t best_distance = longest_word;
    for (auto const candidate : candidates) {
        auto const other = plain(candidate);
        auto const d = distance(word, other);
        if (d <= std::max(word.size(), other.size()) / 3 && d < best_distance) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

}  // namespace sidecache::config
