#include "proxy/worker.hpp"

#include "proxy/admin/admin.hpp"
#include "proxy/admin/observer.hpp"
#include "proxy/cache/event_consumer.hpp"
#include "proxy/cache/near_cache.hpp"
#include "proxy/cache/warmer.hpp"
#include "proxy/identity/verifier.hpp"
#include "proxy/store/event_stream.hpp"
#include "proxy/telemetry/access_log.hpp"
#include "proxy/telemetry/watch.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace sidecache {

namespace {

using work_guard = asio::executor_work_guard<executor>;

std::vector<std::string> names_of_rules(rules::rule_set const& rules) {
    std::vector<std::string> names;
    for (auto const& r : rules.rules()) {
        names.push_back(r.definition.name.value);
    }
    return names;
}

std::vector<std::string> names_of_purges(rules::rule_set const& rules) {
    std::vector<std::string> names;
    for (auto const& p : rules.purges()) {
        names.push_back(p.definition.name.value);
    }
    return names;
}

}  // namespace

/// Built on the worker's thread and gone when that ends, in this order.
struct worker::serving {
    explicit serving(worker& owner)
        : started_with(owner.current_->config),
          ex(owner.context_.get_executor()),
          keep_running(asio::make_work_guard(owner.context_)),
          sweep(ex),
          housekeeping(ex),
          background(ex),
          upstream(ex, sweep, owner.current_->config->upstream),
          store(owner.share_.hub.make_store(
              owner.context_,
              [&owner]() -> telemetry::worker_metrics& { return *owner.current_->metrics; })),
          near(owner.share_.near_bytes == 0
                   ? nullptr
                   : std::make_unique<cache::near_cache>(owner.share_.near_bytes,
                                                         owner.share_.near_tags,
                                                         owner.share_.hub.near_lease(),
                                                         owner.share_.metrics.process())),
          parts{ex,
                *store,
                upstream,
                owner.share_.parts,
                owner.current_,
                owner.share_.log,
                background,
                near.get(),
                &owner.share_.watches.of_worker(owner.index_)},
          requests(cache::make_handler(parts)),
          clients(std::move(*owner.acceptor_),
                  {ex, sweep, owner.limits_, *requests},
                  owner.share_.connections) {
        if (owner.admin_acceptor_) {
            seen.emplace(owner.share_.metrics, [&owner] { return owner.current_->config; });
            warmer.emplace(parts);
            admin_requests = admin::make_admin_handler(parts,
                                                       owner.share_.metrics,
                                                       owner.share_.state,
                                                       owner.share_.watches,
                                                       seen->past(),
                                                       owner.share_.leave,
                                                       *warmer);
            admin.emplace(std::move(*owner.admin_acceptor_),
                          http::session_context{ex, sweep, owner.limits_, *admin_requests},
                          admin_connections);
            if (started_with->events) {
                listen_to_events(owner.share_);
            }
        }
        sweep.on_tick = [this] {
            upstream.tick();
            clients.tick();
            if (admin) {
                admin->tick();
                seen->tick(boot_clock::now());
            }
        };
    }

    // One worker of each process reads the stream.
    void listen_to_events(process_share& share) {
        auto& metrics = share.metrics.process();
        metrics.has_events = true;
        consumer.emplace(parts, started_with->events->max_message);
        events.emplace(ex,
                       started_with->store,
                       *started_with->events,
                       share.hub.member(),
                       metrics,
                       [this](std::vector<store::stream_message> const& batch) {
                           return consumer->take(batch);
                       });
    }

    // Outlasts reloads: what sockets were made from is what they go on with.
    std::shared_ptr<config::model const> started_with;
    executor ex;
    work_guard keep_running;
    sweeper sweep;
    scope housekeeping;
    scope background;
    upstream::pool upstream;
    std::unique_ptr<store::store> store;
    std::unique_ptr<cache::near_cache> near;
    cache::worker_parts parts;
    std::shared_ptr<http::handler> requests;
    http::listener clients;
    // The admin port takes no place away from clients, nor they from it.
    std::atomic<std::size_t> admin_connections{0};
    std::optional<admin::observer> seen;
    std::shared_ptr<http::handler> admin_requests;
    std::optional<http::listener> admin;
    std::optional<cache::warmer> warmer;
    std::optional<cache::event_consumer> consumer;
    std::optional<store::event_stream> events;
};

worker::worker(process_share share, std::shared_ptr<config::model const> config, std::size_t index)
    : share_(share), index_(index), current_(make_snapshot(config)), limits_(limits_of(*config)) {}

worker::~worker() = default;

std::shared_ptr<cache::snapshot const> worker::make_snapshot(
    std::shared_ptr<config::model const> config) {
    auto made = std::make_shared<cache::snapshot>();
    made->metrics =
        share_.metrics.make_worker(names_of_rules(*config->rules), names_of_purges(*config->rules));
    made->identities = share_.identities.of(config->identity);
    made->config = std::move(config);
    made->number = ++snapshots_;
    return made;
}

config::limits worker::limits_of(config::model const& config) const {
    auto limits = config.limits;
    limits.max_connections =
        std::min<decltype(limits.max_connections)>(limits.max_connections, share_.most_connections);
    return limits;
}

result<std::uint16_t> worker::listen(tcp::endpoint const& at, bool first) {
    auto made = http::listen_on(context_.get_executor(), at, first);
    if (!made) {
        return made.error();
    }
    acceptor_.emplace(std::move(*made));
    return acceptor_->local_endpoint().port();
}

result<std::uint16_t> worker::listen_admin(tcp::endpoint const& at) {
    auto made = http::listen_on(context_.get_executor(), at, true);
    if (!made) {
        return made.error();
    }
    admin_acceptor_.emplace(std::move(*made));
    return admin_acceptor_->local_endpoint().port();
}

void worker::subscribe(store::event_sink sink, std::function<void()> lost) {
    sink_ = std::move(sink);
    lost_ = std::move(lost);
}

std::future<void> worker::start(std::function<void()> ended) {
    std::promise<void> serves;
    auto ready = serves.get_future();
    thread_ = std::thread([this](std::promise<void> p,
                                 std::function<void()> const& last) { run(std::move(p), last); },
                          std::move(serves),
                          std::move(ended));
    return ready;
}

void worker::run(std::promise<void> serves, std::function<void()> const& ended) {
    serving_ = std::make_unique<serving>(*this);
    if (sink_) {
        share_.hub.subscribe(context_, std::move(sink_), std::move(lost_));
    }
    serving_->housekeeping.spawn("sweeper", serving_->sweep.run());
    serving_->clients.sessions().spawn("listener", serving_->clients.run());
    if (serving_->admin) {
        serving_->admin->sessions().spawn("admin listener", serving_->admin->run());
    }
    if (serving_->events) {
        serving_->background.spawn("events", serving_->events->run());
    }
    auto const& warm = serving_->started_with->warm;
    if (serving_->warmer && warm && warm->at_start && !warm->paths.empty()) {
        serving_->warmer->start(warm->paths);
    }
    asio::post(context_, [&serves] { serves.set_value(); });
    context_.run();
    serving_.reset();
    ended();
}

void worker::reload(std::shared_ptr<config::model const> config, std::function<void()> done) {
    auto next = make_snapshot(std::move(config));
    asio::post(context_, [this, next = std::move(next), done = std::move(done)]() mutable {
        current_ = std::move(next);
        limits_ = limits_of(*current_->config);
        serving_->upstream.configure(current_->config->upstream);
        done();
    });
}

void worker::leave() {
    asio::post(context_, [this] { serving_->clients.leave(); });
}

void worker::drain(std::chrono::milliseconds limit, std::function<void()> done) {
    asio::post(context_, [this, limit, done = std::move(done)]() mutable {
        serving_->housekeeping.spawn("drain", drain_all(limit, std::move(done)));
    });
}

task<void> worker::drain_all(std::chrono::milliseconds limit, std::function<void()> done) {
    deadline patience(serving_->sweep, [this] { cut(); });
    patience.arm(limit);
    if (serving_->warmer) {
        serving_->warmer->stop();
    }
    if (serving_->events) {
        serving_->events->stop();
    }
    serving_->clients.drain();
    co_await serving_->clients.join();
    co_await serving_->background.join();
    done();
}

void worker::cut() {
    asio::post(context_, [this] {
        serving_->clients.abort();
        serving_->upstream.abort();
        serving_->background.cancel();
    });
}

void worker::finish() {
    asio::post(context_, [this] { serving_->housekeeping.spawn("end", end_all()); });
}

task<void> worker::end_all() {
    if (serving_->admin) {
        serving_->admin->drain();
        serving_->admin->abort();
        co_await serving_->admin->join();
        // A purge that could not be carried out goes on in the background, for which there is no
        // store any longer.
        serving_->background.cancel();
        co_await serving_->background.join();
    }
    serving_->upstream.abort();
    co_await serving_->upstream.join();
    serving_->sweep.stop();
    serving_->keep_running.reset();
}

}  // namespace sidecache
