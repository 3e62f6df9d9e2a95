#pragma once

#include "proxy/store/membership.hpp"
#include "proxy/store/server_greeting.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

/// How this process stays listed in `sidecache:members` (protocol.md sections 3.8 and 4).
namespace sidecache::store {

/// A renewal on its way: what it says, and of which rules.
struct renewing {
    std::shared_ptr<announcement const> rules;
    membership::renewal what;
    bool asks_who = false;

    std::size_t commands() const { return asks_who ? 2 : 1; }
};

/// Appends a renewal for the server that has the list; nullopt: nothing has been announced yet, so
/// nothing is listed. `carries`: on the connection whose renewals carry the lease; `is_first`: the
/// list is brought along whatever is known of the others.
std::optional<renewing> append_renewal(std::string& out,
                                       redis_process& process,
                                       script_digests const& digests,
                                       bool carries,
                                       bool is_first);
/// From the replies at `at`. False: they are none.
bool take_renewal(redis_process& process,
                  renewing const& sent,
                  reply_set const& replies,
                  std::size_t at,
                  check const& by);

/// At least so long lives a tag that is made only to have a new generation.
inline constexpr std::chrono::milliseconds forgotten_tags_live = std::chrono::hours(1);

}  // namespace sidecache::store
