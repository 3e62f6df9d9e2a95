#include "proxy/quiet_period.hpp"

#include "proxy/admin/process_state.hpp"
#include "proxy/cache/mutation_watch.hpp"
#include "proxy/store/store.hpp"
#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "rules/rule_set.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace sidecache {

namespace {

using std::chrono::milliseconds;

/// How long the store is waited for, at least, before rules take effect unannounced.
constexpr milliseconds least_patience{2'000};
/// Between two looks whether the last own mutations are over.
constexpr milliseconds shortest_look{20};
constexpr milliseconds longest_look{1'000};

/// The longest that a mark may live: a mutation's own, or what a purge's `settle` adds.
milliseconds longest_mark(config::model const& config) {
    auto longest = config.marker_life();
    for (auto const& p : config.rules->purges()) {
        longest = std::max(longest, p.definition.settle);
    }
    return longest;
}

bool waits_for_nobody(config::model const& config) {
    auto const& quarantine = config.store.quarantine;
    return config.store.what == config::store::kind::memory ||
           (quarantine && quarantine->count() == 0);
}

}  // namespace

std::vector<std::string> rule_names(rules::rule_set const& rules) {
    std::vector<std::string> names;
    names.reserve(rules.rules().size());
    for (auto const& r : rules.rules()) {
        names.push_back(r.definition.name.value);
    }
    return names;
}

quiet_period::quiet_period(executor const& control,
                           admin::process_state& state,
                           telemetry::process_metrics& metrics)
    : control_(control), state_(state), metrics_(metrics), timer_(control) {}

void quiet_period::begin(store::store_hub& hub,
                         cache::mutation_watch& mutations,
                         std::shared_ptr<config::model const> before,
                         std::shared_ptr<config::model const> after,
                         std::function<void()> over) {
    end();
    hub_ = &hub;
    mutations_ = &mutations;
    before_ = std::move(before);
    after_ = std::move(after);
    over_ = std::move(over);
    auto names = rule_names(*after_->rules);
    for (auto& name : rule_names(*before_->rules)) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(std::move(name));
        }
    }
    auto const number = number_;
    hub.announce(before_->rules->fingerprint() + "+" + after_->rules->fingerprint(),
                 std::move(names),
                 [this, number] {
                     asio::post(control_, [this, number] {
                         if (number == number_) {
                             told();
                         }
                     });
                 });
    unaware_ = mutations.turn();  // not before: who enters from here on marks for both
    wait_for(std::max<milliseconds>(before_->near_cache.lease * 4, least_patience), [this] {
        log::warn("no store to announce the new rules to; they take effect all the same");
        hub_->rules_changed_untold();
        finish();
    });
}

void quiet_period::end() {
    ++number_;
    timer_.cancel();
    state_.rules_wait(std::nullopt);
    over_ = nullptr;
}

void quiet_period::told() {
    auto const life = std::max(longest_mark(*before_), longest_mark(*after_));
    others_over_ = hub_->others_over(life);
    auto const now = boot_clock::now();
    auto const until = std::max(others_over_, mutations_->marked_until());
    bool const nothing_under_way = now >= until && unaware_.expired();
    if (nothing_under_way || waits_for_nobody(*before_) || waits_for_nobody(*after_)) {
        finish();
        return;
    }
    // Own mutations end within a mark's life, unless an upload takes longer.
    auto const rest = std::chrono::ceil<milliseconds>(
        now < until ? until - now : std::chrono::nanoseconds(longest_mark(*before_)));
    state_.rules_wait(system_now_ms() + rest.count());
    ++metrics_.reloads_waited;
    log::info(
        "the reloaded rules take effect when every write that began by the others must be over",
        {{"at_most_ms", rest.count()}});
    look();
}

void quiet_period::look() {
    auto const until = std::max(others_over_, mutations_->marked_until());
    auto const now = boot_clock::now();
    if (now >= until && unaware_.expired()) {
        finish();
        return;
    }
    auto const rest = std::chrono::ceil<milliseconds>(until - now);
    wait_for(std::clamp(rest, shortest_look, longest_look), [this] { look(); });
}

void quiet_period::finish() {
    auto const over = std::move(over_);
    end();
    over();
}

template <class Then>
void quiet_period::wait_for(milliseconds how_long, Then then) {
    timer_.expires_after(how_long);
    timer_.async_wait([this, number = number_, then = std::move(then)](error_code ec) {
        if (!ec && number == number_) {
            then();
        }
    });
}

}  // namespace sidecache
