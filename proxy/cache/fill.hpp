#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/async/task.hpp"
#include "proxy/cache/asker.hpp"
#include "proxy/cache/fill_feed.hpp"
#include "proxy/cache/fill_table.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/http/message.hpp"
#include "proxy/store/store.hpp"
#include "rules/decision.hpp"

#include <memory>
#include <optional>

namespace sidecache::cache {

/// All that a fill needs, owned: it outlives its client.
struct fill_order {
    std::shared_ptr<snapshot const> snap;
    /// A verdict `serve`; its rule lives in `snap`.
    rules::decision wanted;
    /// What the client asked: Vary is judged by it.
    http::request_head asked;
    /// Whose identity the key holds: confirmed before anybody else gets what he was given.
    cache::caller caller;
    /// What the upstream gets: see `fill_request_of`.
    http::request_head request;
    /// `ttl: origin`: the stored response that `request` asks about (RFC 9111 section 4.3); null:
    /// it asks for a new one. Its bytes, a whole entry that was selected by the same fields.
    std::shared_ptr<std::string const> base{};
    /// A response that says that the backend is in trouble is not passed on: its client has an
    /// entry that may stand in.
    bool spares_trouble = false;
    /// An entry that was fetched before, or in the same millisecond, is not what is wanted, however
    /// fresh; 0: any is.
    unix_ms not_before = 0;
    /// False: the store has just failed a read, so it is not asked again, and nothing is stored.
    bool store_answers = true;
    /// False: not behind the lock of other processes either (the fill it waited for has failed).
    bool use_lock = true;
};

/// The upstream request of a fill: `prepared` (end-to-end fields, Via, X-Forwarded-*) without the
/// client's conditions and ranges, since the whole response is wanted whatever that client holds
/// (If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range, Range).
http::request_head fill_request_of(http::request_head prepared);

struct fill_ground;
class gate_permit;

/// The middle of a fill: sends the request, and takes what comes to `feed`, to those who have
/// joined `permit` and into the store, under the generations of `ground`. REQUIRES: `permit.sent`
/// has been called. `room` is given back as soon as the response is here. `feed.ended` says what
/// became of it. What is left of the lock is the caller's to release, with the outcome.
/// Everything outlives the call.
task<store::fill_outcome> fetch_and_store(worker_parts const& parts,
                                          fill_order const& order,
                                          fill_ground& ground,
                                          std::optional<gate_permit>& room,
                                          fill_permit& permit,
                                          fill_feed& feed);

/// One fill from its turn to its entry in the store (protocol.md section 2, design.md section 6):
///
///     turn -> snapshot, lock, entry read again -> gate -> send -> head -> content -> share ->
///     store
///
/// The snapshot is taken before the request is sent, and the entry is stored under its generations
/// only: a purge in between makes it dead on arrival. Runs in `parts.background`, whatever becomes
/// of the client; `feed` is what the client sees of it, `permit` wakes whoever joined.
task<void> fill(worker_parts parts,
                std::shared_ptr<fill_order const> order,
                fill_permit permit,
                std::shared_ptr<fill_feed> feed);

}  // namespace sidecache::cache
