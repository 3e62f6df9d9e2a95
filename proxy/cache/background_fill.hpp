#pragma once

#include "proxy/async/task.hpp"
#include "proxy/cache/asker.hpp"
#include "proxy/cache/fill.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "rules/decision.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

/// Fills without a client behind them: of entries whose life is nearly over (refresh_ahead), and of
/// whatever else is fetched before it is asked for. All that holds for a client's fill holds for
/// them (protocol.md section 2): the snapshot before the fetch, storing under its generations only,
/// the same judging, gate, limits and confirming of who asked. So none of them reaches past a
/// purge: what they store was fetched after their snapshot, and is dead where a tag has changed
/// since.
///
/// They differ in giving way: they neither wait for anybody nor make a client wait for them before
/// the backend has been asked.
namespace sidecache::cache {

/// The order for a fill of `wanted` with the request of that client (`asked`, from `peer`): its
/// target, fields and credentials. `who` as in `asker::caller`.
std::shared_ptr<fill_order> make_order(std::shared_ptr<snapshot const> snap,
                                       rules::decision const& wanted,
                                       http::request_head const& asked,
                                       std::string_view peer,
                                       caller who);

/// One such fill:
///
///     snapshot, lock, entry -> gate -> its place in the coalescing table -> send -> ... -> store
///
/// - An entry in the store that is valid and has more than `enough` of its life left makes it
///   unnecessary (`found`).
/// - One in the world: behind the rule's lock, or, where it has none, behind one of its own
///   (`KEY|refresh` in the store, 10 s, extended as long as it runs). Held by somebody else, or a
///   fetch of that key under way in this process: `under_way`.
/// - Where the snapshot says that nothing may be stored, the upstream is not asked (`hindered`).
/// - A full gate drops it. Once sent, clients of that key join it as they join any fill.
///
/// `order->wanted.lock_key` may be anything. Runs to its end whatever happens; spawn it in
/// `parts.background`, which the drain waits for.
task<telemetry::background_outcome> fill_unattended(worker_parts parts,
                                                    std::shared_ptr<fill_order> order,
                                                    std::chrono::milliseconds enough);

/// Whether a fill of that key without a client would be dropped at once: no lock, no allocation.
bool background_rests(worker_parts const& parts,
                      rules::decision const& wanted,
                      boot_clock::time_point now);

/// Spawns `work` in `parts.background` under a permit of the book (`background_book`): `work` ends
/// with what became of the fill, which is counted for the rule of `wanted` and `purpose`. False:
/// dropped, and counted as that, without a call of `make`. `make` is called here and not kept; the
/// coroutine that it returns owns whatever it needs.
bool start_background(worker_parts const& parts,
                      std::shared_ptr<snapshot const> const& snap,
                      rules::decision const& wanted,
                      telemetry::background_purpose purpose,
                      std::function<task<telemetry::background_outcome>()> const& make);

}  // namespace sidecache::cache
