#pragma once

#include <string_view>

/// What sidecache keeps in Redis, and under which names. Entries and locks lie under exactly the
/// key that their rule renders; everything else begins with `sidecache:`, where no rule's key may.
///
///     KEY                        string  an entry (entry_codec.cpp), PX its life
///     LOCK KEY                   string  a fill's lock: its owner's token, 32 hex digits, PX; of
///                                        KEY|refresh where it is renewed ahead of its end
///     sidecache:tag:TAG          string  a tag's value (tag_value.hpp); no expiry while marked
///     sidecache:index:TAG        zset    keys of the entries that carry the tag; score: expiry,
///                                        Unix ms. Not for an entry whose key is the tag itself
///     sidecache:identity         string  hash of the server's identity, 32 hex digits
///     sidecache:quarantine:HASH  string  "1", PX: nothing is stored under that identity yet
///     sidecache:members          hash    member id to its record (members.hpp)
///     sidecache:rights:*         what rights.hpp tries out; gone at once
///     sidecache:events           channel messages between replicas (event_payload.hpp)
///     sidecache:acks:MEMBER      channel acknowledgements for that member (event_payload.hpp)
///
/// In a Cluster identity and quarantine are `sidecache:identity:{sidecache:members}` and
/// `sidecache:quarantine:{sidecache:members}:HASH`: they lie in the slot of the members, whose
/// owner is also the node that messages go to (cluster.hpp).
///
/// No KEYS and no SCAN, ever: what a purge removes it finds in the indexes.
namespace sidecache::store::names {

inline constexpr std::string_view tag = "sidecache:tag:";
inline constexpr std::string_view index = "sidecache:index:";
inline constexpr std::string_view identity = "sidecache:identity";
inline constexpr std::string_view quarantine = "sidecache:quarantine:";
inline constexpr std::string_view cluster_identity = "sidecache:identity:{sidecache:members}";
inline constexpr std::string_view cluster_quarantine = "sidecache:quarantine:{sidecache:members}:";
inline constexpr std::string_view members = "sidecache:members";
inline constexpr std::string_view rights = "sidecache:rights:";
inline constexpr std::string_view events = "sidecache:events";
inline constexpr std::string_view acks = "sidecache:acks:";

}  // namespace sidecache::store::names
