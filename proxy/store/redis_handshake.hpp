#pragma once

#include "proxy/store/server_greeting.hpp"

/// Taking one's place at a server, and keeping it.
namespace sidecache::store {

/// Opens a session on a new connection (protocol.md section 1): `greet`, then `take_place` under
/// the server's own identity. `carries`: this connection's renewals carry the lease (`membership`).
/// Both references outlive the call.
task<result<session, connect_error>> handshake(link& with, redis_process& process, bool carries);

/// Where the store that `label` names replaces another, the quarantine is set, then `label`
/// recorded, in that order, so that nobody finds the one without the other; then this member is
/// listed. All of it is at that one server. References outlive the call.
task<result<void, connect_error>> take_place(
    link& with, redis_process& process, session const& s, id128 label, bool carries);
/// Looks for a quarantine again and renews the listing, on the connection that carries the lease.
/// An error other than `timeout`: this member has to take its place anew.
task<result<void>> renew_place(link& with, redis_process& process, session const& s, id128 label);

/// Checks the identity again, renews the listing of this member when `carries`. An error means that
/// the connection is of no more use, except for `timeout`.
task<result<check>> heartbeat(link& with, redis_process& process, session const& s, bool carries);

/// Takes this member off the list: a clean stop.
task<void> leave(link& with, redis_process const& process);

}  // namespace sidecache::store
