#include "proxy/cache/process.hpp"

#include "proxy/cache/background_book.hpp"
#include "proxy/cache/event_channel.hpp"
#include "proxy/cache/fill_table.hpp"
#include "proxy/cache/mutation_watch.hpp"
#include "proxy/cache/near_replicas.hpp"
#include "proxy/cache/near_tags.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/replicas.hpp"
#include "proxy/cache/upstream_gate.hpp"
#include "proxy/store/tag_value.hpp"

#include <utility>

namespace sidecache::cache {

process::process(telemetry::process_metrics& metrics)
    : metrics_(metrics),
      fills_(std::make_unique<fill_table>()),
      pending_(std::make_unique<pending_purges>(metrics)),
      events_(std::make_unique<event_channel>()),
      near_tags_(std::make_unique<cache::near_tags>()),
      replicas_(std::make_unique<own_near_cache_only>(*near_tags_)),
      gate_(std::make_unique<upstream_gate>()),
      background_fills_(std::make_unique<background_book>()),
      mutations_(std::make_unique<mutation_watch>()) {}

process::~process() = default;

void process::join(store::store_hub& hub, bool has_near_cache) {
    auto joined = std::make_unique<near_replicas>(*near_tags_, hub, store::random_ids(), *events_);
    joined_ = joined.get();
    replicas_ = std::move(joined);
    if (has_near_cache) {
        hub.serve_near([tags = near_tags_.get()] { tags->clear(); });
    }
}

void process::on_message(std::string_view payload) {
    joined_->on_message(payload);
}

void process::on_lost() {
    events_->lost();
}

process_parts process::parts() {
    return process_parts{*fills_,
                         *pending_,
                         *events_,
                         *replicas_,
                         *gate_,
                         *background_fills_,
                         metrics_,
                         store::random_ids(),
                         *mutations_};
}

}  // namespace sidecache::cache
