#include "proxy/admin/kept_purge.hpp"

#include "config/load.hpp"
#include "proxy/cache/parts.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/process.hpp"
#include "proxy/cache/purge_now.hpp"
#include "proxy/telemetry/access_log.hpp"
#include "tests/support/fake_upstream.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/scripted_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

using namespace sidecache;

namespace {

std::shared_ptr<config::model const> load() {
    auto const loaded = config::load_text(R"(
rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m}
purges:
  - {name: changed, on: "PUT /products/{id}", patterns: ["product:{id}*"]}
)",
                                          "products.yaml",
                                          [](std::string_view) { return std::nullopt; });
    REQUIRE(loaded.config);
    return loaded.config;
}

/// One worker with a scripted store.
struct worker {
    asio::io_context context{1};
    std::shared_ptr<config::model const> config = load();
    telemetry::registry metrics;
    cache::process shared{metrics.process()};
    cache::process_parts process = shared.parts();
    std::shared_ptr<cache::snapshot const> current = std::make_shared<cache::snapshot const>(
        cache::snapshot{config, metrics.make_worker({"product"}, {"changed"})});
    test::scripted_store store{context.get_executor()};
    test::fake_upstream upstream{context.get_executor()};
    std::unique_ptr<telemetry::access_log> log =
        telemetry::make_access_log({}, [](std::string_view) {});
    scope background{context.get_executor()};
    cache::worker_parts parts{
        context.get_executor(), store, upstream, process, current, *log, background};

    long pending() const { return metrics_of().purges_pending.load(); }
    telemetry::process_metrics const& metrics_of() const { return process.metrics; }
};

}  // namespace

TEST_CASE("a purge by hand bumps its tags and owes nothing") {
    worker w;
    auto const done = test::run_task(w.context, admin::purge_or_owe(w.parts, {"product:1*"}));
    REQUIRE(done.has_value());
    CHECK(done->tags == 1);
    CHECK(w.store.count("begin") == 1);
    CHECK(w.store.count("end") == 1);
    CHECK(w.pending() == 0);
}

TEST_CASE("a purge by hand that the store has not had is owed, and made once it answers") {
    worker w;
    w.store.on_begin.then_fail(store::store_error::unreachable);
    w.store.on_begin.then_fail(store::store_error::unreachable);  // the first try of the replay
    auto const done = test::run_task(w.context, admin::purge_or_owe(w.parts, {"product:1*"}));
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error() == make_error_code(store::store_error::unreachable));

    // Until then this replica serves nothing under it.
    CHECK(w.pending() == 1);
    rules::tag_list tags;
    tags.add("product:1*");
    CHECK(w.process.pending.covers(tags));

    test::run_task(w.context, w.background.join());
    CHECK(w.pending() == 0);
    CHECK_FALSE(w.process.pending.covers(tags));
    CHECK(w.store.count("end") == 1);
    CHECK(std::ranges::count_if(w.store.calls, [](std::string const& call) {
              return call.find("b product:1*") != std::string::npos;
          }) == 1);
}
