#include "proxy/store/caller.hpp"

#include <utility>

namespace sidecache::store {

namespace {

bool holds_error(reply_set const& replies, std::string_view prefix) {
    for (std::size_t i = 0; i < replies.size(); ++i) {
        if (replies[i].is_error() && replies[i].text().starts_with(prefix)) {
            return true;
        }
    }
    return false;
}

bool is_worth_retrying(store_error e) {
    return e == store_error::unreachable || e == store_error::timeout;
}

}  // namespace

caller::caller(std::shared_ptr<node> n, meter counter)
    : node_(std::move(n)),
      settings_(node_->process().settings),
      meter_(std::move(counter)),
      breaker_(settings_.where.breaker_failures, settings_.where.breaker_open_for) {
    node_->on_alive = [this] { breaker_.shown_alive(std::chrono::steady_clock::now()); };
}

caller::~caller() {
    node_->abandon();
    if (open_) {
        node_->process().count_open(-1);
    }
}

task<asked> caller::ask(call_plan plan, command_writer write) {
    auto const began = std::chrono::steady_clock::now();
    if (!plan.insists && !breaker_.admits(began)) {
        report(plan.counted_as, store_error::breaker_open, began);
        co_return asked{store_error::breaker_open, {}, {}, false};
    }
    auto a = co_await attempt_all(plan, write);
    if (a.error == store_error::ok && holds_error(a.replies, "READONLY")) {
        a.error = store_error::not_primary;
        node_->distrust();
    }
    // Whoever asked looks at each reply himself; for people one refusal is worth counting.
    bool const is_refused = a.error == store_error::ok && holds_error(a.replies, "");
    report(plan.counted_as, is_refused ? store_error::refused : a.error, began);
    co_return a;
}

task<asked> caller::attempt_all(call_plan plan, command_writer const& write) {
    bool reloaded = false;
    auto rest = settings_.where.retry_backoff;
    for (unsigned attempt = 1;;) {
        auto const deadline = std::chrono::steady_clock::now() + settings_.where.timeout;
        auto a = co_await node_->ask_once(write, deadline, plan.insists);
        if (a.error == store_error::ok && !reloaded && plan.idempotent &&
            holds_error(a.replies, "NOSCRIPT")) {
            reloaded = true;
            auto const loaded = co_await node_->reload_scripts();
            if (loaded) {
                continue;  // not an attempt that failed
            }
        }
        bool const again = is_worth_retrying(a.error) && (plan.idempotent || !a.sent);
        if (!again || attempt >= attempts()) {
            co_return a;
        }
        ++attempt;
        steady_timer pause(node_->loop(), rest);
        auto [ec] = co_await pause.async_wait(as_tuple);
        (void)ec;
        rest *= 2;
    }
}

void caller::report(telemetry::store_command command, store_error e, node::time_point began) {
    auto const now = std::chrono::steady_clock::now();
    meter_.count(command, e, now - began);
    breaker_.count(e, now);
    if (breaker_.is_open() != open_.load(std::memory_order_relaxed)) {
        open_.store(breaker_.is_open(), std::memory_order_relaxed);
        node_->process().count_open(breaker_.is_open() ? 1 : -1);
    }
}

}  // namespace sidecache::store
