#include "proxy/cache/process.hpp"

#include "proxy/cache/event_channel.hpp"
#include "proxy/cache/fill_table.hpp"
#include "proxy/cache/near_tags.hpp"
#include "proxy/cache/pending_purges.hpp"
#include "proxy/cache/replicas.hpp"
#include "proxy/cache/upstream_gate.hpp"
#include "proxy/store/tag_value.hpp"

namespace sidecache::cache {

process::process(telemetry::process_metrics& metrics)
    : metrics_(metrics),
      fills_(std::make_unique<fill_table>()),
      pending_(std::make_unique<pending_purges>(metrics)),
      events_(std::make_unique<event_channel>()),
      near_tags_(std::make_unique<cache::near_tags>()),
      replicas_(std::make_unique<own_near_cache_only>(*near_tags_)),
      gate_(std::make_unique<upstream_gate>()) {}

process::~process() = default;

process_parts process::parts() {
    return process_parts{
        *fills_, *pending_, *events_, *replicas_, *gate_, metrics_, store::random_ids()};
}

}  // namespace sidecache::cache
