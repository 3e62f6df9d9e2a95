#include "proxy/cache/mutation_books.hpp"

#include "proxy/cache/unmatched_routes.hpp"
#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/recent_mutations.hpp"
#include "rules/request.hpp"

#include <utility>

namespace sidecache::cache {

namespace {

/// The process tells of a route once, whichever worker meets it.
unmatched_routes& told_routes() {
    static unmatched_routes routes;
    return routes;
}

}  // namespace

std::string_view name(mutation::outcome o) {
    switch (o) {
        case mutation::outcome::changed:
            return "changed";
        case mutation::outcome::unchanged:
            return "unchanged";
        case mutation::outcome::unknown:
            return "unknown";
    }
    return "";
}

mutation_books::mutation_books(telemetry::worker_metrics& metrics,
                               rules::mutation_scope const& scope)
    : metrics_(metrics) {
    for (auto const* purge : scope.purges()) {
        purges_.push_back(purge->index);
        names_.push_back(purge->definition.name.value);
    }
    if (purges_.empty()) {
        purges_.push_back(metrics.purges.size() - 1);
        names_.emplace_back();
    }
}

void mutation_books::count(telemetry::purge_phase phase) {
    for (auto const index : purges_) {
        metrics_.purges[index].phases[static_cast<std::size_t>(phase)].add();
    }
}

void mutation_books::begin(http::request_head const& request) {
    count(telemetry::purge_phase::begin);
    if (!names_.front().empty()) {
        return;
    }
    metrics_.unmatched_mutations.add();
    auto const route = route_of(request.method, rules::path_of(request.target));
    if (told_routes().is_new(route)) {
        log::warn("no purge matches this mutation: only entries of its own path are dropped",
                  {{"route", route}});
    }
}

void mutation_books::answered(mutation_exchange const& upstream) {
    back_at_ = boot_clock::now();
    auto const status = upstream.head.status;
    metrics_.upstream_responses[status < metrics_.upstream_responses.size() ? status : 0].add();
    metrics_.rules.back().upstream_duration.observe(upstream.took);
}

void mutation_books::removed(std::size_t keys) {
    metrics_.purges[purges_.front()].purged_keys.add(keys);
    removed_ += keys;
}

void mutation_books::concluded(mutation::machine const& machine, bool owes) {
    using telemetry::purge_phase;
    own_ = (boot_clock::now() - began_) - (back_at_ - forwarded_at_);
    for (auto const index : purges_) {
        metrics_.purges[index].duration.observe(own_);
    }
    if (owes) {
        count(purge_phase::pending);
        return;
    }
    switch (machine.result_of_forward()) {
        case mutation::outcome::changed:
            count(purge_phase::end);
            break;
        case mutation::outcome::unchanged:
            count(purge_phase::unchanged);
            break;
        case mutation::outcome::unknown:
            count(purge_phase::unknown);
            break;
    }
}

void mutation_books::show(telemetry::recent_mutations& to,
                          http::request_head const& request,
                          mutation::machine const& machine,
                          std::string_view outcome) const {
    telemetry::mutation_record record;
    record.at = system_now_ms();
    record.method = request.method;
    record.path = rules::path_of(request.target);
    record.purges = purge_names();
    auto const& changed = machine.changed();
    record.tag_count = changed.size();
    // Patterns first: the path is there as such.
    for (bool const path : {false, true}) {
        for (auto const& mark : changed) {
            if (mark.tag.starts_with("path:") == path &&
                record.tags.size() < telemetry::recent_mutations::most_tags) {
                record.tags.push_back(mark.tag);
            }
        }
    }
    record.outcome = outcome;
    record.took = own_;
    record.upstream = back_at_ - forwarded_at_;
    record.keys_removed = removed_;
    to.add(std::move(record));
}

std::string mutation_books::purge_names() const {
    std::string out;
    for (auto const& n : names_) {
        out.append(out.empty() ? "" : "+").append(n);
    }
    return out;
}

std::vector<std::string> mutation_books::names() const {
    return names_;
}

}  // namespace sidecache::cache
