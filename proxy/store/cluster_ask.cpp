#include "proxy/async/event.hpp"
#include "proxy/store/cluster.hpp"
#include "proxy/store/spawn.hpp"

#include <algorithm>
#include <set>
#include <utility>

// How a Cluster is asked: to each node what is his, and again what was sent elsewhere.
namespace sidecache::store {

namespace {

using std::chrono::steady_clock;

/// While somebody insists, the Cluster is looked at that often at most.
constexpr std::chrono::milliseconds insisting{20};
/// Before a node that has asked for patience is asked again.
constexpr std::chrono::milliseconds patience{5};
/// Redirections and the like of one operation; each brings it further, as a rule.
constexpr int most_rounds = 64;

}  // namespace

/// One round: what goes to each node, under way at once.
struct cluster::trip {
    struct leg {
        std::shared_ptr<node> to;
        bool asking = false;
        std::vector<std::size_t> commands;
        // What came of it.
        store_error error = store_error::unreachable;
        bool sent = false;
        std::shared_ptr<reply_set const> replies;
        answered_by by;
    };
    trip(executor const& ex, std::shared_ptr<cluster_batch const> b)
        : batch(std::move(b)), over(ex) {}

    leg& to(std::shared_ptr<node> const& n, bool asking) {
        auto const at = std::find_if(legs.begin(), legs.end(), [&](leg const& l) {
            return l.to == n && l.asking == asking;
        });
        if (at != legs.end()) {
            return *at;
        }
        auto& made = legs.emplace_back();
        made.to = n;
        made.asking = asking;
        return made;
    }

    std::shared_ptr<cluster_batch const> batch;
    time_point deadline;
    bool insists = false;
    std::vector<leg> legs;
    std::size_t under_way = 0;
    event over;
};

task<store_error> cluster::wait_settled(time_point deadline, bool insists) {
    while (!label_) {
        auto const now = steady_clock::now();
        if (stopped_ || (failed_ && !insists)) {
            co_return store_error::unreachable;
        }
        if (now >= deadline) {
            co_return failed_ ? store_error::unreachable : store_error::timeout;
        }
        auto wake_at = deadline;
        if (failed_) {
            auto const again = last_look_ + insisting;
            if (again <= now) {
                poke();
            } else {
                wake_at = std::min(wake_at, again);
            }
        }
        steady_timer woken(ex_, wake_at);
        auto const place = waiting_.insert(waiting_.end(), &woken);
        auto [ec] = co_await woken.async_wait(as_tuple);
        (void)ec;  // cancelled: something has changed; look
        waiting_.erase(place);
    }
    co_return stopped_ ? store_error::unreachable : store_error::ok;
}

task<void> cluster::go(std::shared_ptr<trip> on, std::size_t i) {
    // `on` keeps the round alive for as long as the coroutine runs.
    auto& leg = on->legs[i];
    leg.error = co_await leg.to->wait_connected(on->deadline, on->insists);
    auto const with = leg.error == store_error::ok ? leg.to->connected() : nullptr;
    if (with) {
        auto& out = with->commands();
        for (auto const c : leg.commands) {
            if (leg.asking) {
                append_command(out, std::string_view("ASKING"));
            }
            on->batch->write(c, out, leg.to->present().scripts);
        }
        leg.sent = true;
        auto const count = leg.commands.size() * (leg.asking ? 2 : 1);
        auto [error, replies] = co_await with->ask(count, on->deadline);
        leg.error = error;
        if (error == store_error::ok && leg.to->connected() != with) {
            leg.error = store_error::unreachable;  // whose word it was is not known any more
        }
        leg.replies = std::make_shared<reply_set const>(std::move(replies));
        leg.by = leg.to->by();
    }
    if (--on->under_way == 0) {
        on->over.notify_all();
    }
}

task<store_error> cluster::travel(std::shared_ptr<trip> on) {
    on->under_way = on->legs.size();
    for (std::size_t i = 1; i < on->legs.size(); ++i) {
        spawn(ex_, "cluster commands", go(on, i));
    }
    if (!on->legs.empty()) {
        co_await go(on, 0);
    }
    while (on->under_way != 0) {
        co_await on->over.wait();
    }
    auto worst = store_error::ok;
    for (auto const& leg : on->legs) {
        if (leg.error != store_error::ok) {
            worst = leg.error;
        }
    }
    co_return worst;
}

task<void> cluster::rest(std::chrono::milliseconds how_long) {
    steady_timer pause(ex_, how_long);
    auto [ec] = co_await pause.async_wait(as_tuple);
    (void)ec;
}

task<cluster_asked> cluster::attempt_all(call_plan plan,
                                         std::shared_ptr<cluster_batch const> what) {
    auto const& where = process_->settings.where;
    auto const attempts = std::max(1U, where.retry_attempts);
    auto const began = steady_clock::now();
    // A slow store must not cost a reader more than `store.timeout`.
    bool const reads = plan.counted_as == telemetry::store_command::read;
    auto const give_up = began + where.timeout * (reads ? 1U : attempts) +
                         (reads ? std::chrono::milliseconds(0) : where.retry_backoff * attempts);
    auto pause = where.retry_backoff;
    auto const size = what->size();
    cluster_asked a;
    a.replies.resize(size);
    std::vector<config::endpoint> asked_to(size);  // by ASK; without a port: by the map
    std::set<std::shared_ptr<node>> reloaded;
    auto begins = boot_clock::now();
    unsigned attempt = 1;
    std::optional<id128> of;
    for (int round = 0; round < most_rounds; ++round) {
        auto const now = steady_clock::now();
        auto const deadline = std::min(now + where.timeout, give_up);
        a.error = co_await wait_settled(deadline, plan.insists);
        bool again = a.error != store_error::ok;
        bool waits = false;
        if (!again && of && *of != *label_) {
            // What was done until now was done in another Cluster.
            if (!plan.idempotent && a.sent) {
                a.error = store_error::unreachable;
                co_return a;
            }
            std::fill(a.replies.begin(), a.replies.end(), cluster_reply{});
            a.by = {};
        }
        if (!again) {
            of = label_;
            auto const on = std::make_shared<trip>(ex_, what);
            on->deadline = deadline;
            on->insists = plan.insists;
            for (std::size_t i = 0; i < size; ++i) {
                if (a.replies[i].set) {
                    continue;
                }
                bool const asking = asked_to[i].port != 0;
                auto const to = asking ? node_at(asked_to[i]) : owner_of(what->slot(i));
                if (!to) {
                    again = true;
                    a.error = store_error::unreachable;
                    break;
                }
                on->to(to, asking).commands.push_back(i);
            }
            if (!again) {
                a.error = co_await travel(on);
                again = a.error != store_error::ok;
            }
            std::set<std::shared_ptr<node>> forgetful;
            for (auto const& leg : on->legs) {
                a.sent = a.sent || leg.sent;
                if (leg.error != store_error::ok) {
                    continue;
                }
                for (std::size_t k = 0; k < leg.commands.size(); ++k) {
                    auto const i = leg.commands[k];
                    auto const at = leg.asking ? 2 * k + 1 : k;
                    auto const r = (*leg.replies)[at];
                    asked_to[i] = {};
                    if (r.is_error()) {
                        auto const sent_on = parse_redirection(r.text(), leg.to->reached().host);
                        if (sent_on.what == redirection::kind::moved) {
                            directory_.moved(sent_on.slot, sent_on.to);
                            wants_map_ = true;
                            poke();
                            waits = waits || round > 2;
                            continue;
                        }
                        // Who owns nothing yet is nobody's node yet.
                        if (sent_on.what == redirection::kind::ask &&
                            nodes_.contains(sent_on.to.text())) {
                            asked_to[i] = sent_on.to;
                            continue;
                        }
                        if (sent_on.what != redirection::kind::none) {
                            waits = true;
                            continue;
                        }
                        if (r.text().starts_with("READONLY")) {
                            leg.to->distrust();
                            waits = true;
                            continue;
                        }
                        if (what->runs_script(i) && r.text().starts_with("NOSCRIPT") &&
                            !reloaded.contains(leg.to)) {
                            forgetful.insert(leg.to);
                            continue;
                        }
                    }
                    a.replies[i] = {leg.replies, at, leg.by.server, leg.by.server_now_ms};
                    begins = a.by.server_now_ms == 0 ? boot_clock::now() : begins;
                    a.by.checked_at = a.by.server_now_ms == 0
                                          ? leg.by.checked_at
                                          : std::min(a.by.checked_at, leg.by.checked_at);
                    a.by.server_now_ms = std::max(a.by.server_now_ms, leg.by.server_now_ms);
                }
            }
            for (auto const& n : forgetful) {
                reloaded.insert(n);
                auto const loaded = co_await n->reload_scripts();
                (void)loaded;  // else it says so once more
            }
        }
        if (stopped_) {
            a.error = store_error::unreachable;
            co_return a;
        }
        bool const complete =
            std::all_of(a.replies.begin(), a.replies.end(), [](auto const& r) { return r.set; });
        if (!again && complete && label_ == of) {
            break;
        }
        if (again) {
            wants_map_ = true;
            poke();
            if ((!plan.idempotent && a.sent) || ++attempt > attempts) {
                co_return a;
            }
            co_await rest(pause);
            pause *= 2;
        } else if (waits) {
            wants_map_ = true;
            poke();
            co_await rest(patience);
        }
        if (steady_clock::now() >= give_up) {
            a.error = again ? a.error : store_error::unreachable;
            co_return a;
        }
        follow_map();
        a.error = store_error::unreachable;
    }
    if (a.error != store_error::ok) {
        co_return a;
    }
    auto const now = boot_clock::now();
    a.by.server = *of;
    a.by.server_now_ms += std::chrono::ceil<std::chrono::milliseconds>(now - begins).count();
    a.by.quiet = process_->rules.is_quiet(now);
    if (size == 0) {
        a.by.checked_at = now;
    }
    co_return a;
}

task<cluster_asked> cluster::ask(call_plan plan, std::shared_ptr<cluster_batch const> what) {
    auto const began = steady_clock::now();
    if (!admits(plan, began)) {
        report(plan.counted_as, store_error::breaker_open, began);
        cluster_asked none;
        none.error = store_error::breaker_open;
        co_return none;
    }
    auto a = co_await attempt_all(plan, what);
    bool is_refused = false;
    for (std::size_t i = 0; a.error == store_error::ok && i < a.replies.size(); ++i) {
        is_refused = is_refused || a[i].is_error();
    }
    report(plan.counted_as, is_refused ? store_error::refused : a.error, began);
    co_return a;
}

// Whether that node was home all the while: no reply sends us elsewhere.
bool cluster::takes_home(asked const& a, node const& from) {
    for (std::size_t i = 0; i < a.replies.size(); ++i) {
        if (!a.replies[i].is_error()) {
            continue;
        }
        auto const sent_on = parse_redirection(a.replies[i].text(), from.reached().host);
        if (sent_on.what == redirection::kind::moved) {
            directory_.moved(sent_on.slot, sent_on.to);
        }
        if (sent_on.what != redirection::kind::none ||
            a.replies[i].text().starts_with("READONLY")) {
            return false;
        }
    }
    return true;
}

task<asked> cluster::ask_home(call_plan plan, command_writer write) {
    auto const& where = process_->settings.where;
    auto const attempts = std::max(1U, where.retry_attempts);
    auto const began = steady_clock::now();
    asked a;
    if (!admits(plan, began)) {
        a.error = store_error::breaker_open;
        report(plan.counted_as, a.error, began);
        co_return a;
    }
    auto const give_up = began + (where.timeout + where.retry_backoff) * attempts;
    bool reloaded = false;
    unsigned attempt = 1;
    while (true) {
        auto const deadline = std::min(steady_clock::now() + where.timeout, give_up);
        auto const settled = co_await wait_settled(deadline, plan.insists);
        auto const at = settled == store_error::ok ? home() : nullptr;
        bool lost = true;
        bool done = false;
        // A home where this member has not taken its place yet is none.
        if (at && at->last_server() == home_at_) {
            a = co_await at->ask_once(write, deadline, plan.insists);
            lost = a.error != store_error::ok;
            bool forgotten = false;
            for (std::size_t i = 0; !lost && i < a.replies.size(); ++i) {
                forgotten = forgotten || (a.replies[i].is_error() &&
                                          a.replies[i].text().starts_with("NOSCRIPT"));
            }
            if (!lost && forgotten && !std::exchange(reloaded, true)) {
                auto const loaded = co_await at->reload_scripts();
                (void)loaded;
                continue;
            }
            done = !lost && takes_home(a, *at);
        }
        if (done) {
            break;
        }
        wants_map_ = true;
        poke();
        if (lost && a.sent) {
            ++attempt;
        }
        if (stopped_ || attempt > attempts || steady_clock::now() >= give_up) {
            a.error = a.error == store_error::ok ? store_error::unreachable : a.error;
            break;
        }
        co_await rest(patience);
        follow_map();
    }
    report(plan.counted_as, a.error, began);
    co_return a;
}

bool cluster::admits(call_plan plan, time_point now) {
    return plan.insists || breaker_.admits(now);
}

void cluster::report(telemetry::store_command command, store_error e, time_point began) {
    auto const now = steady_clock::now();
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
    if (stopped_ || breaker_.is_open() == breaker_open_) {
        return;
    }
    breaker_open_ = breaker_.is_open();
    process_->count_open(breaker_open_ ? 1 : -1);
    std::scoped_lock const guard(status_mutex_);
    status_.breaker_open = breaker_open_;
}

}  // namespace sidecache::store
