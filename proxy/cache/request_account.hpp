#pragma once

#include "proxy/async/clock.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "proxy/upstream/pass.hpp"
#include "rules/decision.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace sidecache::cache {

/// What is counted and logged of one request, filled in on its way and booked once, at its end.
struct request_account {
    boot_clock::time_point began = boot_clock::now();
    telemetry::request_result result = telemetry::request_result::pass;
    telemetry::hit_tier tier = telemetry::hit_tier::store;  // of a hit
    /// Of a bypass, why a miss was not stored, or how a mutation ended: a literal or a view that
    /// lives until `book`.
    std::string_view reason;
    /// Made up when the client sent none; only set where the request went further than the store.
    std::string request_id;
    std::chrono::nanoseconds upstream{0};
};

/// Counts the request and, when the log wants it, writes its line.
void book(request_account const& account,
          worker_parts const& parts,
          snapshot const& snap,
          rules::decision const& decided,
          http::downstream const& client);

/// Counts a near hit of a request that was known and whose line the log does not want.
void book_known(boot_clock::time_point began,
                worker_parts const& parts,
                snapshot const& snap,
                rules::rule const& rule,
                std::string_view key);

/// Counts what a pass to the upstream came to: the response's code, how long it took, whether the
/// upstream lives. `rule` null: none.
void book_upstream(upstream::pass_outcome const& outcome,
                   worker_parts const& parts,
                   snapshot const& snap,
                   rules::rule const* rule);

}  // namespace sidecache::cache
