#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/identity.hpp"
#include "proxy/store/link.hpp"
#include "proxy/store/redis_process.hpp"
#include "proxy/store/scripts.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sidecache::store {

/// What the last identity check said, and how far its word counts.
struct check {
    id128 server;
    boot_clock::time_point sent_at;
    unix_ms server_time = 0;  // TIME, as its reply said
};

/// A connection that is ready for use.
struct session {
    server_identity identity;
    check last;
    script_digests scripts;
    std::string warning;  // see `store_status::warning`
};

/// What an eviction policy (`maxmemory-policy`) takes from the promise; empty: nothing.
std::string eviction_warning(std::string_view policy);

/// Opens a session on a new connection (protocol.md section 1). Who answers is read before
/// anything else is sent; then, where this server replaces another, the quarantine is set, then
/// the identity recorded, in that order, so that nobody finds the one without the other; then the
/// scripts are loaded and this member listed. `carries`: this connection's renewals carry the lease
/// (`membership`). Both references outlive the call.
task<result<session, connect_error>> handshake(link& with, redis_process& process, bool carries);

/// Checks the identity again, renews the listing of this member when `carries`. An error means that
/// the connection is of no more use, except for `timeout`.
task<result<check>> heartbeat(link& with, redis_process& process, session const& s, bool carries);

/// Loads every script and notes their digests. For a server that has forgotten them.
task<result<void>> load_scripts(link& with, redis_process const& process, session& s);

/// Takes this member off the list: a clean stop.
task<void> leave(link& with, redis_process const& process);

}  // namespace sidecache::store
