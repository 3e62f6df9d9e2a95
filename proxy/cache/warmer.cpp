#include "proxy/cache/warmer.hpp"

#include "proxy/cache/asker.hpp"
#include "proxy/cache/background_fill.hpp"
#include "proxy/http/message.hpp"
#include "proxy/store/store.hpp"
#include "proxy/telemetry/log.hpp"
#include "rules/rule_set.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sidecache::cache {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using telemetry::background_outcome;
using telemetry::warm_outcome;

/// A start is not held up by a store that is not there: then every fetch would be for nothing.
constexpr milliseconds longest_wait_for_store{30'000};
constexpr milliseconds between_looks{50};

warm_outcome outcome_of(background_outcome how) {
    switch (how) {
        case background_outcome::stored:
            return warm_outcome::stored;
        case background_outcome::found:
        case background_outcome::under_way:
            return warm_outcome::fresh;
        case background_outcome::not_stored:
            return warm_outcome::skipped;
        case background_outcome::dropped:
        case background_outcome::hindered:
        case background_outcome::failed:
            break;
    }
    return warm_outcome::failed;
}

http::request_head request_for(config::model const& config,
                               std::string const& path,
                               std::string const& host) {
    http::request_head head;
    head.method = "GET";
    head.target = path;
    head.host = host;
    head.fields.add("Host", host);
    if (config.warm) {
        for (auto const& [name, value] : config.warm->headers) {
            head.fields.add(name, value);
        }
    }
    return head;
}

}  // namespace

bool warmer::start(std::vector<std::string> paths) {
    if (is_stopped_ || progress_.is_running) {
        return false;
    }
    auto const config = parts_.current->config;
    auto const settings = config->warm.value_or(config::warm());
    hosts_ = settings.hosts;
    if (hosts_.empty() || !config->upstream.fixed_host.empty()) {
        hosts_ = {config->upstream.fixed_host.empty() ? config->upstream.host_header
                                                      : config->upstream.fixed_host};
    }
    paths_ = std::move(paths);
    next_ = 0;
    pace_.emplace(settings.rate);
    progress_ = {progress_.run + 1, true, false, paths_.size() * hosts_.size(), 0, {}};
    lanes_ = std::min<std::size_t>(settings.concurrency, std::max<std::size_t>(progress_.total, 1));
    log::info("warming", {{"uris", progress_.total}});
    for (std::size_t i = 0; i < lanes_; ++i) {
        parts_.background.spawn("warming", lane());
    }
    return true;
}

void warmer::stop() {
    is_stopped_ = true;
    for (auto& timer : waiting_) {
        timer.cancel();
    }
}

task<void> warmer::wait_until(pace::time_point when) {
    if (is_stopped_ || when <= steady_clock::now()) {
        co_return;
    }
    auto const mine = waiting_.emplace(waiting_.end(), parts_.ex, when);
    auto [ec] = co_await mine->async_wait(as_tuple);
    (void)ec;
    waiting_.erase(mine);
}

task<void> warmer::wait_for_store() {
    auto const limit = steady_clock::now() + longest_wait_for_store;
    while (!is_stopped_ && !parts_.store.status().up && steady_clock::now() < limit) {
        co_await wait_until(steady_clock::now() + between_looks);
    }
}

task<void> warmer::lane() {
    co_await wait_for_store();
    while (!is_stopped_ && next_ < progress_.total) {
        auto const mine = next_++;
        auto const when = pace_->take(steady_clock::now());
        co_await wait_until(when);
        if (is_stopped_) {
            break;
        }
        auto const& path = paths_[mine / hosts_.size()];
        auto const& host = hosts_[mine % hosts_.size()];
        auto const how = co_await fetch(path, host);
        ++progress_.done;
        ++progress_.by_outcome[static_cast<std::size_t>(how)];
        parts_.process.metrics.warmed[static_cast<std::size_t>(how)].fetch_add(
            1, std::memory_order_relaxed);
    }
    if (--lanes_ != 0) {
        co_return;
    }
    progress_.is_running = false;
    progress_.is_cut_short = progress_.done != progress_.total;
    auto const count = [&](warm_outcome how) {
        return progress_.by_outcome[static_cast<std::size_t>(how)];
    };
    log::info(progress_.is_cut_short ? "warming was cut short" : "warmed",
              {{"uris", progress_.total},
               {"done", progress_.done},
               {"stored", count(warm_outcome::stored)},
               {"fresh", count(warm_outcome::fresh)},
               {"skipped", count(warm_outcome::skipped)},
               {"failed", count(warm_outcome::failed)}});
}

task<warm_outcome> warmer::fetch(std::string const& path, std::string const& host) {
    auto const snap = parts_.current;
    auto const head = request_for(*snap->config, path, host);
    asker who(*snap, head);
    rules::decision wanted;
    snap->config->rules->decide(who.request(), wanted);
    if (who.is_unknown() && wanted.what == rules::verdict::bypass &&
        wanted.reason == rules::bypass_reason::unverified_identity) {
        co_await who.verify(parts_);
        snap->config->rules->decide(who.request(), wanted);
    }
    if (wanted.what != rules::verdict::serve) {
        co_return warm_outcome::skipped;
    }
    auto whose = wanted.of_identity ? who.caller() : caller();
    auto order = make_order(snap, wanted, head, "127.0.0.1", std::move(whose));
    auto const how = co_await fill_unattended(parts_, std::move(order), milliseconds(0));
    co_return outcome_of(how);
}

}  // namespace sidecache::cache
