#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/entry_codec.hpp"
#include "proxy/store/store.hpp"
#include "rules/decision.hpp"
#include "rules/request.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// What a reading of the store is worth (protocol.md section 2): pure, the times come in.
namespace sidecache::cache {

/// Why a stored entry may or may not answer a request. Ordered as they are asked.
enum class validity : std::uint8_t {
    hit,
    absent,         ///< nothing is stored under that key
    unreadable,     ///< not an entry of this version, or its bytes are damaged
    other_request,  ///< stored under the same key for a request that a backend can tell apart
    pending_purge,  ///< a purge that the store has not had yet covers it (section 5)
    unverified,     ///< who the server is was last checked more than a lease ago (section 1)
    quarantine,     ///< replicas with other rules are here, and this one has just joined (3.8)
    other_server,   ///< filled under another server's generations (section 1)
    tag_missing,    ///< a tag that the request needs is gone, or the entry was filled without it
    marked,         ///< a mutation is under way
    overdue,        ///< an intent is past its deadline: counts as a change (section 1)
    purged,         ///< a generation has changed since
    vary,           ///< selected by other field values (RFC 9111 section 4.1)
    groups,         ///< belongs to groups whose tags have not been read yet (entry_groups.hpp)
    stale,          ///< its time is over
};
std::string_view name(validity v);

/// What makes a judgement besides the bytes.
struct moment {
    unix_ms now = 0;  ///< our system clock: age and freshness
    boot_clock::time_point boot;
    std::chrono::milliseconds lease{0};
    bool pending_purge = false;
};

/// Whether `into` (decoded here, its buffers reused) answers the request. `tags` are the readings
/// of `wanted.tags`, in that order, from the same server as `by`. No allocation once the buffers
/// have grown. Anything but `hit` is a miss.
validity judge(store::held_text const& bytes,
               store::answered_by const& by,
               std::span<store::tag_reading const> tags,
               rules::decision const& wanted,
               rules::request const& asked,
               moment const& at,
               store::entry& into);

/// What a request saw of its tags: two that saw the same may share a fetch, even one that has
/// been sent already (protocol.md section 2, `Join`).
struct sight {
    /// Every tag is present, none is marked or overdue, the server was verified within a lease,
    /// and no pending purge covers them. False for whoever could not ask the store.
    bool clean = false;
    /// All that keeps it from being clean is that tags are missing: a second look, after somebody's
    /// snapshot has made them, may be.
    bool only_missing = false;
    store::id128 server;
    std::vector<store::generation> generations;

    /// Both are clean, of the same server, and have the same generations.
    bool same_ground(sight const& other) const;
};

sight see(store::answered_by const& by, std::span<store::tag_reading const> tags, moment const& at);

}  // namespace sidecache::cache
