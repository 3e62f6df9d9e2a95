#include "proxy/telemetry/exposition.hpp"

#include "proxy/telemetry/families.hpp"
#include "proxy/version.hpp"
#include "rules/decision.hpp"
#include "rules/storable.hpp"

#include <cassert>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

namespace sidecache::telemetry {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view compiler =
#if defined(__clang__)
    "clang " __clang_version__;
#else
    "gcc " __VERSION__;
#endif

/// Fills the families, each sample under the labels that the table declares.
class exposition {
public:
    exposition() {
        for (auto const& f : families()) {
            MetricFamily& out = out_.emplace_back();
            out.name = f.name;
            out.help = f.help;
            out.type = f.type == family_type::counter ? MetricType::Counter
                       : f.type == family_type::gauge ? MetricType::Gauge
                                                      : MetricType::Histogram;
        }
    }

    using labels = std::initializer_list<std::string_view>;

    void count(family_id id, labels values, std::uint64_t n) {
        sample(id, values).counter.value = static_cast<double>(n);
    }
    void count_if_any(family_id id, labels values, std::uint64_t n) {
        if (n != 0) {
            count(id, values, n);
        }
    }
    void gauge(family_id id, labels values, std::int64_t n) {
        sample(id, values).gauge.value = static_cast<double>(n);
    }
    /// The one sample of a family without labels, in seconds or whatever it counts.
    void value(family_id id, double v) {
        auto& out = sample(id, {});
        if (families()[static_cast<std::size_t>(id)].type == family_type::counter) {
            out.counter.value = v;
        } else {
            out.gauge.value = v;
        }
    }
    void observations(family_id id, labels values, histogram const& h) {
        ClientMetric::Histogram out;
        auto const bounds = histogram::bounds();
        for (std::size_t i = 0; i < histogram::bucket_count; ++i) {
            out.sample_count += h.buckets[i].value();
            auto const bound =
                i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
            out.bucket.push_back({out.sample_count, bound});
        }
        out.sample_sum = static_cast<double>(h.sum_ns.value()) * 1e-9;
        if (out.sample_count != 0) {
            sample(id, values).histogram = std::move(out);
        }
    }

    std::vector<MetricFamily> take() { return std::move(out_); }

private:
    ClientMetric& sample(family_id id, labels values) {
        auto const index = static_cast<std::size_t>(id);
        auto const names = families()[index].labels();
        assert(values.size() == names.size() && "a sample has the labels that the table declares");
        auto& metric = out_[index].metric.emplace_back();
        auto value = values.begin();
        for (auto const name : names) {
            metric.label.push_back({std::string(name), std::string(*value++)});
        }
        return metric;
    }

    std::vector<MetricFamily> out_;
};

void add_rule(exposition& out, std::string_view rule, rule_metrics const& m) {
    bool const known = !rule.empty();
    auto const count = [&](family_id id, std::string_view label, counter const& c, bool always) {
        if (always) {
            out.count(id, {rule, label}, c.value());
        } else {
            out.count_if_any(id, {rule, label}, c.value());
        }
    };
    for (std::size_t i = 0; i < request_results; ++i) {
        auto const result = static_cast<request_result>(i);
        count(family_id::requests,
              name(result),
              m.requests[i],
              known || result == request_result::pass);
        out.observations(family_id::request_duration, {rule, name(result)}, m.request_duration[i]);
    }
    for (auto const tier : {hit_tier::near, hit_tier::store}) {
        count(family_id::hits, name(tier), m.hits[static_cast<std::size_t>(tier)], known);
    }
    for (std::size_t i = 0; i < bypass_reasons; ++i) {
        // What the enum does not hold (yet) is "none" as well.
        auto const reason = rules::name(static_cast<rules::bypass_reason>(i));
        if (reason != rules::name(rules::bypass_reason::none)) {
            count(family_id::bypass, reason, m.bypass[i], known);
        }
    }
    static_assert(static_cast<std::size_t>(rules::not_stored::not_fresh) + 1 == not_stored_reasons);
    for (std::size_t i = 0; i < not_stored_reasons; ++i) {
        auto const reason = rules::name(static_cast<rules::not_stored>(i));
        count(family_id::not_stored, reason, m.not_stored[i], known);
    }
    for (std::size_t i = 0; i < lock_outcomes; ++i) {
        count(family_id::fill_locks, name(static_cast<lock_outcome>(i)), m.fill_locks[i], known);
    }
    auto const& refreshes = m.background[static_cast<std::size_t>(background_purpose::refresh)];
    for (std::size_t i = 0; i < background_outcomes; ++i) {
        count(family_id::refreshes, name(static_cast<background_outcome>(i)), refreshes[i], false);
    }
    if (known) {
        out.count(family_id::overloaded, {rule}, m.overloaded.value());
    }
    out.observations(family_id::upstream_duration, {rule}, m.upstream_duration);
    out.observations(family_id::fill_lock_wait, {rule}, m.fill_lock_wait);
}

void add_purge(exposition& out, std::string_view purge, purge_metrics const& m) {
    for (std::size_t i = 0; i < purge_phases; ++i) {
        out.count(
            family_id::purges, {purge, name(static_cast<purge_phase>(i))}, m.phases[i].value());
    }
    out.count(family_id::purged_keys, {purge}, m.purged_keys.value());
    out.observations(family_id::purge_duration, {purge}, m.duration);
}

void add_rest(exposition& out, worker_metrics const& m) {
    for (std::size_t code = 0; code < m.upstream_responses.size(); ++code) {
        out.count_if_any(family_id::upstream_responses,
                         {code == 0 ? std::string("none") : std::to_string(code)},
                         m.upstream_responses[code].value());
    }
    out.count(family_id::unmatched_mutations, {}, m.unmatched_mutations.value());
    for (std::size_t i = 0; i < rejections; ++i) {
        out.count(
            family_id::rejected_requests, {name(static_cast<rejection>(i))}, m.rejected[i].value());
    }
    out.observations(family_id::purge_ack_wait, {}, m.purge_ack_wait);
    for (std::size_t c = 0; c < store_commands; ++c) {
        for (std::size_t o = 0; o < store_outcomes; ++o) {
            out.count(family_id::store_commands,
                      {name(static_cast<store_command>(c)), name(static_cast<store_outcome>(o))},
                      m.store[c][o].value());
        }
    }
    out.observations(family_id::store_command_duration, {}, m.store_duration);
    for (std::size_t i = 0; i < identity_outcomes; ++i) {
        out.count(
            family_id::identity, {name(static_cast<identity_outcome>(i))}, m.identity[i].value());
    }
}

/// 16 digits, as `/stats` and `rule_set::fingerprint` show it.
std::string hex(std::uint64_t n) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out(16, '0');
    for (auto at = out.rbegin(); n != 0; ++at, n >>= 4U) {
        *at = digits[n & 15U];
    }
    return out;
}

void add_process(exposition& out, process_metrics const& p) {
    constexpr auto relaxed = std::memory_order_relaxed;
    out.gauge(family_id::purges_pending, {}, p.purges_pending.load(relaxed));
    out.gauge(family_id::store_up, {}, p.store_up.load(relaxed));
    out.gauge(family_id::members, {}, p.members.load(relaxed));
    out.gauge(family_id::store_breaker_open, {}, p.breaker_open.load(relaxed));
    out.gauge(family_id::near_bytes, {}, p.near_bytes.load(relaxed));
    out.gauge(family_id::near_entries, {}, p.near_entries.load(relaxed));
    out.gauge(family_id::near_limit_bytes, {}, p.near_limit_bytes.load(relaxed));
    out.gauge(family_id::near_lease_valid, {}, p.near_lease_holds && p.near_lease_holds() ? 1 : 0);
    for (std::size_t i = 0; i < warm_outcomes; ++i) {
        out.count_if_any(
            family_id::warmed, {name(static_cast<warm_outcome>(i))}, p.warmed[i].load(relaxed));
    }
    if (p.has_events.load(relaxed)) {
        for (std::size_t i = 0; i < event_outcomes; ++i) {
            out.count(family_id::events,
                      {name(static_cast<event_outcome>(i))},
                      p.events[i].load(relaxed));
        }
        if (auto const lag = p.events_lag.load(relaxed); lag >= 0) {
            out.gauge(family_id::events_lag, {}, lag);
        }
    }
    out.count(family_id::identity_key_reloads, {"ok"}, p.key_reloads_ok.load(relaxed));
    out.count(family_id::identity_key_reloads, {"failed"}, p.key_reloads_failed.load(relaxed));
    out.count(family_id::config_reloads, {"ok"}, p.reloads_ok.load(relaxed));
    out.count(family_id::config_reloads, {"failed"}, p.reloads_failed.load(relaxed));
    out.count(family_id::config_reloads, {"waited"}, p.reloads_waited.load(relaxed));
    out.gauge(family_id::config_last_reload_successful, {}, p.last_reload_ok.load(relaxed) ? 1 : 0);
    out.gauge(family_id::config_info, {hex(p.config_fingerprint.load(relaxed))}, 1);
    out.gauge(family_id::build_info, {version, compiler}, 1);
}

void add_usage(exposition& out, process_usage const& u) {
    out.value(family_id::memory_limit, static_cast<double>(u.memory_limit_bytes));
    out.value(family_id::process_cpu, u.cpu_seconds);
    out.value(family_id::process_start_time, u.start_time_seconds);
    out.value(family_id::process_resident_memory, static_cast<double>(u.resident_bytes));
    out.value(family_id::process_virtual_memory, static_cast<double>(u.virtual_bytes));
    out.value(family_id::process_open_fds, static_cast<double>(u.open_files));
    out.value(family_id::process_max_fds, static_cast<double>(u.max_files));
}

template <std::size_t N>
void add(std::array<counter, N>& into, std::array<counter, N> const& from) {
    for (std::size_t i = 0; i < N; ++i) {
        into[i].add(from[i].value());
    }
}

void add(histogram& into, histogram const& from) {
    add(into.buckets, from.buckets);
    into.sum_ns.add(from.sum_ns.value());
}

void add(rule_metrics& into, rule_metrics const& from) {
    add(into.requests, from.requests);
    add(into.hits, from.hits);
    for (std::size_t i = 0; i < request_results; ++i) {
        add(into.request_duration[i], from.request_duration[i]);
    }
    add(into.upstream_duration, from.upstream_duration);
    add(into.bypass, from.bypass);
    add(into.not_stored, from.not_stored);
    add(into.fill_locks, from.fill_locks);
    add(into.fill_lock_wait, from.fill_lock_wait);
    for (std::size_t p = 0; p < background_purposes; ++p) {
        add(into.background[p], from.background[p]);
    }
    into.overloaded.add(from.overloaded.value());
}

void add(purge_metrics& into, purge_metrics const& from) {
    add(into.phases, from.phases);
    into.purged_keys.add(from.purged_keys.value());
    add(into.duration, from.duration);
}

void add_nameless(worker_metrics& into, worker_metrics const& from) {
    add(into.upstream_responses, from.upstream_responses);
    into.unmatched_mutations.add(from.unmatched_mutations.value());
    add(into.rejected, from.rejected);
    add(into.purge_ack_wait, from.purge_ack_wait);
    for (std::size_t c = 0; c < store_commands; ++c) {
        add(into.store[c], from.store[c]);
    }
    add(into.store_duration, from.store_duration);
    add(into.identity, from.identity);
}

}  // namespace

void totals::add(worker_metrics const& worker,
                 std::vector<std::string> const& rule_names,
                 std::vector<std::string> const& purge_names) {
    for (std::size_t i = 0; i < worker.rules.size(); ++i) {
        telemetry::add(rules[i < rule_names.size() ? rule_names[i] : std::string()],
                       worker.rules[i]);
    }
    for (std::size_t i = 0; i < worker.purges.size(); ++i) {
        telemetry::add(purges[i < purge_names.size() ? purge_names[i] : std::string()],
                       worker.purges[i]);
    }
    add_nameless(rest, worker);
}

void totals::add(totals const& other) {
    for (auto const& [rule, m] : other.rules) {
        telemetry::add(rules[rule], m);
    }
    for (auto const& [purge, m] : other.purges) {
        telemetry::add(purges[purge], m);
    }
    add_nameless(rest, other.rest);
}

std::vector<MetricFamily> collect(totals const& sum,
                                  process_metrics const& process,
                                  process_usage const& usage) {
    exposition out;
    for (auto const& [rule, m] : sum.rules) {
        add_rule(out, rule, m);
    }
    for (auto const& [purge, m] : sum.purges) {
        add_purge(out, purge, m);
    }
    add_rest(out, sum.rest);
    add_process(out, process);
    add_usage(out, usage);
    return out.take();
}

}  // namespace sidecache::telemetry
