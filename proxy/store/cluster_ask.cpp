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

/// One operation on its way: what has its reply, and what is to be asked (again).
struct cluster::operation {
    explicit operation(std::shared_ptr<cluster_batch const> what)
        : batch(std::move(what)), sent_to(batch->size()) {
        a.replies.resize(batch->size());
    }
    bool is_complete() const {
        return std::all_of(a.replies.begin(), a.replies.end(), [](auto const& r) { return r.set; });
    }
    /// Nothing has been done yet: what was, was done in another Cluster.
    void begin_anew() {
        std::fill(a.replies.begin(), a.replies.end(), cluster_reply{});
        a.by = {};
        is_first = true;
    }
    void has_reply(std::size_t i, trip::leg const& from, std::size_t at) {
        a.replies[i] = {from.replies, at, from.by.server, from.by.server_now_ms};
        auto const checked_at = from.by.checked_at;
        a.by.checked_at = is_first ? checked_at : std::min(a.by.checked_at, checked_at);
        a.by.server_now_ms = std::max(a.by.server_now_ms, from.by.server_now_ms);
        since = is_first ? boot_clock::now() : since;
        is_first = false;
    }

    std::shared_ptr<cluster_batch const> batch;
    cluster_asked a;
    std::vector<config::endpoint> sent_to;        // by ASK; without a port: by the map
    std::set<std::shared_ptr<node>> has_scripts;  // loaded anew for this operation
    std::set<std::shared_ptr<node>> forgetful;    // of the last round
    std::optional<id128> of;                      // the Cluster that has answered until now
    bool waits = false;                           // a node of the last round asks for patience
    bool is_first = true;
    int rounds = 0;
    boot_clock::time_point since{};  // when the first reply was there
};

/// What is still to be asked, to whom it goes. False: nobody has the slot.
bool cluster::set_out(operation const& op, trip& on) {
    for (std::size_t i = 0; i < op.a.replies.size(); ++i) {
        if (op.a.replies[i].set) {
            continue;
        }
        bool const asking = op.sent_to[i].port != 0;
        auto const to = asking ? node_at(op.sent_to[i]) : owner_of(op.batch->slot(i));
        if (!to) {
            return false;
        }
        on.to(to, asking).commands.push_back(i);
    }
    return true;
}

/// The reply to command `i`, or where to ask for it.
template <class Leg>
void cluster::take(operation& op, Leg const& leg, std::size_t i, std::size_t at) {
    auto const r = (*leg.replies)[at];
    bool const was_sent_on = std::exchange(op.sent_to[i], config::endpoint{}).port != 0;
    if (!r.is_error()) {
        op.has_reply(i, leg, at);
        return;
    }
    auto const sent_on = parse_redirection(r.text(), leg.to->reached().host);
    switch (sent_on.what) {
        case redirection::kind::moved:
            directory_.moved(sent_on.slot, sent_on.to);
            wants_map_ = true;
            poke();
            op.waits = op.waits || was_sent_on || op.rounds > 2;  // they do not agree yet
            return;
        case redirection::kind::ask:
            // Who owns nothing yet is nobody's node yet.
            if (nodes_.contains(sent_on.to.text())) {
                op.sent_to[i] = sent_on.to;
            } else {
                op.waits = true;
            }
            return;
        case redirection::kind::later:
            op.waits = true;
            return;
        case redirection::kind::none:
            break;
    }
    if (r.text().starts_with("READONLY")) {
        leg.to->distrust();
        op.waits = true;
    } else if (op.batch->runs_script(i) && r.text().starts_with("NOSCRIPT") &&
               !op.has_scripts.contains(leg.to)) {
        op.forgetful.insert(leg.to);
    } else {
        op.has_reply(i, leg, at);
    }
}

void cluster::arrive(operation& op, trip const& on) {
    op.waits = false;
    op.forgetful.clear();
    for (auto const& leg : on.legs) {
        op.a.sent = op.a.sent || leg.sent;
        for (std::size_t k = 0; leg.error == store_error::ok && k < leg.commands.size(); ++k) {
            take(op, leg, leg.commands[k], leg.asking ? 2 * k + 1 : k);
        }
    }
}

/// One round of what is still to be asked; an error: some of it did not arrive.
task<store_error> cluster::go_round(operation& op, time_point deadline, bool insists) {
    auto const settled = co_await wait_settled(deadline, insists);
    if (settled != store_error::ok) {
        co_return settled;
    }
    if (op.of && op.of != label_) {
        op.begin_anew();
    }
    op.of = label_;
    ++op.rounds;
    auto const on = std::make_shared<trip>(ex_, op.batch);
    on->deadline = deadline;
    on->insists = insists;
    if (!set_out(op, *on)) {
        co_return store_error::unreachable;
    }
    auto const worst = co_await travel(on);
    arrive(op, *on);
    for (auto const& n : op.forgetful) {
        op.has_scripts.insert(n);
        auto const loaded = co_await n->reload_scripts();
        (void)loaded;  // else it says so once more
    }
    co_return worst;
}

task<cluster_asked> cluster::attempt_all(call_plan plan,
                                         std::shared_ptr<cluster_batch const> what) {
    auto const& where = process_->settings.where;
    bool const reads = plan.counted_as == telemetry::store_command::read;
    // A slow store must not cost a reader more than `store.timeout`.
    auto const attempts = std::max(1U, where.retry_attempts);
    auto const give_up = steady_clock::now() +
                         (reads ? where.timeout : (where.timeout + where.retry_backoff) * attempts);
    auto pause = where.retry_backoff;
    operation op(std::move(what));
    auto& a = op.a;
    unsigned attempt = 1;
    for (int round = 0;; ++round) {
        auto const deadline = std::min(steady_clock::now() + where.timeout, give_up);
        auto const before = op.of;
        a.error = co_await go_round(op, deadline, plan.insists);
        bool const is_another = before && op.of != before;
        if (stopped_ || (is_another && !plan.idempotent && a.sent)) {
            a.error = store_error::unreachable;
            co_return a;
        }
        if (a.error == store_error::ok && op.is_complete() && label_ == op.of) {
            break;
        }
        if (a.error != store_error::ok || op.waits) {
            wants_map_ = true;
            poke();
        }
        if (a.error != store_error::ok) {
            if ((!plan.idempotent && a.sent) || ++attempt > attempts) {
                co_return a;
            }
            co_await rest(pause);
            pause *= 2;
        } else if (op.waits) {
            co_await rest(patience);
        }
        if (round == most_rounds || steady_clock::now() >= give_up) {
            a.error = a.error == store_error::ok ? store_error::unreachable : a.error;
            co_return a;
        }
        follow_map();
    }
    auto const now = boot_clock::now();
    if (op.is_first) {
        a.by.checked_at = now;  // nothing was asked
    } else {
        a.by.server_now_ms += std::chrono::ceil<std::chrono::milliseconds>(now - op.since).count();
    }
    a.by.server = *op.of;
    a.by.quiet = process_->rules.is_quiet(now);
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
    breaker_.count(e, now);
    if (stopped_ || breaker_.is_open() == breaker_open_) {
        return;
    }
    breaker_open_ = breaker_.is_open();
    process_->count_open(breaker_open_ ? 1 : -1);
    std::scoped_lock const guard(status_mutex_);
    status_.breaker_open = breaker_open_;
}

}  // namespace sidecache::store
