#pragma once

#include "proxy/store/entry_codec.hpp"
#include "proxy/store/memory_store.hpp"
#include "proxy/store/store.hpp"
#include "tests/support/run_task.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the store suite runs against: each fixture is a process of its own to its store.
namespace sidecache::tests {

inline rules::tag_list tags_of(std::initializer_list<std::string_view> list) {
    rules::tag_list tags;
    for (auto const t : list) {
        tags.add(t);
    }
    return tags;
}

/// `memory://`, with a clock that only the test moves.
struct memory_fixture {
    asio::io_context io{1};
    unix_ms now = 1'764'000'000'000;
    store::memory_hub hub{{64ULL << 20, [this] { return now; }}, store::random_ids()};
    std::unique_ptr<store::store> made = hub.make_store(io, {});
    store::store& s = *made;

    template <class T>
    T run(task<T> work) {
        return test::run_task(io, std::move(work));
    }
    bool has_entry(std::string_view key) { return hub.map().find_entry(key, now) != nullptr; }
    void wait_until_past(std::chrono::milliseconds time) { now += time.count(); }
    void subscribe(store::event_sink sink) {
        hub.subscribe(io, std::move(sink), [] {});
    }
    template <class Condition>
    void run_until(Condition const& condition) {
        io.restart();
        while (!condition() && io.run_one() != 0) {
        }
    }
    std::size_t present(std::vector<std::string> const& keys) {
        return static_cast<std::size_t>(std::count_if(
            keys.begin(), keys.end(), [this](auto const& k) { return has_entry(k); }));
    }
    bool is_indexed(std::string_view tag, std::string const& key) {
        auto const keys = hub.map().take_noted(tag, 1, now);
        for (auto const& k : keys) {
            hub.map().note(tag, k, now + 600'000, now);
        }
        return keys == std::vector<std::string>{key};
    }
};

}  // namespace sidecache::tests
