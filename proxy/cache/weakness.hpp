#pragma once

#include <cstdint>

/// Test-only switches, each of which turns one protective step of the protocol off: the checker of
/// tests/consistency has to find each of them out. In the product `weakened` is the constant false
/// and nothing of them is left; only the program `sidecache_weakened` reads SIDECACHE_WEAKNESS.
namespace sidecache::cache {

enum class weakness : std::uint8_t {
    none,
    no_marker,             ///< begin leaves no mark behind (protocol.md section 3.2)
    purge_only_before,     ///< ... but new generations, and end gives none (3.5)
    no_bump,               ///< end takes the marks off and leaves the generations (3.5)
    unknown_is_unchanged,  ///< no answer counts as a refusal (3.7)
    forward_while_down,    ///< a mutation is forwarded although the store is not there (section 5)
    ignore_markers,        ///< a marked tag makes hits (section 2)
    ignore_generations,    ///< an entry of other generations is a hit (section 2)
    ignore_server,         ///< generations of another server count (section 1)
    late_snapshot,         ///< a fill takes its generations after the fetch (section 2)
    tell_nobody,           ///< other replicas do not hear of a change (section 3.3)
    wait_for_nobody,       ///< ... or hear of it, and are not waited for (section 3.3)
    keep_dropped,          ///< near entries outlive the drop of their tags (section 4)
    ignore_lease,          ///< near hits without the lease (section 4)
    insert_blindly,        ///< a drop does not reach reads of the store under way (section 4)
    careless_join,         ///< a fetch under way is joined whatever it stands on (section 2)
};

#ifdef SIDECACHE_WEAKENED
bool weakened(weakness w);
#else
constexpr bool weakened(weakness) {
    return false;
}
#endif

}  // namespace sidecache::cache
