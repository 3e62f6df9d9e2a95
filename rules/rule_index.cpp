#include "rules/compiled.hpp"

#include <algorithm>

namespace sidecache::rules {

void rule_index::add(path_template const& path, std::size_t index) {
    auto const last = path.has_rest() ? path_segments::limit : path.size();
    for (auto n = path.size(); n <= last; ++n) {
        auto& bucket = by_size_[n];
        if (path.first_literal().empty() && path.size() > 0) {
            bucket.any_first.push_back(index);
        } else {
            bucket.by_first[std::string(path.first_literal())].push_back(index);
        }
    }
}

void rule_index::finish() {
    for (auto& bucket : by_size_) {
        for (auto& [first, indices] : bucket.by_first) {
            indices.insert(indices.end(), bucket.any_first.begin(), bucket.any_first.end());
            std::sort(indices.begin(), indices.end());
        }
    }
}

std::vector<std::size_t> const& rule_index::candidates(std::size_t segments,
                                                       std::string_view first) const {
    auto const& bucket = by_size_[segments];
    auto const found = bucket.by_first.find(first);
    return found == bucket.by_first.end() ? bucket.any_first : found->second;
}

}  // namespace sidecache::rules
