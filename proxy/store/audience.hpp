#pragma once

#include "proxy/store/redis_process.hpp"
#include "proxy/store/resp_reader.hpp"
#include "proxy/store/scripts.hpp"
#include "proxy/store/store.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sidecache::store {

/// Whom a drop has to reach, from HGETALL's reply of `sidecache:members`, read after the publish
/// (protocol.md section 3.3). REQUIRES: an array.
audience read_audience(reply const& all, redis_process& process);

/// `member_dismiss` for each of those that did not acknowledge: one reply a member.
void append_dismissals(std::string& out,
                       script_digests const& scripts,
                       std::span<near_member const> silent);
/// How many of them those replies took off the list.
std::size_t count_dismissed(reply_set const& replies);

/// What other members' records say of their rules that differs from ours (`begun`), from the same
/// reply; and how the list names us. `server_now`: by the clock of the server that gave it.
void read_rules(reply const& all,
                announcement const& ours,
                redis_process& process,
                unix_ms server_now,
                bool& foreign_fingerprint,
                std::vector<std::string>& foreign_rules);

}  // namespace sidecache::store
