#include "config/report.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace sidecache::config {
namespace {

// A file that is wrong in every line needs no thousand findings.
constexpr std::size_t most_findings = 200;

/// By place; what has none comes last.
std::pair<unsigned, unsigned> order(finding const& f) {
    return {f.at.line == 0 ? std::numeric_limits<unsigned>::max() : f.at.line, f.at.column};
}

}  // namespace

std::string finding::print() const {
    auto out = file;
    if (at.line != 0) {
        out += ':' + std::to_string(at.line) + ':' + std::to_string(at.column);
    }
    out += level == rules::severity::error ? ": error: " : ": warning: ";
    out += text;
    if (!hint.empty()) {
        out += "; " + hint;
    }
    return out;
}

void report::error(rules::position at, std::string text, std::string hint) {
    ++errors_;
    put(rules::severity::error, at, std::move(text), std::move(hint));
}

void report::warning(rules::position at, std::string text, std::string hint) {
    put(rules::severity::warning, at, std::move(text), std::move(hint));
}

void report::put(rules::severity level, rules::position at, std::string text, std::string hint) {
    if (findings_.size() < most_findings) {
        findings_.push_back({level, file_, at, std::move(text), std::move(hint)});
    } else {
        is_full_ = true;
    }
}

std::vector<finding> report::take() {
    // An insertion sort: few findings, and those of one place stay in the order they were made.
    std::vector<finding> out;
    for (auto& f : findings_) {
        auto const is_same = [&](finding const& seen) {
            return order(seen) == order(f) && seen.text == f.text && seen.level == f.level;
        };
        if (std::ranges::none_of(out, is_same)) {
            auto const after = std::ranges::upper_bound(out, order(f), {}, order);
            out.insert(after, std::move(f));
        }
    }
    findings_.clear();
    if (is_full_) {
        out.push_back(
            {rules::severity::error, file_, {}, "too many findings; the rest is left out", ""});
    }
    return out;
}

}  // namespace sidecache::config
