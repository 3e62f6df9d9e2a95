#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/store/identity.hpp"
#include "proxy/store/link.hpp"
#include "proxy/store/redis_process.hpp"
#include "proxy/store/scripts.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// The first words with a Redis server: who it is, whether it will do, its scripts.
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

/// The commands that ask who answers, and their replies, the first at `at`; nullopt: not told.
inline constexpr std::size_t identity_commands = 3;
void append_identity_check(std::string& out);
std::optional<std::pair<server_identity, check>> read_identity(reply_set const& replies,
                                                               std::size_t at,
                                                               boot_clock::time_point sent_at);

/// Opens a session on a new connection: who answers is read before anything else is sent; then its
/// version, role and mode are looked at, the rights are tried, and the scripts are loaded. Both
/// references outlive the call.
task<result<session, connect_error>> greet(link& with, redis_process& process);

/// Checks the identity again. An error means that the connection is of no more use, except for
/// `timeout`.
task<result<check>> check_server(link& with, redis_process const& process);

/// Loads every script and notes their digests. For a server that has forgotten them.
task<result<void>> load_scripts(link& with, redis_process const& process, session& s);

/// By when a step of opening a session has to be answered.
link::time_point deadline_of(redis_process const& process);

connect_error failed(store_error code, std::string text);
connect_error failed(store_error code);
/// The first of these replies that is an error; empty: none.
std::string first_error(reply_set const& replies, std::size_t from, std::size_t to);

}  // namespace sidecache::store
