#include "proxy/server.hpp"

#include "config/dump.hpp"
#include "config/file_watch.hpp"
#include "proxy/admin/process_state.hpp"
#include "proxy/cache/event_channel.hpp"
#include "proxy/cache/mutation_watch.hpp"
#include "proxy/cache/process.hpp"
#include "proxy/identity/key_check.hpp"
#include "proxy/identity/verifier.hpp"
#include "proxy/process_limits.hpp"
#include "proxy/quiet_period.hpp"
#include "proxy/store/make_hub.hpp"
#include "proxy/store/tag_value.hpp"
#include "proxy/telemetry/access_log.hpp"
#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "proxy/telemetry/watch.hpp"
#include "proxy/worker.hpp"

#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace sidecache {

namespace {

/// A drain that has been cut ends within this, or the process leaves without it.
constexpr std::chrono::seconds last_patience{5};
/// Between two looks at files that may have changed: identity keys, the configuration.
constexpr std::chrono::seconds look_interval{1};

result<tcp::endpoint> endpoint_of(config::endpoint const& where) {
    error_code ec;
    auto const literal = asio::ip::make_address(where.host, ec);
    if (!ec) {
        return tcp::endpoint(literal, where.port);
    }
    asio::io_context context{1};
    asio::ip::basic_resolver<tcp, executor> names(context.get_executor());
    auto const found =
        names.resolve(where.host, std::to_string(where.port), asio::ip::resolver_base::passive, ec);
    if (ec) {
        return ec;
    }
    return found.begin()->endpoint();
}

class server {
public:
    server(std::string file, config::loaded const& first, std::size_t most_connections)
        : file_(std::move(file)),
          most_connections_(most_connections),
          config_(first.config),
          workers_wanted_(config_->workers != 0
                              ? config_->workers
                              : std::max(1U, std::thread::hardware_concurrency())),
          state_(file_, workers_wanted_),
          watches_(workers_wanted_),
          log_(telemetry::make_access_log(config_->log)),
          signals_(control_),
          watch_(file_, first.text) {
        note_loaded(first);
    }

    int run() {
        hub_ = store::make_hub(*config_, metrics_.process(), store::random_ids());
        announce();
        process_ = std::make_unique<cache::process>(metrics_.process());
        process_->join(*hub_, config_->near_cache.size != 0);
        parts_.emplace(process_->parts());
        auto const near_bytes = static_cast<std::size_t>(config_->near_cache.size);
        metrics_.process().near_limit_bytes = static_cast<std::int64_t>(near_bytes);
        if (near_bytes != 0) {
            metrics_.process().near_lease_holds = [&lease = hub_->near_lease()] {
                return lease.holds(boot_clock::now());
            };
        }
        process_share const share{metrics_,
                                  *log_,
                                  *hub_,
                                  *parts_,
                                  state_,
                                  identities_,
                                  connections_,
                                  most_connections_,
                                  process_->near_tags(),
                                  [this] { asio::post(control_, [this] { leave(); }); },
                                  watches_,
                                  near_bytes / workers_wanted_};
        for (unsigned i = 0; i < workers_wanted_; ++i) {
            workers_.push_back(std::make_unique<worker>(share, config_, i));
        }
        bool const listens = listen();
        if (!listens) {
            return 1;
        }
        workers_.front()->subscribe(
            [shared = process_.get()](std::string_view payload) { shared->on_message(payload); },
            [shared = process_.get()] { shared->on_lost(); });
        for (auto const& w : workers_) {
            w->start([this] { asio::post(control_, [this] { one_ended(); }); }).get();
        }
        state_.enter(admin::phase::ready);
        watch_signals();  // whoever reads the ports may send one
        watch_files();
        say_ports();
        control_.run();
        for (auto const& w : workers_) {
            w->join();
        }
        log::info("drained");
        log::flush();
        return 0;
    }

private:
    bool listen() {
        auto where = endpoint_of(config_->listen);
        for (auto const& w : workers_) {
            if (!where) {
                return cannot_listen(config_->listen, where.error());
            }
            auto const port = w->listen(*where, w == workers_.front());
            if (!port) {
                return cannot_listen(config_->listen, port.error());
            }
            where->port(*port);  // the first one's, when the file leaves it open
        }
        port_ = where->port();
        auto const admin = endpoint_of(config_->admin.listen);
        if (!admin) {
            return cannot_listen(config_->admin.listen, admin.error());
        }
        auto const port = workers_.front()->listen_admin(*admin);
        if (!port) {
            return cannot_listen(config_->admin.listen, port.error());
        }
        admin_port_ = *port;
        return true;
    }

    static bool cannot_listen(config::endpoint const& where, error_code why) {
        log::flush();
        std::fprintf(stderr,
                     "sidecache: cannot listen on %s: %s\n",
                     where.text().c_str(),
                     why.message().c_str());
        if (why == asio::error::address_in_use) {
            std::fprintf(stderr,
                         "  another process has this port; stop it, or set `listen` (and "
                         "`admin.listen`) to a free one\n");
        }
        return false;
    }

    void say_ports() const {
        auto admin = config_->admin.listen;
        admin.port = admin_port_;
        auto listen = config_->listen;
        listen.port = port_;
        std::printf("admin listening on %s\nlistening on %s\n",
                    admin.text().c_str(),
                    listen.text().c_str());
        std::fflush(stdout);
    }

    void watch_signals() {
        error_code ignored;
        for (int const number : {SIGHUP, SIGTERM, SIGINT}) {
            signals_.add(number, ignored);
        }
        next_signal();
    }

    void next_signal() {
        signals_.async_wait([this](error_code ec, int number) {
            if (ec) {
                return;
            }
            if (number != SIGHUP) {
                told_to_stop();
            } else if (state_.present() != admin::phase::draining) {
                reload();
            }
            next_signal();
        });
    }

    // Here and not on a worker: a file may lie on a disk that hangs.
    void watch_files() {
        look_at_files_.expires_after(look_interval);
        look_at_files_.async_wait([this](error_code ec) {
            if (!ec) {
                identities_.look_at_keys(metrics_.process());
                look_at_configuration();
                watch_files();
            }
        });
    }

    void look_at_configuration() {
        if (!config_->reload_on_change || state_.present() != admin::phase::ready) {
            return;
        }
        switch (watch_.look()) {
            case config::file_watch::change::none:
                return;
            case config::file_watch::change::changed:
                reload();
                return;
            case config::file_watch::change::unreadable:
                log::warn("the configuration cannot be read; what was read before goes on",
                          {{"file", file_}});
                return;
        }
    }

    void reload() {
        if (swapping_) {
            again_ = true;  // once the one under way has taken effect
            return;
        }
        auto next = config::load_file(file_);
        watch_.took(next.text);
        identity::check_keys(next, file_);
        if (!next.config) {
            std::vector<std::string> findings;
            for (auto const& f : next.findings) {
                findings.push_back(f.print());
                if (f.level == rules::severity::error) {
                    log::error("configuration refused, the one before goes on",
                               {{"finding", findings.back()}});
                }
            }
            state_.reload_refused(std::move(findings));
            ++metrics_.process().reloads_failed;
            metrics_.process().last_reload_ok = false;
            return;
        }
        warn_of_fixed_settings(*next.config);
        // One that waits is replaced: by the rules in effect at once, by others from the start, by
        // the same, with other settings, in its place.
        auto const fingerprint = next.config->rules->fingerprint();
        bool const waits_already = next_ && next_->config->rules->fingerprint() == fingerprint;
        next_ = std::move(next);
        state_.reload_waits(true);
        if (fingerprint == config_->rules->fingerprint()) {
            swap();
        } else if (!waits_already) {
            quiet_period_.begin(
                *hub_, process_->mutations(), config_, next_->config, [this] { swap(); });
        }
    }

    void swap() {
        if (!next_ || swapping_) {
            return;
        }
        swapping_ = true;
        quiet_period_.end();
        if (next_->config->rules->fingerprint() != config_->rules->fingerprint()) {
            hub_->forget_older();
        }
        config_ = next_->config;
        unswapped_ = workers_.size();
        for (auto const& w : workers_) {
            w->reload(config_, [this] { asio::post(control_, [this] { one_swapped(); }); });
        }
    }

    void one_swapped() {
        if (--unswapped_ != 0) {
            return;
        }
        swapping_ = false;
        announce();
        note_loaded(*next_);
        next_.reset();
        state_.reload_waits(false);
        ++metrics_.process().reloads_ok;
        log::info("configuration reloaded", {{"file", file_}});
        if (std::exchange(again_, false)) {
            reload();
        }
    }

    // What sockets and threads were made from is what they go on with.
    void warn_of_fixed_settings(config::model const& next) const {
        auto const fixed = [](std::string_view name) {
            log::warn("a changed setting takes effect only at the next start", {{"setting", name}});
        };
        if (next.listen.text() != config_->listen.text()) {
            fixed("listen");
        }
        if (next.admin.listen.text() != config_->admin.listen.text()) {
            fixed("admin.listen");
        }
        if (next.workers != config_->workers) {
            fixed("workers");
        }
        if (next.store.description != config_->store.description) {
            fixed("store.url");
        }
        if (next.events != config_->events) {
            fixed("events");
        }
        if (next.near_cache.size != config_->near_cache.size) {
            fixed("near_cache.size");
        }
    }

    void note_loaded(config::loaded const& what) {
        log::set_level(log::parse_level(config_->log.level));
        std::vector<std::string> warnings;
        for (auto const& f : what.findings) {
            warnings.push_back(f.print());
        }
        state_.loaded(std::move(warnings), config::dump(what));
        metrics_.process().last_reload_ok = true;
        metrics_.process().config_fingerprint =
            std::stoull(config_->rules->fingerprint(), nullptr, 16);
    }

    void announce() {
        hub_->announce(config_->rules->fingerprint(), rule_names(*config_->rules));
        hub_->count_keys([rules = config_->rules](std::string_view tag) {
            return rules->bounded_rules_under(tag);
        });
    }

    // SIGTERM or SIGINT. For drain_delay whoever still comes is served: load balancers learn of the
    // end only now. A second signal spares the rest of the delay, or else of the drain.
    void told_to_stop() {
        if (is_draining_) {
            log::warn("a second signal: breaking off what is in flight");
            for (auto const& w : workers_) {
                w->cut();
            }
            return;
        }
        bool const is_first = state_.present() != admin::phase::draining;
        auto const delay = config_->limits.drain_delay;
        if (!is_first || delay == delay.zero()) {
            drain();
            return;
        }
        leave();
        until_drain_.expires_after(delay);
        until_drain_.async_wait([this](error_code ec) {
            if (!ec && !is_draining_) {
                drain();
            }
        });
    }

    // Also without a signal (POST /drain): then SIGTERM, when it comes, finds nobody left to tell.
    void leave() {
        if (state_.present() != admin::phase::ready) {
            return;
        }
        log::info("leaving: not ready, each answer ends its connection");
        state_.enter(admin::phase::draining);
        for (auto const& w : workers_) {
            w->leave();
        }
    }

    void drain() {
        log::info("draining");
        is_draining_ = true;
        state_.enter(admin::phase::draining);
        until_drain_.cancel();
        // Nobody has to wait for this replica any more; its rules stay listed until it has served
        // its last request.
        hub_->leave_near();
        quiet_period_.end();
        draining_ = workers_.size();
        auto const limit = config_->limits.drain_timeout;
        for (auto const& w : workers_) {
            w->drain(limit, [this] { asio::post(control_, [this] { one_drained(); }); });
        }
        give_up_.expires_after(limit + last_patience);
        give_up_.async_wait([](error_code ec) {
            if (!ec) {
                // Something hangs that cannot be interrupted (a name look-up). All that could be
                // finished has been.
                log::error("the drain does not end; leaving");
                log::flush();
                std::_Exit(0);
            }
        });
    }

    void one_drained() {
        if (--draining_ != 0) {
            return;
        }
        if (boot_clock::now() < process_->mutations().marked_until()) {
            hub_->stay_listed();
        }
        // Every fill and every mutation has ended: the store is not needed any more.
        hub_->stop();
        for (auto const& w : workers_) {
            w->finish();
        }
    }

    void one_ended() {
        if (++ended_ != workers_.size()) {
            return;
        }
        error_code ignored;
        signals_.cancel(ignored);
        give_up_.cancel();
        look_at_files_.cancel();
    }

    std::string file_;
    std::size_t most_connections_;
    std::shared_ptr<config::model const> config_;
    unsigned workers_wanted_;
    telemetry::registry metrics_;
    admin::process_state state_;
    telemetry::watches watches_;
    std::unique_ptr<telemetry::access_log> log_;
    identity::verifiers identities_;
    std::atomic<std::size_t> connections_{0};
    // In this order: the workers' event loops are the last to go, after whatever has timers and
    // sockets on them.
    std::vector<std::unique_ptr<worker>> workers_;
    std::unique_ptr<store::store_hub> hub_;
    std::unique_ptr<cache::process> process_;
    std::optional<cache::process_parts> parts_;

    asio::io_context control_{1};
    asio::basic_signal_set<executor> signals_;
    steady_timer give_up_{control_.get_executor()};
    // A reload: loaded, announced, then swapped in.
    std::optional<config::loaded> next_;
    bool swapping_ = false;
    bool again_ = false;
    std::size_t unswapped_ = 0;
    quiet_period quiet_period_{control_.get_executor(), state_, metrics_.process()};
    steady_timer look_at_files_{control_.get_executor()};
    config::file_watch watch_;
    steady_timer until_drain_{control_.get_executor()};
    bool is_draining_ = false;
    std::size_t draining_ = 0;  // workers whose drain has not ended
    std::size_t ended_ = 0;
    std::uint16_t port_ = 0;
    std::uint16_t admin_port_ = 0;
};

}  // namespace

int serve(std::string const& file, config::loaded const& first) {
    std::signal(SIGPIPE, SIG_IGN);
    hide_memory();
    server s(file, first, raise_descriptor_limit(first.config->limits.max_connections));
    return s.run();
}

}  // namespace sidecache
