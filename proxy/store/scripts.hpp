#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The Lua scripts of scripts/, compiled into the binary. Each touches one key, so that a cluster
/// may place keys as it likes.
namespace sidecache::store {

enum class script : std::uint8_t {
    tag_snapshot,
    tag_begin,
    tag_end,
    lock_release,
    lock_extend,
    index_add,
    index_room,
    entry_remove,
    member_renew,
    member_dismiss,
};
inline constexpr std::size_t script_count = 10;

/// As SCRIPT LOAD takes it. `may_exceed_memory`: from Redis 7 on a script may say that it runs
/// although the server is over `maxmemory`; those of mutations do, since a store that is full must
/// still learn what changed.
std::string script_text(script s, bool may_exceed_memory);

/// The digests by which one server knows the scripts: SCRIPT LOAD's replies.
using script_digests = std::array<std::string, script_count>;
inline std::string_view digest_of(script_digests const& digests, script s) {
    return digests[static_cast<std::size_t>(s)];
}

}  // namespace sidecache::store
