#include "proxy/telemetry/metrics.hpp"

#include "proxy/telemetry/exposition.hpp"

#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace sidecache::telemetry {

namespace {

/// In integers, so that an observation on the hit path compares integers.
constexpr std::array<std::int64_t, histogram::bucket_count - 1> bounds_us{250,
                                                                          500,
                                                                          1'000,
                                                                          2'500,
                                                                          5'000,
                                                                          10'000,
                                                                          25'000,
                                                                          50'000,
                                                                          100'000,
                                                                          250'000,
                                                                          500'000,
                                                                          1'000'000,
                                                                          2'500'000,
                                                                          5'000'000,
                                                                          10'000'000};

constexpr auto bounds_s = [] {
    std::array<double, bounds_us.size()> s{};
    std::ranges::transform(
        bounds_us, s.begin(), [](std::int64_t us) { return static_cast<double>(us) / 1e6; });
    return s;
}();

}  // namespace

std::span<double const> histogram::bounds() {
    return bounds_s;
}

void histogram::observe(std::chrono::nanoseconds d) {
    auto const ns = std::max<std::int64_t>(d.count(), 0);
    std::size_t i = 0;
    while (i < bounds_us.size() && ns > bounds_us[i] * 1'000) {
        ++i;
    }
    buckets[i].add();
    sum_ns.add(static_cast<std::uint64_t>(ns));
}

worker_metrics::worker_metrics(std::size_t rule_count, std::size_t purge_count)
    : rules(rule_count + 1), purges(purge_count + 1) {}

/// Workers whose counters are still written, and the totals of those that are gone. Shared with
/// the deleters of the workers' counters, so that either may go first.
struct registry::impl {
    struct live {
        std::unique_ptr<worker_metrics> counters;
        std::vector<std::string> rule_names;
        std::vector<std::string> purge_names;
    };

    /// Everything counted so far. REQUIRES: `mutex` is held.
    void sum_into(totals& sum) const {
        sum.add(retired);
        for (auto const& w : workers) {
            sum.add(*w.counters, w.rule_names, w.purge_names);
        }
    }

    void retire(worker_metrics const* gone) {
        std::lock_guard const lock(mutex);
        auto const it = std::ranges::find_if(
            workers, [gone](live const& w) { return w.counters.get() == gone; });
        retired.add(*it->counters, it->rule_names, it->purge_names);
        workers.erase(it);
    }

    mutable std::mutex mutex;
    std::vector<live> workers;
    totals retired;
};

namespace {

class scrape final : public prometheus::Collectable {
public:
    scrape(totals const& sum, process_metrics const& process)
        : sum_(sum), process_(process), usage_(read_process_usage()) {}
    std::vector<prometheus::MetricFamily> Collect() const override {
        return collect(sum_, process_, usage_);
    }

private:
    totals const& sum_;
    process_metrics const& process_;
    process_usage usage_;
};

}  // namespace

registry::registry() : impl_(std::make_shared<impl>()) {}
registry::~registry() = default;

std::shared_ptr<worker_metrics> registry::make_worker(std::vector<std::string> rule_names,
                                                      std::vector<std::string> purge_names) {
    auto counters = std::make_unique<worker_metrics>(rule_names.size(), purge_names.size());
    auto* const handle = counters.get();
    {
        std::lock_guard const lock(impl_->mutex);
        impl_->workers.push_back(
            {std::move(counters), std::move(rule_names), std::move(purge_names)});
    }
    return {handle, [state = impl_](worker_metrics* gone) { state->retire(gone); }};
}

std::string registry::render() const {
    totals sum;
    {
        std::lock_guard const lock(impl_->mutex);
        impl_->sum_into(sum);
    }
    scrape const now(sum, process_);
    return prometheus::TextSerializer().Serialize(now.Collect());
}

summary registry::summarize() const {
    totals sum;
    {
        std::lock_guard const lock(impl_->mutex);
        impl_->sum_into(sum);
    }
    auto const values = [](auto const& counters, auto& out) {
        std::ranges::transform(counters, out.begin(), [](counter const& c) { return c.value(); });
    };
    summary out;
    for (auto const& [rule, m] : sum.rules) {
        auto& r = out.rules.emplace_back(rule_totals{.rule = rule});
        values(m.requests, r.requests);
        values(m.hits, r.hits);
        values(m.bypass, r.bypass);
        values(m.not_stored, r.not_stored);
        for (std::size_t i = 0; i < request_results; ++i) {
            auto const& from = m.request_duration[i];
            auto& into = out.latency[i];
            for (std::size_t b = 0; b < histogram::bucket_count; ++b) {
                into.buckets[b] += from.buckets[b].value();
            }
            into.sum_ns += from.sum_ns.value();
        }
    }
    for (auto const& [purge, m] : sum.purges) {
        auto& p = out.purges.emplace_back(purge_totals{.purge = purge});
        values(m.phases, p.phases);
        p.purged_keys = m.purged_keys.value();
    }
    out.unmatched_mutations = sum.rest.unmatched_mutations.value();
    return out;
}

}  // namespace sidecache::telemetry
