#pragma once

#include "config/load.hpp"
#include "proxy/async/scope.hpp"
#include "proxy/cache/mutate.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/process.hpp"
#include "proxy/cache/replicas.hpp"
#include "proxy/telemetry/access_log.hpp"
#include "tests/support/fake_downstream.hpp"
#include "tests/support/fake_upstream.hpp"
#include "tests/support/scripted_store.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// One worker around the shell of mutations: a store and an upstream that follow a script, and
/// near caches elsewhere whose messages stand among the store's calls ("told product:42*").
namespace sidecache::cache::test {

using namespace sidecache::test;

inline std::shared_ptr<config::model const> configured(std::string const& yaml) {
    auto const loaded = config::load_text(
        yaml, "test.yaml", [](std::string_view) { return std::optional<std::string>(); });
    for (auto const& f : loaded.findings) {
        if (f.level == rules::severity::error) {
            throw std::runtime_error(f.print());
        }
    }
    return loaded.config;
}

class told_replicas final : public replicas {
public:
    explicit told_replicas(std::vector<std::string>& calls) : calls_(calls) {}
    task<bool> publish_and_wait(worker_parts const&,
                                std::span<std::string_view const> tags) override {
        std::string line = "told";
        for (auto const tag : tags) {
            line.append(" ").append(tag);
        }
        calls_.push_back(std::move(line));
        co_return hears;
    }
    /// False: the store does not take the message.
    bool hears = true;

private:
    std::vector<std::string>& calls_;
};

class no_log final : public telemetry::access_log {
public:
    bool wants(bool) const override { return false; }
    void write(telemetry::access_record const&) override {}
};

constexpr auto one_purge = R"(
rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m}
purges:
  - {name: product-changed, on: ["PUT /products/{id}", "DELETE /products/{id}"], patterns: ["product:{id}*"]}
)";

struct bench {
    explicit bench(std::string const& yaml = one_purge) : bench(configured(yaml)) {}
    explicit bench(std::shared_ptr<config::model const> config)
        : current(std::make_shared<snapshot const>(
              snapshot{config,
                       std::make_shared<telemetry::worker_metrics>(
                           config->rules->rules().size(), config->rules->purges().size())})) {}
    ~bench() {
        background.cancel();
        context.restart();
        context.poll();
    }

    asio::io_context context{1};
    std::shared_ptr<snapshot const> current;
    scripted_store store{context.get_executor()};
    fake_upstream upstream{context.get_executor()};
    telemetry::process_metrics metrics;
    class process shared{metrics};
    process_parts own = shared.parts();
    told_replicas near{store.calls};
    counting_ids ids;
    process_parts process{own.fills,
                          own.pending,
                          own.events,
                          near,
                          own.gate,
                          own.background_fills,
                          own.metrics,
                          ids,
                          own.mutations};
    no_log log;
    scope background{context.get_executor()};
    scope sessions{context.get_executor()};
    worker_parts parts{context.get_executor(), store, upstream, process, current, log, background};
    mutation_report report;

    pending_purges& pending() { return own.pending; }

    /// Begins a mutation and runs until everything waits for something.
    void begin(fake_downstream& client) {
        sessions.spawn("session", mutate(parts, current, client, nullptr, report));
        run_ready();
    }
    void run_ready() {
        context.restart();
        context.poll();
    }
    /// Runs until nothing is left to do but what waits for ever.
    template <class Condition>
    void run_until(Condition const& done) {
        context.restart();
        while (!done() && context.run_one() != 0) {
        }
        REQUIRE(done());
    }
    void mutate_whole(fake_downstream& client) {
        begin(client);
        run_until([&] { return sessions.empty(); });
        run_ready();
    }
    std::uint64_t phase(telemetry::purge_phase p, std::size_t purge = 0) const {
        return current->metrics->purges[purge].phases[static_cast<std::size_t>(p)].value();
    }
};

}  // namespace sidecache::cache::test
