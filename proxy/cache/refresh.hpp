#pragma once

#include "proxy/cache/asker.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "rules/decision.hpp"

#include <memory>

namespace sidecache::http {
class downstream;
}

/// `refresh_ahead` (design.md section 2): a hit on an entry whose life is nearly over has it
/// fetched anew in the background, so that what people ask for all the time never ends by time.
namespace sidecache::cache {

/// After a hit whose entry has less of its life left than its rule's `refresh_ahead`: starts one
/// fill of that key with the request of `client`, unless one is under way or the key rests
/// (`background_book`). Waits for nothing and asks nobody; a HEAD starts none, since what it brings
/// is no entry.
///
/// Where the hit came from memory, the store is read first: another worker or replica may have
/// fetched it, and then its entry takes the place of the one in memory. So a worker that did not
/// fetch it itself reads it once, at its next hit.
///
/// It never reaches past a purge: see background_fill.hpp. What a purge has hit in the meantime is
/// no hit, and starts nothing.
void refresh(worker_parts const& parts,
             std::shared_ptr<snapshot const> const& snap,
             http::downstream const& client,
             asker const& who,
             rules::decision const& wanted,
             telemetry::hit_tier from);

}  // namespace sidecache::cache
