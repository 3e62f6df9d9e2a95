#pragma once

#include "config/model.hpp"
#include "proxy/async/scope.hpp"
#include "proxy/cache/near_cache.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/process.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/store/memory_store.hpp"
#include "proxy/telemetry/access_log.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "tests/support/fake_downstream.hpp"
#include "tests/support/stepped_store.hpp"
#include "tests/support/stepped_upstream.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecache::test {

/// Rules without a partition, so that every client shares; `locked` fills behind a lock.
inline constexpr char const* fill_rules = R"(
upstream: {url: "http://127.0.0.1:3000"}
store: {url: "memory://"}
rules:
  - name: details
    match: GET /products/{id}
    key: product:{id}:details
    ttl: 10m
    partition: none
    max_object: 1KiB
  - name: locked
    match: GET /locked/{id}
    key: locked:{id}
    ttl: 10m
    partition: none
    lock: {key: "locked:{id}:lock", ttl: 30s, wait: 5s}
  - name: narrow
    match: GET /narrow/{id}
    key: narrow:{id}
    ttl: 10m
    partition: none
    max_upstream: 1
purges:
  - name: changed
    on: PUT /products/{id}
    patterns: ["product:{id}*"]
  - name: locked-changed
    on: PUT /locked/{id}
    patterns: ["locked:{id}*"]
  - name: narrow-changed
    on: PUT /narrow/{id}
    patterns: ["narrow:{id}*"]
)";

/// One GET (or HEAD) under way, with what its client has got so far.
struct call {
    explicit call(std::string const& text) : client(text) {}
    fake_downstream client;
    bool done = false;
    std::string cache_status() const;
    /// A field of the answer, however it was sent.
    std::string field(std::string_view name) const;
};

/// Replicas of the proxy on one thread: the real handler, tables, gate and locks over one real
/// store (`memory://`) with doors, each before an upstream that answers when the test says so.
/// Nothing moves but inside `get`, `settle` and `until`: a test is an interleaving, line by line.
class fill_world {
public:
    /// `near_bytes`: each replica has a near cache of that size; 0: none.
    explicit fill_world(std::size_t replicas = 1,
                        std::string const& yaml = fill_rules,
                        std::size_t near_bytes = 0);
    fill_world(fill_world const&) = delete;
    fill_world& operator=(fill_world const&) = delete;
    ~fill_world();

    struct replica {
        replica(fill_world& world, std::size_t near_bytes);
        telemetry::process_metrics process_metrics;
        cache::process process;
        stepped_store store;
        stepped_upstream upstream;
        scope background;
        std::unique_ptr<cache::near_cache> near;
        std::shared_ptr<cache::snapshot const> current;
        cache::process_parts shared;
        cache::worker_parts parts;
        std::shared_ptr<http::handler> handler;
        telemetry::rule_metrics& metrics(std::string_view rule) const;
        std::uint64_t count(std::string_view rule, telemetry::request_result r) const;
        /// What a mutation's message makes of the near caches.
        void drop(std::string_view tag);
        /// The next requests begin under another configuration with the same rules.
        void reload();
    };

    replica& operator[](std::size_t i) { return *replicas_.at(i); }
    stepped_store& store() { return replicas_[0]->store; }
    stepped_upstream& upstream() { return replicas_[0]->upstream; }

    /// Starts a request and lets everything run as far as it can.
    std::shared_ptr<call> get(std::string_view target,
                              std::size_t replica = 0,
                              std::string_view fields = {},
                              std::string_view method = "GET");
    /// As `get`, but nothing runs yet: for crowds.
    std::shared_ptr<call> begin_get(std::string_view target,
                                    std::size_t replica = 0,
                                    std::string_view fields = {},
                                    std::string_view method = "GET");
    /// Lets everything run as far as it can without an answer, an opened door, or time.
    void settle();
    /// Lets time pass until it holds; false after ten seconds.
    bool until(std::function<bool()> const& holds);

    /// A mutation by somebody else, as the store sees it (protocol.md section 3).
    store::mutation_id begin(std::string_view tag,
                             store::mark_kind kind = store::mark_kind::marker,
                             std::chrono::milliseconds life = std::chrono::seconds(35));
    void end(store::mutation_id id, std::string_view tag, store::end_action action);
    /// begin, commit, end: generations have changed when it returns.
    void purge(std::string_view tag);

    asio::io_context context{1};
    config::model const& config() const { return *config_; }
    store::memory_hub& hub() { return hub_; }
    /// The store's clock is that much ahead of the system's.
    std::chrono::milliseconds store_clock_ahead{0};

private:
    template <class T>
    T run(task<T> work);

    std::shared_ptr<config::model const> config_;
    store::memory_hub hub_;
    std::unique_ptr<store::store> outside_;
    std::vector<std::unique_ptr<replica>> replicas_;
    std::vector<std::shared_ptr<call>> calls_;
};

}  // namespace sidecache::test
