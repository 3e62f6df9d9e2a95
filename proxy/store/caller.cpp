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

task<asked> caller::ask(call_plan plan, writer write) {
    auto const began = std::chrono::steady_clock::now();
    asked a;
    if (!plan.insists && !breaker_.admits(began)) {
        a.error = store_error::breaker_open;
        report(plan.counted_as, a.error, began);
        co_return a;
    }
    bool reloaded = false;
    auto rest = settings_.where.retry_backoff;
    for (unsigned attempt = 1;; ++attempt) {
        a.sent = false;
        co_await once(plan, write, a);
        if (a.error == store_error::ok && holds_error(a.replies, "NOSCRIPT") && !reloaded &&
            plan.idempotent) {
            reloaded = true;
            auto const loaded = co_await node_->reload_scripts();
            if (loaded) {
                --attempt;
                continue;
            }
        }
        bool const again = is_worth_retrying(a.error) && (plan.idempotent || !a.sent);
        if (!again || attempt >= attempts()) {
            break;
        }
        steady_timer pause(node_->loop(), rest);
        auto [ec] = co_await pause.async_wait(as_tuple);
        (void)ec;
        rest *= 2;
    }
    if (a.error == store_error::ok && holds_error(a.replies, "READONLY")) {
        a.error = store_error::not_primary;
        node_->distrust();
    }
    report(plan.counted_as, a.error, began);
    co_return a;
}

task<void> caller::once(call_plan plan, writer const& write, asked& a) {
    auto const deadline = std::chrono::steady_clock::now() + settings_.where.timeout;
    auto on = node_->connected();
    if (!on) {
        a.error = co_await node_->wait_connected(deadline, plan.insists);
        if (a.error != store_error::ok) {
            co_return;
        }
        on = node_->connected();
    }
    auto const commands = write(on->commands(), node_->present());
    a.sent = true;
    auto [error, replies] = co_await on->ask(commands, deadline);
    a.error = error;
    a.replies = std::move(replies);
    a.by = node_->by();
}

void caller::report(telemetry::store_command command, store_error e, node::time_point began) {
    auto const now = std::chrono::steady_clock::now();
    meter_.count(command, e, now - began);
    switch (e) {
        case store_error::ok:
        case store_error::refused:
        case store_error::malformed:
            breaker_.succeeded();  // it answers, whatever it says
            break;
        case store_error::unreachable:
        case store_error::timeout:
        case store_error::not_primary:
            breaker_.failed(now);
            break;
        case store_error::breaker_open:
            break;
    }
    if (breaker_.is_open() != open_.load(std::memory_order_relaxed)) {
        open_.store(breaker_.is_open(), std::memory_order_relaxed);
        node_->process().count_open(breaker_.is_open() ? 1 : -1);
    }
}

}  // namespace sidecache::store
