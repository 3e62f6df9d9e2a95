#pragma once

#include "config/load.hpp"
#include "proxy/cache/near_cache.hpp"
#include "proxy/store/entry_codec.hpp"
#include "proxy/telemetry/metrics.hpp"
#include "rules/rule_set.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::test {

using namespace std::chrono_literals;

inline constexpr char const* near_rules = R"(
upstream: {url: "http://127.0.0.1:3000"}
store: {url: "memory://"}
rules:
  - name: details
    match: GET /products/{id}
    key: product:{id}:details
    ttl: 10m
    partition: none
purges:
  - name: changed
    on: PUT /products/{id}
    patterns: ["product:{id}*"]
)";

/// A near cache with a clock that stands still until the test moves it, and readings of the store
/// that the test makes up. An interleaving is written down line by line.
struct near_world {
    explicit near_world(std::size_t bytes = 1 << 20)
        : cache(bytes, tags, lease, totals), rules(rules_of(near_rules)) {
        lease.grant(now + 1h);
    }

    cache::near_tags tags;
    store::lease lease;
    telemetry::process_metrics totals;
    cache::near_cache cache;
    std::shared_ptr<rules::rule_set const> rules;
    boot_clock::time_point now{1'000s};
    unix_ms system_now = 1'764'000'000'000;  // ours and, here, the store's
    std::uint64_t snapshot = 1;

    void pass(std::chrono::milliseconds some) {
        now += some;
        system_now += some.count();
    }
    void drop(std::string_view tag) {
        std::array<std::string_view, 1> const one{tag};
        tags.drop(one);
    }

    struct asking {
        std::string target;
        std::vector<rules::field> fields;
        rules::decision wanted;
        rules::request view() const {
            return {.method = "GET",
                    .target = target,
                    .host = "shop.example",
                    .fields = fields,
                    .has_body = false,
                    .identity = {}};
        }
    };
    asking ask(std::string target, std::vector<rules::field> fields = {}) const {
        asking a{std::move(target), std::move(fields), {}};
        rules->decide(a.view(), a.wanted);
        REQUIRE(a.wanted.what == rules::verdict::serve);
        return a;
    }

    /// What a read of the store brought: sent when this was made, judged a hit when `keep` is
    /// called.
    struct read {
        boot_clock::time_point asked_at;
        cache::near_tags::ticket since;
        asking asked;
        store::entry entry;
        store::answered_by by;
        std::vector<store::tag_reading> tags;
    };
    struct stored {
        std::string body = "{}";
        std::chrono::milliseconds ttl = 10min;
        std::chrono::milliseconds age{0};
        std::vector<std::pair<std::string, std::string>> vary = {};
        std::optional<std::chrono::milliseconds> intent_left = std::nullopt;
    };
    read begin_read(std::string target, stored const& what) const {
        read r{now, cache.ticket(), ask(std::move(target)), {}, {}, {}};
        std::vector<store::generation> const generations(r.asked.wanted.tags.size(), {1, 1});
        auto const bytes = std::make_shared<std::string const>(
            store::encode_entry({.full_key = r.asked.wanted.full_key,
                                 .server = {7, 7},
                                 .tags = &r.asked.wanted.tags,
                                 .generations = generations,
                                 .fetched_at = system_now - what.age.count(),
                                 .initial_age = 0,
                                 .ttl_ms = static_cast<std::uint64_t>(what.ttl.count()),
                                 .vary = what.vary,
                                 .status = 200,
                                 .head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n",
                                 .body = what.body}));
        REQUIRE_FALSE(store::decode_entry(bytes, r.entry));
        r.by = {{7, 7}, now, system_now};
        for (std::size_t i = 0; i < r.asked.wanted.tags.size(); ++i) {
            r.tags.push_back({.present = true, .marker = false, .gen = {1, 1}});
        }
        if (what.intent_left) {
            r.tags.back().intent_deadline = system_now + what.intent_left->count();
        }
        return r;
    }
    read begin_read(std::string target) const { return begin_read(std::move(target), stored()); }
    void keep(read const& r) {
        cache.insert(
            {r.asked_at, r.since, r.entry, r.by, r.tags, r.asked.wanted, snapshot, system_now});
    }
    /// Reads the store and keeps what it finds, with nothing in between.
    void fetch(std::string target, stored const& what) {
        keep(begin_read(std::move(target), what));
    }
    void fetch(std::string target) { fetch(std::move(target), stored()); }

    cache::near_hold find(std::string target, std::vector<rules::field> fields = {}) {
        auto const a = ask(std::move(target), std::move(fields));
        auto found = cache.find(a.wanted, a.view(), snapshot, now);
        return found.is_hit ? std::move(found.entry) : cache::near_hold();
    }
    bool has(std::string target, std::vector<rules::field> fields = {}) {
        return static_cast<bool>(find(std::move(target), std::move(fields)));
    }

private:
    static std::shared_ptr<rules::rule_set const> rules_of(char const* yaml) {
        auto const loaded = config::load_text(yaml, "near.yaml", {});
        REQUIRE(loaded.config);
        return loaded.config->rules;
    }
};

}  // namespace sidecache::test
