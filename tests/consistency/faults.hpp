#pragma once

#include "tests/consistency/analysis.hpp"
#include "tests/consistency/cluster.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::consistency {

/// Something that goes wrong for a while.
struct fault {
    std::string_view name;
    std::string_view text;  // for --help
    /// What the promise still is while it happens (protocol.md section 6).
    checks holds{};
    /// Makes it happen and returns when it is over and mended.
    void (*happen)(cluster&, std::mt19937_64&);
    /// The only store that it can happen to; nullopt: any.
    std::optional<topology> only_with = std::nullopt;
};

std::vector<fault> const& all_faults();

/// Those of the names in a comma-separated list; "all", "strict" (under which the whole promise
/// holds), "none". Throws std::runtime_error with the name that there is not, or that cannot happen
/// to that store.
std::vector<fault> faults_named(std::string_view list, topology store = topology::single);

/// What holds under any of them.
checks weakest(std::vector<fault> const& faults);

}  // namespace sidecache::consistency
