#include "proxy/store/node.hpp"

#include "proxy/async/scope.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"
#include "proxy/telemetry/log.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace sidecache::store {

namespace {

using telemetry::store_command;

/// A connection that breaks is made anew at once, but not again and again.
constexpr std::chrono::seconds short_life{1};
constexpr int most_short_lives = 3;
/// While somebody insists, the server is dialled that often at most.
constexpr std::chrono::milliseconds insisting{20};

}  // namespace

node::node(executor const& ex,
           std::shared_ptr<redis_process> process,
           meter counter,
           bool carries_membership,
           std::optional<cluster_seat> seat)
    : ex_(ex),
      process_(std::move(process)),
      meter_(std::move(counter)),
      carries_membership_(carries_membership),
      seat_(std::move(seat)),
      rest_(ex),
      heartbeat_rest_(ex) {
    status_.description = process_->settings.where.description;
    status_.last_error = "not connected yet";
    if (seat_) {
        reached_ = seat_->at;
    }
}

void node::start() {
    if (process_->dial.directory() != nullptr) {
        process_->on_primary_named([weak = weak_from_this()] {
            if (auto const self = weak.lock()) {
                asio::post(self->ex_, [weak] {
                    if (auto const here = weak.lock()) {
                        here->follow();
                    }
                });
            }
        });
    }
    spawn(ex_, "store connection", run(shared_from_this()));
}

void node::stop() {
    if (stopped_) {
        return;
    }
    if (!carries_membership_ || !connected() || !process_->announced() || process_->stays_listed) {
        abandon();
        return;
    }
    spawn(ex_, "store leave", depart(shared_from_this()));
}

task<void> node::depart(std::shared_ptr<node> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    stopped_ = true;
    auto const with = link_;
    co_await leave(*with, *process_);
    abandon();
}

void node::abandon() {
    stopped_ = true;
    meter_ = meter({});
    on_alive = nullptr;
    if (seat_) {
        seat_->changed = [] {};
        seat_->admits = [](id128) { return false; };
    }
    if (link_) {
        link_->close();
    }
    if (dialling_ != nullptr) {
        dialling_->close();
    }
    rest_.cancel();
    heartbeat_rest_.cancel();
    set_ready(false, {store_error::unreachable, "stopped"});
}

task<void> node::run(std::shared_ptr<node> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    backoff pause;
    int short_lives = 0;
    while (!stopped_) {
        resting_ = false;
        last_attempt_ = std::chrono::steady_clock::now();
        auto const why = co_await connect_once();
        if (stopped_) {
            break;
        }
        if (why.code == store_error::ok && seat_) {
            co_await wait_admitted(link_);
            if (stopped_) {
                break;
            }
        }
        if (why.code == store_error::ok) {
            set_ready(link_->is_open(), why);
            co_await beat(link_);
            auto const lived = std::chrono::steady_clock::now() - last_attempt_;
            short_lives = lived < short_life ? short_lives + 1 : 0;
            resting_ = short_lives > most_short_lives;
            set_ready(false, {store_error::unreachable, "the connection broke"});
            if (!resting_) {
                pause.reset();
                continue;
            }
        } else {
            resting_ = true;
            set_ready(false, why);
        }
        rest_.expires_after(pause.next(process_->ids.next().low));
        auto [ec] = co_await rest_.async_wait(as_tuple);
        (void)ec;
    }
}

task<connect_error> node::connect_once() {
    auto const& settings = process_->settings;
    stream way(ex_);
    dialling_ = &way;
    if (seat_) {
        auto const dialled = co_await process_->dial.way().connect(way, seat_->at);
        dialling_ = nullptr;
        if (!dialled) {
            co_return dialled.error();
        }
    } else {
        auto const dialled = co_await process_->dial.connect(way);
        dialling_ = nullptr;
        if (!dialled) {
            co_return dialled.error();
        }
        reached_ = *dialled;
    }
    if (stopped_) {
        co_return connect_error{store_error::unreachable, "stopped"};
    }
    link_ = std::make_shared<link>(std::move(way), settings.patience());
    link_->start([weak = weak_from_this()] {
        if (auto const self = weak.lock()) {
            self->heartbeat_rest_.cancel();
        }
    });
    auto const with = link_;
    auto opening =
        seat_ ? greet(*with, *process_) : handshake(*with, *process_, carries_membership_);
    auto opened = co_await std::move(opening);
    if (!opened) {
        with->close();
        co_return opened.error();
    }
    if (!with->is_open()) {
        co_return connect_error{store_error::unreachable, "the connection broke"};
    }
    session_ = std::move(*opened);
    greeted_ = true;
    last_server_ = session_.last.server;
    co_return connect_error{store_error::ok, {}};
}

// In a Cluster nobody is used before all that counts on him has been settled (cluster.hpp).
task<void> node::wait_admitted(std::shared_ptr<link> on) {
    seat_->changed();
    while (on->is_open() && !stopped_ && !seat_->admits(session_.last.server)) {
        heartbeat_rest_.expires_at(time_point::max());
        auto [ec] = co_await heartbeat_rest_.async_wait(as_tuple);
        (void)ec;  // cancelled: something has happened; look
    }
}

task<void> node::beat(std::shared_ptr<link> on) {
    if (on_alive) {
        on_alive();
    }
    // Also a node that is leaving beats no more: that would list it again.
    while (on->is_open() && !stopped_) {
        heartbeat_rest_.expires_after(process_->settings.heartbeat());
        auto [ec] = co_await heartbeat_rest_.async_wait(as_tuple);
        (void)ec;  // cancelled: something has happened; look
        if (!on->is_open() || stopped_) {
            break;
        }
        // A server that does not answer in time: hits end by themselves when the lease does.
        auto const checked = co_await check_identity(on);
        (void)checked;
    }
}

// Closes the connection unless its server is still the one that everybody counts on.
task<store_error> node::check_identity(std::shared_ptr<link> on) {
    auto const began = std::chrono::steady_clock::now();
    auto checking = seat_ ? check_server(*on, *process_)
                          : heartbeat(*on, *process_, session_, carries_membership_);
    auto const checked = co_await std::move(checking);
    auto const outcome =
        checked ? store_error::ok : static_cast<store_error>(checked.error().value());
    meter_.count(store_command::heartbeat, outcome, std::chrono::steady_clock::now() - began);
    if (outcome == store_error::timeout) {
        co_return outcome;
    }
    // Another server behind the same connection, another role, or another connection of this
    // process has met a newer server: from here on this one's word does not count.
    if (on != link_ || !checked || checked->server != session_.last.server ||
        (!seat_ && process_->identities.present() != session_.last.server)) {
        on->close();
        co_return checked ? store_error::unreachable : outcome;
    }
    if (checked->sent_at > session_.last.sent_at) {
        session_.last = *checked;
    }
    if (on_alive) {
        on_alive();
    }
    co_return store_error::ok;
}

task<store_error> node::verify(time_point deadline) {
    auto const ready = co_await wait_connected(deadline, true);
    if (ready != store_error::ok) {
        co_return ready;
    }
    auto const checked = co_await check_identity(connected());
    co_return checked;
}

task<store_error> node::wait_connected(time_point deadline, bool insists) {
    while (!connected()) {
        auto const now = std::chrono::steady_clock::now();
        if (stopped_) {
            co_return store_error::unreachable;
        }
        if (now >= deadline || (resting_ && !insists)) {
            co_return resting_ ? last_error_ : store_error::timeout;
        }
        auto wake_at = deadline;
        if (resting_) {
            auto const again = last_attempt_ + insisting;
            if (again <= now) {
                rest_.cancel();  // the run loop dials now
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
    co_return store_error::ok;
}

task<asked> node::ask_once(command_writer const& write, time_point deadline, bool insists) {
    asked a;
    auto on = connected();
    if (!on) {
        a.error = co_await wait_connected(deadline, insists);
        if (a.error != store_error::ok) {
            co_return a;
        }
        on = connected();
    }
    auto const commands = write(on->commands(), session_);
    a.sent = true;
    auto [error, replies] = co_await on->ask(commands, deadline);
    a.error = error;
    a.replies = std::move(replies);
    a.by = by();
    co_return a;
}

answered_by node::by() const {
    auto const& last = session_.last;
    // The server's clock went on since it answered, and it answered after we had sent: counting
    // from the sending makes this an upper estimate.
    auto const since =
        std::chrono::ceil<std::chrono::milliseconds>(boot_clock::now() - last.sent_at);
    return {last.server,
            last.sent_at,
            last.server_time + since.count() + 1,
            process_->rules.is_quiet(boot_clock::now())};
}

std::optional<id128> node::server() const {
    return connected() ? std::optional(session_.last.server) : std::nullopt;
}

task<result<void>> node::reload_scripts() {
    auto const with = link_;
    auto const loaded = co_await load_scripts(*with, *process_, session_);
    co_return loaded;
}

void node::distrust() {
    if (link_) {
        link_->close();
    }
}

void node::follow() {
    auto* const directory = process_->dial.directory();
    if (directory == nullptr || directory->primary() == reached_) {
        return;
    }
    distrust();
    rest_.cancel();
}

void node::acknowledge(id128 round, id128 member) {
    spawn(ex_, "acknowledgement", send_ack(shared_from_this(), drop_ack{round, member}));
}

task<void> node::send_ack(std::shared_ptr<node> self, drop_ack to) {
    // `self` keeps this alive for as long as the coroutine runs.
    auto const on = connected();
    if (!on || stopped_) {
        co_return;
    }
    std::string payload;
    format_to(payload, drop_ack{to.round, process_->member});
    append_command(on->commands(),
                   std::string_view("PUBLISH"),
                   prefixed{names::acks, to.member.hex()},
                   std::string_view(payload));
    auto const until = std::chrono::steady_clock::now() + process_->settings.where.timeout;
    auto [error, replies] = co_await on->ask(1, until);
    if (error == store_error::ok) {
        on->recycle(std::move(replies));
    }
}

void node::set_ready(bool ready, connect_error const& why) {
    if (ready != ready_ && !seat_) {
        process_->count_up(ready ? 1 : -1);
    }
    bool const news = ready != ready_ || why.code != last_error_;
    ready_ = ready;
    greeted_ = greeted_ && ready;
    last_error_ = why.code;
    {
        std::scoped_lock const guard(status_mutex_);
        status_.up = ready;
        status_.last_error = why.text;
        if (ready) {
            status_.server = session_.identity.run_id;
            status_.warning = session_.warning;
        }
    }
    if (seat_) {
        seat_->changed();
    } else if (news && !stopped_) {
        auto const& description = process_->settings.where.description;
        if (ready) {
            log::info("store connected",
                      {{"store", description}, {"server", session_.identity.run_id}});
            if (!session_.warning.empty()) {
                log::warn(session_.warning, {{"store", description}});
            }
        } else {
            log::warn("store lost", {{"store", description}, {"error", why.text}});
        }
    }
    wake();
}

void node::wake() {
    for (auto* const w : waiting_) {
        w->cancel();
    }
}

store_status node::status() const {
    std::scoped_lock const guard(status_mutex_);
    auto s = status_;
    auto const now = boot_clock::now();
    s.quarantined = process_->is_quarantined(now) || process_->rules.is_quiet(now);
    s.standing = process_->members.describe(now);
    return s;
}

}  // namespace sidecache::store
