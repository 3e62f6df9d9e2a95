#include "proxy/admin/stats.hpp"

#include "config/model.hpp"
#include "proxy/admin/health.hpp"
#include "proxy/admin/process_state.hpp"
#include "proxy/admin/warm_request.hpp"
#include "proxy/cache/warmer.hpp"
#include "proxy/store/store.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "proxy/version.hpp"
#include "rules/decision.hpp"
#include "rules/storable.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::admin {

namespace {

using telemetry::purge_phase;
using telemetry::request_result;

boost::json::array list(std::vector<std::string> const& texts) {
    boost::json::array out;
    for (auto const& t : texts) {
        out.emplace_back(t);
    }
    return out;
}

/// Of the requests that were looked up, the share that was answered from the cache; null when
/// there were none.
boost::json::value hit_ratio(telemetry::rule_totals const& t) {
    auto const of = [&](request_result r) { return t.requests[static_cast<std::size_t>(r)]; };
    auto const hits = of(request_result::hit) + of(request_result::stale);
    auto const all = hits + of(request_result::miss) + of(request_result::coalesced);
    if (all == 0) {
        return nullptr;
    }
    return static_cast<double>(hits) / static_cast<double>(all);
}

boost::json::object requests(telemetry::rule_totals const& t) {
    boost::json::object out;
    for (std::size_t i = 0; i < telemetry::request_results; ++i) {
        out[telemetry::name(static_cast<request_result>(i))] = t.requests[i];
    }
    return out;
}

boost::json::object tiers(telemetry::rule_totals const& t) {
    boost::json::object out;
    for (auto const tier : {telemetry::hit_tier::near, telemetry::hit_tier::store}) {
        out[telemetry::name(tier)] = t.hits[static_cast<std::size_t>(tier)];
    }
    return out;
}

/// Those that there were.
template <typename Reason, std::size_t N>
boost::json::object reasons(std::array<std::uint64_t, N> const& counts) {
    boost::json::object out;
    for (std::size_t i = 0; i < N; ++i) {
        if (counts[i] != 0) {
            out[sidecache::rules::name(static_cast<Reason>(i))] = counts[i];
        }
    }
    return out;
}

/// Every rule in its order in the configuration, then what no rule matched.
boost::json::array rules(config::model const& config, telemetry::summary const& counted) {
    auto const totals_of = [&](std::string_view name) {
        auto const it = std::ranges::find(counted.rules, name, &telemetry::rule_totals::rule);
        return it == counted.rules.end() ? telemetry::rule_totals{} : *it;
    };
    boost::json::array out;
    for (auto const& r : config.rules->rules()) {
        auto const totals = totals_of(r.definition.name.value);
        boost::json::object o;
        o["name"] = r.definition.name.value;
        o["match"] = r.definition.match.value;
        o["key"] = r.definition.key.value;
        if (!r.definition.origin) {
            o["ttl_seconds"] = seconds(r.definition.ttl);
        }
        o["requests"] = requests(totals);
        o["hit_ratio"] = hit_ratio(totals);
        o["hits"] = tiers(totals);
        o["bypass"] = reasons<sidecache::rules::bypass_reason>(totals.bypass);
        o["not_stored"] = reasons<sidecache::rules::not_stored>(totals.not_stored);
        out.push_back(std::move(o));
    }
    return out;
}

boost::json::array purges(config::model const& config, telemetry::summary const& counted) {
    boost::json::array out;
    for (auto const& p : config.rules->purges()) {
        boost::json::object o;
        o["name"] = p.definition.name.value;
        auto const it = std::ranges::find(
            counted.purges, p.definition.name.value, &telemetry::purge_totals::purge);
        auto const totals = it == counted.purges.end() ? telemetry::purge_totals{} : *it;
        for (std::size_t i = 0; i < telemetry::purge_phases; ++i) {
            o[telemetry::name(static_cast<purge_phase>(i))] = totals.phases[i];
        }
        o["purged_keys"] = totals.purged_keys;
        out.push_back(std::move(o));
    }
    return out;
}

boost::json::object configuration(process_state const& state, config::model const& config) {
    auto const about = state.configured();
    boost::json::object out;
    out["file"] = about.file;
    out["loaded_at_ms"] = about.loaded_at;
    out["fingerprint"] = config.rules->fingerprint();
    out["warnings"] = list(about.warnings);
    out["refused_reload"] = list(about.refused);
    out["reload_waits"] = state.does_reload_wait();
    out["reload_waits_until_ms"] =
        about.waits_until ? boost::json::value(*about.waits_until) : boost::json::value(nullptr);
    boost::json::array identity;
    if (config.identity) {
        for (auto const& v : config.identity->vars) {
            identity.emplace_back(v.name);
        }
    }
    out["identity"] = std::move(identity);
    return out;
}

boost::json::object store_state(store::store_status const& s) {
    boost::json::object out;
    out["url"] = s.description;
    out["up"] = s.up;
    out["breaker_open"] = s.breaker_open;
    out["quarantined"] = s.quarantined;
    out["server"] = s.server;
    out["last_error"] = s.last_error;
    out["warning"] = s.warning;
    return out;
}

boost::json::object near_cache_state(config::model const& config,
                                     telemetry::process_metrics const& process) {
    boost::json::object out;
    out["size_bytes"] = config.near_cache.size;
    out["bytes"] = process.near_bytes.load(std::memory_order_relaxed);
    out["entries"] = process.near_entries.load(std::memory_order_relaxed);
    return out;
}

/// The pod's name in a cluster; empty: not to be had.
std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data())
                                                            : std::string();
}

/// This replica among the others.
boost::json::object replica_state(store::membership::status const& s, std::int64_t members) {
    boost::json::object out;
    out["members"] = members;
    out["listed"] = s.is_listed;
    out["subscribed"] = s.is_subscribed;
    out["near_cache"] = s.serves_near;
    out["near_lease_valid"] = s.holds_lease;
    out["mutations_wait_a_lease"] = !s.is_settled;
    return out;
}

/// The stream of events, as this replica sees it.
boost::json::object event_state(config::model const& config, telemetry::process_metrics const& p) {
    constexpr auto relaxed = std::memory_order_relaxed;
    boost::json::object out;
    if (config.events) {
        out["stream"] = config.events->stream;
        out["group"] = config.events->group;
    }
    out["connected"] = p.events_connected.load(relaxed) != 0;
    auto const lag = p.events_lag.load(relaxed);
    out["lag"] = lag < 0 ? boost::json::value(nullptr) : boost::json::value(lag);
    out["last_id"] = std::to_string(p.events_last_ms.load(relaxed)) + "-" +
                     std::to_string(p.events_last_number.load(relaxed));
    for (std::size_t i = 0; i < telemetry::event_outcomes; ++i) {
        out[telemetry::name(static_cast<telemetry::event_outcome>(i))] = p.events[i].load(relaxed);
    }
    return out;
}

}  // namespace

answer stats(process_state const& state,
             config::model const& config,
             store::store_status const& store,
             telemetry::registry& metrics,
             boost::json::object latency,
             cache::warmer const* warmer) {
    auto const counted = metrics.summarize();
    auto const& process = metrics.process();
    boost::json::object out;
    out["version"] = version;
    out["host"] = host_name();
    out["status"] = name(state.present());
    out["uptime_seconds"] = state.uptime().count();
    out["workers"] = state.workers();
    out["config"] = configuration(state, config);
    out["store"] = store_state(store);
    out["near_cache"] = near_cache_state(config, process);
    out["replica"] = replica_state(store.standing, process.members.load(std::memory_order_relaxed));
    boost::json::object upstream;
    upstream["address"] = config.upstream.address.text();
    upstream["reachable"] = is_upstream_reachable(process, system_now_ms());
    out["upstream"] = std::move(upstream);
    out["latency"] = std::move(latency);
    out["rules"] = rules(config, counted);
    telemetry::rule_totals const none;
    auto const unruled = std::ranges::find(counted.rules, "", &telemetry::rule_totals::rule);
    out["no_rule"] = requests(unruled == counted.rules.end() ? none : *unruled);
    out["purges"] = purges(config, counted);
    out["purges_pending"] = process.purges_pending.load(std::memory_order_relaxed);
    out["unmatched_mutations"] = counted.unmatched_mutations;
    if (process.has_events.load(std::memory_order_relaxed)) {
        out["events"] = event_state(config, process);
    }
    if (warmer != nullptr && warmer->progress().run != 0) {
        out["warm"] = progress_json(warmer->progress());
    }
    return json(200, out);
}

}  // namespace sidecache::admin
