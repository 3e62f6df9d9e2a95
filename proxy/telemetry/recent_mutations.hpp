#pragma once

#include "proxy/async/clock.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::telemetry {

/// One mutation, or a purge by hand, for people to look at. Holds no query, no content and no
/// field: paths and patterns are what `explain` shows, too.
struct mutation_record {
    unix_ms at = 0;  ///< when its client was answered
    std::string method;
    std::string path;
    std::string purges;                ///< "a+b"; empty: none matched
    std::vector<std::string> tags;     ///< what was given new generations; the first few
    std::size_t tag_count = 0;         ///< all of them
    std::string_view outcome;          ///< changed, unchanged, unknown, pending, refused; a literal
    std::chrono::nanoseconds took{0};  ///< the invalidation's part
    std::chrono::nanoseconds upstream{0};  ///< 0: not asked
    std::size_t keys_removed = 0;          ///< at once; others follow in the background
    std::uint64_t number = 0;              ///< counts up in its worker; set by `add`
};

/// The last mutations of one worker, bounded in number and in size. Any thread: its lock is taken
/// by that worker once a mutation, and by whoever looks at the status page.
class recent_mutations {
public:
    static constexpr std::size_t kept = 64;
    static constexpr std::size_t longest_text = 200;
    static constexpr std::size_t most_tags = 8;

    /// Texts are cut to `longest_text` (with an ellipsis), tags to `most_tags`.
    void add(mutation_record record);
    /// Oldest first.
    std::vector<mutation_record> read() const;

private:
    mutable std::mutex mutex_;
    std::array<mutation_record, kept> ring_;
    std::uint64_t added_ = 0;
};

}  // namespace sidecache::telemetry
