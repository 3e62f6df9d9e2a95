#include "proxy/cache/request_account.hpp"

#include "proxy/telemetry/access_log.hpp"
#include "proxy/telemetry/watch.hpp"
#include "rules/rule_set.hpp"

// Header-only: nothing to link.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sidecache::cache {

void book(request_account const& account,
          worker_parts const& parts,
          snapshot const& snap,
          rules::decision const& decided,
          http::downstream const& client) {
    auto const now = boot_clock::now();
    auto const took = now - account.began;
    auto const& rules = snap.config->rules->rules();
    auto const index = decided.matched == nullptr ? rules.size() : decided.matched->index;
    auto& metrics = snap.metrics->rules[index];
    auto const result = static_cast<std::size_t>(account.result);
    metrics.requests[result].add();
    metrics.request_duration[result].observe(took);
    bool const is_hit = account.result == telemetry::request_result::hit;
    if (is_hit) {
        metrics.hits[static_cast<std::size_t>(account.tier)].add();
    }
    if (account.result == telemetry::request_result::bypass) {
        metrics.bypass[static_cast<std::size_t>(decided.reason)].add();
    }
    if (parts.watch != nullptr && decided.what == rules::verdict::serve) {
        bool const from_cache = is_hit || account.result == telemetry::request_result::stale;
        parts.watch->keys.saw(decided.key, decided.matched->definition.name.value, from_cache, now);
    }
    if (!parts.log.wants(is_hit)) {
        return;
    }
    auto const& request = client.request();
    telemetry::access_record line;
    line.method = request.method;
    line.path = rules::path_of(request.target);
    line.peer = client.peer();
    line.request_id = account.request_id;
    if (line.request_id.empty()) {
        line.request_id = request.fields.find("X-Request-Id").value_or("");
    }
    if (decided.matched != nullptr) {
        line.rule = decided.matched->definition.name.value;
    }
    line.result = telemetry::name(account.result);
    line.reason = account.reason;
    if (decided.what == rules::verdict::serve) {
        line.key_hash = XXH3_64bits(decided.key.data(), decided.key.size());
    }
    line.status = client.status_sent();
    line.bytes = client.bytes_sent();
    line.duration = took;
    line.upstream = account.upstream;
    parts.log.write(line);
}

void book_known(boot_clock::time_point began,
                worker_parts const& parts,
                snapshot const& snap,
                rules::rule const& rule,
                std::string_view key) {
    constexpr auto hit = static_cast<std::size_t>(telemetry::request_result::hit);
    auto const now = boot_clock::now();
    auto& metrics = snap.metrics->rules[rule.index];
    metrics.requests[hit].add();
    metrics.request_duration[hit].observe(now - began);
    metrics.hits[static_cast<std::size_t>(telemetry::hit_tier::near)].add();
    if (parts.watch != nullptr) {
        parts.watch->keys.saw(key, rule.definition.name.value, true, now);
    }
}

void book_upstream(upstream::pass_outcome const& outcome,
                   worker_parts const& parts,
                   snapshot const& snap,
                   rules::rule const* rule) {
    bool const answered =
        outcome.why == upstream::failure::none || outcome.why == upstream::failure::truncated;
    if (outcome.why != upstream::failure::none) {
        parts.process.metrics.upstream_failed(system_now_ms());
    } else if (outcome.upstream.count() == 0) {
        return;  // not asked: the request's own content failed
    } else {
        parts.process.metrics.upstream_answered();
    }
    auto& metrics = *snap.metrics;
    auto const code =
        answered && outcome.status < metrics.upstream_responses.size() ? outcome.status : 0U;
    metrics.upstream_responses[code].add();
    auto const index = rule == nullptr ? snap.config->rules->rules().size() : rule->index;
    metrics.rules[index].upstream_duration.observe(outcome.upstream);
}

}  // namespace sidecache::cache
