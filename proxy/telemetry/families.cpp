#include "proxy/telemetry/families.hpp"

namespace sidecache::telemetry {

namespace {

using enum family_type;
using id = family_id;

constexpr std::array<family, family_count> table{{
    {id::requests,
     counter,
     "sidecache_requests_total",
     {"rule", "result"},
     "Requests with a safe method, by what they were answered from."},
    {id::hits, counter, "sidecache_hits_total", {"rule", "tier"}, "Hits, by where the entry was."},
    {id::request_duration,
     histogram,
     "sidecache_request_duration_seconds",
     {"rule", "result"},
     "From the end of a request's head to the end of its answer."},
    {id::upstream_duration,
     histogram,
     "sidecache_upstream_duration_seconds",
     {"rule"},
     "Exchanges with the upstream, from connecting to the end of the response."},
    {id::upstream_responses,
     counter,
     "sidecache_upstream_responses_total",
     {"code"},
     "Responses of the upstream by status; code \"none\" when there was no response."},
    {id::bypass,
     counter,
     "sidecache_bypass_total",
     {"rule", "reason"},
     "Requests that a rule matched but that were not looked up, and why."},
    {id::not_stored,
     counter,
     "sidecache_not_stored_total",
     {"rule", "reason"},
     "Responses that were fetched for the cache and not stored, and why."},
    {id::purges,
     counter,
     "sidecache_purges_total",
     {"purge", "phase"},
     "Steps of mutations, by the purge that matched; purge \"\" when none did."},
    {id::purged_keys,
     counter,
     "sidecache_purged_keys_total",
     {"purge"},
     "Keys removed from the store at the end of a mutation."},
    {id::purge_duration,
     histogram,
     "sidecache_purge_duration_seconds",
     {"purge"},
     "Time that invalidation added to a mutation, without the upstream's."},
    {id::purge_ack_wait,
     histogram,
     "sidecache_purge_ack_wait_seconds",
     {},
     "How long mutations waited until every replica had dropped what they change."},
    {id::purges_pending,
     gauge,
     "sidecache_purges_pending",
     {},
     "Invalidations that the store has not had yet."},
    {id::unmatched_mutations,
     counter,
     "sidecache_unmatched_mutations_total",
     {},
     "Mutations that no purge matched: only their own path was invalidated."},
    {id::rejected_requests,
     counter,
     "sidecache_rejected_requests_total",
     {"reason"},
     "Requests refused for the way in which they were sent, and why."},
    {id::fill_locks,
     counter,
     "sidecache_fill_locks_total",
     {"rule", "outcome"},
     "Fill locks across replicas, by how the attempt to take one ended."},
    {id::fill_lock_wait,
     histogram,
     "sidecache_fill_lock_wait_seconds",
     {"rule"},
     "Time spent waiting for another replica's fill."},
    {id::store_commands,
     counter,
     "sidecache_store_commands_total",
     {"command", "outcome"},
     "Operations on the store, by how they ended."},
    {id::store_command_duration,
     histogram,
     "sidecache_store_command_duration_seconds",
     {},
     "Operations on the store, retries included."},
    {id::store_up,
     gauge,
     "sidecache_store_up",
     {},
     "1 while the store answers, 0 while it does not."},
    {id::members,
     gauge,
     "sidecache_members",
     {},
     "Replicas that a mutation last found in the list of members, this one included."},
    {id::store_breaker_open,
     gauge,
     "sidecache_store_breaker_open",
     {},
     "1 while the breaker keeps requests away from the store."},
    {id::near_bytes,
     gauge,
     "sidecache_near_bytes",
     {},
     "What the near cache holds, everything that it costs counted."},
    {id::near_entries, gauge, "sidecache_near_entries", {}, "Entries in the near cache."},
    {id::near_lease_valid,
     gauge,
     "sidecache_near_lease_valid",
     {},
     "1 while hits may be served from the near cache."},
    {id::identity,
     counter,
     "sidecache_identity_total",
     {"outcome"},
     "Verifications of callers who carry a credential, by how they ended."},
    {id::identity_key_reloads,
     counter,
     "sidecache_identity_key_reloads_total",
     {"outcome"},
     "Changes of the file that identities are verified with; \"failed\" keeps the keys there are."},
    {id::config_reloads,
     counter,
     "sidecache_config_reloads_total",
     {"outcome"},
     "Reloads of the configuration."},
    {id::build_info,
     gauge,
     "sidecache_build_info",
     {"version", "compiler"},
     "Always 1; its labels say what is running."},
}};

consteval bool in_order() {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (static_cast<std::size_t>(table[i].id) != i) {
            return false;
        }
    }
    return true;
}
static_assert(in_order(), "the table is indexed by family_id");

}  // namespace

std::string_view name(family_type t) {
    switch (t) {
        case counter:
            return "counter";
        case gauge:
            return "gauge";
        case histogram:
            return "histogram";
    }
    return "";
}

std::span<family const, family_count> families() {
    return table;
}

}  // namespace sidecache::telemetry
