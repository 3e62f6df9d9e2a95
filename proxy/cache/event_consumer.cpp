#include "proxy/cache/event_consumer.hpp"

#include "proxy/cache/event_message.hpp"
#include "proxy/cache/purge_now.hpp"
#include "proxy/telemetry/log.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "proxy/telemetry/watch.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

namespace sidecache::cache {

namespace {

using telemetry::event_outcome;

constexpr std::chrono::minutes say_again{1};

/// What the status page shows of a batch.
telemetry::mutation_record seen_as(std::string const& stream,
                                   std::size_t messages,
                                   std::vector<std::string> const& tags) {
    telemetry::mutation_record record;
    record.at = system_now_ms();
    record.method = "XADD";
    record.path = stream;
    record.purges = "by event";
    if (messages != 1) {
        record.purges = "by " + std::to_string(messages) + " events";
    }
    record.tags = tags;
    return record;
}

}  // namespace

task<bool> event_consumer::take(std::vector<store::stream_message> const& batch) {
    auto const config = parts_.current->config;
    auto& metrics = parts_.process.metrics;
    auto const count = [&](event_outcome how, std::uint64_t n) {
        auto& counter = metrics.events[static_cast<std::size_t>(how)];
        counter.fetch_add(n, std::memory_order_relaxed);
    };
    std::vector<std::string> tags;
    std::uint64_t applied = 0;
    std::uint64_t unmatched = 0;
    std::uint64_t malformed = 0;
    std::uint64_t lost = 0;
    for (auto const& message : batch) {
        if (message.is_gone) {
            ++lost;
            continue;
        }
        auto read = read_event(*config->rules, message, most_bytes_);
        if (auto const* const wrong = std::get_if<std::string>(&read)) {
            ++malformed;
            auto const now = boot_clock::now();
            if (!has_said_ || now - said_at_ >= say_again) {
                has_said_ = true;
                said_at_ = now;
                log::warn("an event cannot be understood, and is passed over",
                          {{"id", message.id}, {"why", *wrong}});
            }
            continue;
        }
        auto& scope = std::get<event_scope>(read);
        ++(scope.is_unmatched ? unmatched : applied);
        std::move(scope.tags.begin(), scope.tags.end(), std::back_inserter(tags));
    }
    if (lost != 0) {
        log::warn("events were trimmed before they were read: everything is invalidated",
                  {{"events", lost}});
        for (auto const& rule : config->rules->rules()) {
            tags.push_back(rules::rule_set::rule_tag(rule.definition.name.value));
        }
    }
    std::sort(tags.begin(), tags.end());
    tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
    if (!tags.empty()) {
        auto const stream = config->events ? config->events->stream : std::string();
        auto record = seen_as(stream, batch.size(), tags);
        auto const began = boot_clock::now();
        auto const done = co_await purge_tags(parts_, std::move(tags));
        record.took = boot_clock::now() - began;
        record.outcome = done ? "changed" : "pending";
        record.keys_removed = done ? done->keys_removed : 0;
        if (parts_.watch != nullptr) {
            parts_.watch->mutations.add(std::move(record));
        }
        if (!done) {
            count(event_outcome::failed, applied + unmatched + lost);
            co_return false;
        }
    }
    count(event_outcome::applied, applied);
    count(event_outcome::unmatched, unmatched);
    count(event_outcome::malformed, malformed);
    count(event_outcome::lost, lost);
    co_return true;
}

}  // namespace sidecache::cache
