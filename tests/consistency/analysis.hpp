#pragma once

#include "tests/consistency/history.hpp"

#include <cstddef>
#include <string>
#include <vector>

/// Holds a history against the promise (protocol.md, `Properties`). Pure.
///
/// Each product is a register whose states are what the backend committed, in that order; a list
/// is one register a product of its scope: "there, with that version" or "not there". For each
/// answer the analysis looks for a state that it can have been:
///
///   - not older than the newest state whose write had been answered when the read began (P1; an
///     answer that tells of a failure counts for what was committed by then),
///   - not older than the newest committed state of a write that was never answered, once no mark
///     of it can stand any more (P3),
///   - not older than what any read that had ended by then has shown (P2),
///   - begun to be committed before the read ended, and with the very values of that commit: no
///     answer that the backend did not give.
///
/// And each acknowledged write was committed exactly once, each other at most once, a refused one
/// never.
namespace sidecache::consistency {

struct checks {
    /// P1 only under faults that take marks out of the store (protocol.md section 6).
    bool monotonic = true;  // P2
    bool abandoned = true;  // P3
};

struct violation {
    enum class kind { stale, abandoned, not_monotonic, invented, lost_update, repeated_update };
    kind what = kind::stale;
    std::string text;  // a sentence with ids, versions and times
};
std::string_view name(violation::kind k);

struct verdict {
    std::vector<violation> violations;
    std::size_t checked = 0;     // answers of reads that were held against the promise
    std::size_t hits = 0;        // ... of which from a cache
    std::size_t unanswered = 0;  // reads that broke or ended in an error
    double hit_ratio() const;
};

verdict analyse(history const& h, checks const& what);

}  // namespace sidecache::consistency
