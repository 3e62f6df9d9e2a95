#include "proxy/store/cluster.hpp"

#include "proxy/store/backoff.hpp"
#include "proxy/store/member_renewal.hpp"
#include "proxy/store/redis_handshake.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"
#include "proxy/telemetry/log.hpp"
#include "rules/rule_set.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

// The nodes of a Cluster, and when they may be used. Asking them: cluster_ask.cpp.
namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

/// The slots are looked up again that often even where nothing seems amiss.
constexpr std::chrono::seconds look_every{5};
/// ... and that often at most, whatever is amiss.
constexpr std::chrono::milliseconds ask_every{20};

id128 label_of(std::vector<id128> const& servers) {
    std::string text;
    for (auto const& s : servers) {
        s.hex_to(text);
    }
    auto const h = XXH3_128bits(text.data(), text.size());
    return {h.high64, h.low64};
}

}  // namespace

generation as_told_by(id128 server, generation stored) {
    std::uint64_t const both[] = {server.high, server.low, stored.high, stored.low};
    auto const h = XXH3_128bits(both, sizeof both);
    return {h.high64, h.low64};
}

cluster::cluster(executor const& ex,
                 std::shared_ptr<redis_process> process,
                 metrics_source metrics,
                 bool carries)
    : ex_(ex),
      process_(std::move(process)),
      directory_(*process_->dial.cluster()),
      meter_(metrics),
      metrics_(std::move(metrics)),
      carries_(carries),
      home_slot_(key_slot(names::members)),
      breaker_(process_->settings.where.breaker_failures,
               process_->settings.where.breaker_open_for),
      rest_(ex),
      beat_rest_(ex) {
    status_.description = process_->settings.where.description;
    status_.last_error = trouble_;
}

void cluster::start() {
    directory_.on_change([weak = weak_from_this(), ex = ex_] {
        asio::post(ex, [weak] {
            if (auto const self = weak.lock()) {
                self->poke();
            }
        });
    });
    spawn(ex_, "cluster", run(shared_from_this()));
    if (carries_) {
        spawn(ex_, "cluster listing", beat(shared_from_this()));
    }
}

void cluster::stop() {
    if (stopped_) {
        return;
    }
    auto const at = home();
    if (!carries_ || !at || !at->connected() || !process_->announced() || process_->stays_listed) {
        abandon();
        return;
    }
    spawn(ex_, "cluster leave", depart(shared_from_this()));
}

task<void> cluster::depart(std::shared_ptr<cluster> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    stopped_ = true;
    beat_rest_.cancel();
    auto const at = home();
    auto const with = at ? at->connected() : nullptr;
    if (with) {
        co_await leave(*with, *process_);
    }
    abandon();
}

void cluster::abandon() {
    stopped_ = true;
    meter_ = meter({});
    metrics_ = nullptr;
    for (auto const& [at, n] : nodes_) {
        n->abandon();
    }
    if (std::exchange(is_up_, false)) {
        process_->count_up(-1);
    }
    if (std::exchange(breaker_open_, false)) {
        process_->count_open(-1);
    }
    rest_.cancel();
    beat_rest_.cancel();
    wake();
}

std::shared_ptr<node> cluster::node_at(config::endpoint const& at) {
    auto const text = at.text();
    if (auto const known = nodes_.find(text); known != nodes_.end()) {
        return known->second;
    }
    if (stopped_) {
        return nullptr;
    }
    cluster_seat seat{at, {}, {}};
    seat.changed = [weak = weak_from_this()] {
        if (auto const self = weak.lock()) {
            self->poke();
        }
    };
    seat.admits = [weak = weak_from_this()](id128 server) {
        auto const self = weak.lock();
        return self && self->label_ &&
               std::find(self->settled_.begin(), self->settled_.end(), server) !=
                   self->settled_.end();
    };
    auto made = std::make_shared<node>(ex_, process_, meter(metrics_), false, std::move(seat));
    made->on_alive = [weak = weak_from_this()] {
        if (auto const self = weak.lock()) {
            self->breaker_.shown_alive(std::chrono::steady_clock::now());
        }
    };
    nodes_.emplace(text, made);
    made->start();
    return made;
}

std::shared_ptr<node> cluster::owner_of(std::uint16_t slot) {
    auto const* const at = map_ ? map_->owner(slot) : nullptr;
    return at == nullptr ? nullptr : node_at(*at);
}

/// A connection to each owner, and to nobody else.
void cluster::follow_map() {
    map_ = directory_.present();
    if (!map_) {
        return;
    }
    auto const owners = map_->owners();
    for (auto n = nodes_.begin(); n != nodes_.end();) {
        bool const owns = std::any_of(
            owners.begin(), owners.end(), [&](auto const& at) { return at.text() == n->first; });
        if (owns) {
            ++n;
        } else {
            n->second->abandon();
            n = nodes_.erase(n);
        }
    }
    for (auto const& at : owners) {
        node_at(at);
    }
}

void cluster::poke() {
    has_news_ = true;
    rest_.cancel();
}

void cluster::wake() {
    for (auto* const w : waiting_) {
        w->cancel();
    }
}

bool cluster::is_whole() const {
    return label_ && !nodes_.empty() &&
           std::all_of(nodes_.begin(), nodes_.end(), [](auto const& n) {
               return n.second->connected() != nullptr;
           });
}

task<void> cluster::run(std::shared_ptr<cluster> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    backoff pause;
    while (!stopped_) {
        has_news_ = false;
        last_look_ = std::chrono::steady_clock::now();
        bool const fine = co_await look();
        if (stopped_) {
            break;
        }
        show();
        wake();
        if (fine) {
            pause.reset();
        } else {
            wants_map_ = true;
        }
        if (!has_news_) {
            std::chrono::milliseconds const rest =
                fine ? std::chrono::milliseconds(look_every)
                     : std::min(pause.next(process_->ids.next().low),
                                std::chrono::milliseconds(100));
            rest_.expires_after(rest);
            auto [ec] = co_await rest_.async_wait(as_tuple);
            wants_map_ = wants_map_ || (!ec && carries_);
        }
    }
}

// Whose slots are whose, connections to all of them, and what they are together.
task<bool> cluster::look() {
    if (!map_ || wants_map_) {
        wants_map_ = false;
        // What many operations complain of at once is one question.
        auto const since = std::chrono::steady_clock::now() - map_asked_;
        if (since < ask_every) {
            co_await rest(std::chrono::ceil<std::chrono::milliseconds>(ask_every - since));
        }
        map_asked_ = std::chrono::steady_clock::now();
        auto const told = co_await directory_.ask(ex_);
        if (stopped_) {
            co_return false;
        }
        if (!told) {
            trouble_ = told.error().text;
            if (!directory_.present()) {
                failed_ = true;
                co_return false;
            }
        }
    }
    follow_map();
    bool const is_settled = co_await settle();
    co_return is_settled&& is_whole();
}

// A node that answers as somebody else than before, or owns slots for the first time, makes another
// Cluster of it. Nobody is admitted before what follows from that stands in the store.
task<bool> cluster::settle() {
    std::vector<id128> servers;
    for (auto const& [at, n] : nodes_) {
        auto const server = n->last_server();
        if (!server) {
            trouble_ = at + ": " + n->status().last_error;
            failed_ = n->is_resting();  // else its first answer is still to come
            co_return false;
        }
        servers.push_back(*server);
    }
    std::sort(servers.begin(), servers.end());
    servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
    auto const at = home();
    auto const with = at ? at->greeted() : nullptr;
    if (servers.empty() || !at) {
        trouble_ = "nobody in the Cluster has the slot of the members";
        failed_ = true;
        co_return false;
    }
    auto const label = label_of(servers);
    if (label == label_ && at->last_server() == home_at_) {
        co_return true;
    }
    if (!with) {
        failed_ = at->is_resting();
        trouble_ = at->reached().text() + ": " + at->status().last_error;
        co_return false;
    }
    auto const here = at->present();
    auto const placed = co_await take_place(*with, *process_, here, label, carries_);
    if (stopped_) {
        co_return false;
    }
    if (!placed) {
        trouble_ = at->reached().text() + ": " + placed.error().text;
        wants_map_ = true;  // MOVED, as a rule
        failed_ = true;
        co_return false;
    }
    failed_ = false;
    label_ = label;
    settled_ = std::move(servers);
    home_at_ = here.last.server;
    for (auto const& [address, n] : nodes_) {
        n->look_again();
    }
    co_await forget_old_entries();
    co_return true;
}

// As at a single server (redis_handshake.cpp), but wherever the tags lie. Tried again with the next
// renewal.
task<void> cluster::forget_old_entries() {
    auto const rules = process_->announced();
    if (!rules || !process_->rules.has_to_forget()) {
        co_return;
    }
    auto const all = std::make_shared<cluster_batch>();
    auto const mutation = process_->ids.next();
    for (auto const& name : rules->rule_names) {
        auto const key = std::string(names::tag) + std::string(rules::rule_set::rule_tag(name));
        all->add_script(script::tag_end,
                        key,
                        process_->ids.next(),
                        forgotten_tags_live,
                        mutation,
                        "b"sv,
                        std::chrono::milliseconds(0));
    }
    bool done = all->size() == 0;
    if (!done) {
        call_plan const plan{telemetry::store_command::heartbeat, true, true};
        auto const a = co_await attempt_all(plan, all);
        done = a.error == store_error::ok;
        for (std::size_t i = 0; done && i < all->size(); ++i) {
            done = !a[i].is_error();
        }
    }
    if (done) {
        process_->rules.forgotten();
    }
}

// Renewals of the listing, on the worker that carries the lease.
task<void> cluster::beat(std::shared_ptr<cluster> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    while (!stopped_) {
        beat_rest_.expires_after(process_->settings.heartbeat());
        auto [ec] = co_await beat_rest_.async_wait(as_tuple);
        (void)ec;
        auto const at = stopped_ || !label_ ? nullptr : home();
        auto const with = at ? at->connected() : nullptr;
        if (!with || at->last_server() != home_at_) {
            continue;
        }
        auto const here = at->present();
        auto const label = *label_;
        auto const renewed = co_await renew_place(*with, *process_, here, label);
        if (stopped_) {
            break;
        }
        if (!renewed && renewed.error() != make_error_code(store_error::timeout)) {
            // Home is elsewhere now, or this member has to be listed anew.
            home_at_.reset();
            wants_map_ = true;
            poke();
            continue;
        }
        co_await forget_old_entries();
    }
}

task<store_error> cluster::verify() {
    auto const until = std::chrono::steady_clock::now() + process_->settings.where.timeout;
    auto const ready = co_await wait_settled(until, true);
    if (ready != store_error::ok) {
        co_return ready;
    }
    auto const all = nodes_;
    for (auto const& [at, n] : all) {
        auto const known = co_await n->verify(until);
        if (known != store_error::ok) {
            co_return known;
        }
    }
    co_return store_error::ok;
}

void cluster::acknowledge(id128 round, id128 member) {
    spawn(ex_, "acknowledgement", send_ack(shared_from_this(), drop_ack{round, member}));
}

task<void> cluster::send_ack(std::shared_ptr<cluster> self, drop_ack to) {
    // `self` keeps this alive for as long as the coroutine runs.
    if (auto const at = home(); at && !stopped_) {
        at->acknowledge(to.round, to.member);
    }
    co_return;
}

void cluster::show() {
    bool const up = is_whole();
    bool const news = up != is_up_;
    if (news) {
        is_up_ = up;
        process_->count_up(up ? 1 : -1);
    }
    std::string warning;
    std::string versions;
    std::string broken;
    for (auto const& [at, n] : nodes_) {
        auto const s = n->status();
        if (!s.up) {
            broken += (broken.empty() ? "" : "; ") + at + ": " + s.last_error;
        }
        if (!s.warning.empty()) {
            warning = at + ": " + s.warning;
        }
    }
    {
        std::scoped_lock const guard(status_mutex_);
        status_.up = up;
        status_.last_error = up ? std::string() : label_ && !broken.empty() ? broken : trouble_;
        status_.server = std::to_string(nodes_.size()) + " primaries";
        status_.warning = warning;
    }
    if (!news || stopped_) {
        return;
    }
    auto const& description = process_->settings.where.description;
    if (up) {
        log::info("store connected", {{"store", description}, {"primaries", nodes_.size()}});
        if (!warning.empty()) {
            log::warn(warning, {{"store", description}});
        }
    } else {
        log::warn("store lost", {{"store", description}, {"error", status_.last_error}});
    }
}

store_status cluster::status() const {
    std::scoped_lock const guard(status_mutex_);
    auto s = status_;
    auto const now = boot_clock::now();
    s.quarantined = process_->is_quarantined(now) || process_->rules.is_quiet(now);
    s.standing = process_->members.describe(now);
    return s;
}

}  // namespace sidecache::store
