#include "config/keys.hpp"
#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>

/// What a right file comes out as.
namespace sidecache::tests {
namespace {

using namespace std::chrono_literals;

config::loaded load_with_a_rule(std::string const& yaml, variables set = {}) {
    auto loaded = load(yaml + std::string(one_rule), std::move(set));
    REQUIRE(findings_of(loaded) == "");
    return loaded;
}

/// Every setting of a model as text, to compare two.
std::string settings_of(config::model const& m) {
    std::string out;
    auto const put = [&](auto const& value) {
        if constexpr (requires { value.count(); }) {
            out += std::to_string(value.count());
        } else if constexpr (requires { std::to_string(value); }) {
            out += std::to_string(value);
        } else {
            out += value;
        }
        out += '\n';
    };
    auto const put_all = [&](auto const&... values) { (put(values), ...); };
    auto const& u = m.upstream;
    auto const& s = m.store;
    auto const& l = m.limits;
    put_all(m.listen.text(), m.workers, m.admin.listen.text(), m.admin.token);
    put_all(u.address.text(), u.host_header, u.connect_timeout, u.timeout, u.max_idle);
    put_all(u.idle_timeout, u.max_concurrent, u.max_queue, u.max_background, u.fixed_host);
    put_all(u.strip_headers.size(), u.trusted_headers.size());
    put_all(static_cast<int>(s.what), s.address.text(), s.path, s.user, s.password, s.database);
    put_all(s.description, s.timeout, s.retry_attempts, s.retry_backoff, s.breaker_failures);
    put_all(s.breaker_open_for, s.refuse_on_down, s.on_down_hold, s.margin);
    put_all(s.quarantine.value_or(-1ms), s.memory_size);
    put_all(m.near_cache.size, m.near_cache.lease);
    put_all(l.max_connections, l.max_header, l.max_target, l.max_body, l.max_mutation_body);
    put_all(l.max_mutation_response, l.header_timeout, l.body_timeout, l.write_timeout);
    put_all(l.idle_timeout, l.drain_delay, l.drain_timeout, m.reload_on_change);
    put_all(m.log.level, m.log.access.enabled, m.log.access.hits);
    return out;
}

TEST_CASE("what a file does not say has its default") {
    auto const loaded = load_with_a_rule("");
    CHECK(settings_of(*loaded.config) == settings_of(config::model{}));
}

TEST_CASE("the defaults of the table of keys are the model's") {
    for (auto const& key : config::known_keys()) {
        if (key.fallback.empty() || key.path.find('[') != std::string_view::npos ||
            key.path.starts_with("identity.") ||  // needs more than one key: identity_test
            key.path.starts_with("events.")) {    // ... ahead_test
            continue;
        }
        CAPTURE(key.path);
        // upstream.timeout with 30s: {upstream: {timeout: "30s"}}
        auto yaml = std::string(key.path);
        std::string ends;
        for (auto dot = yaml.find('.'); dot != std::string::npos; dot = yaml.find('.')) {
            yaml.replace(dot, 1, ": {");
            ends += "}";
        }
        auto const loaded =
            load(yaml + ": \"" + std::string(key.fallback) + "\"" + ends + std::string(one_rule));
        REQUIRE(loaded.config);
        CHECK(settings_of(*loaded.config) == settings_of(config::model{}));
    }
}

TEST_CASE("every setting can be given") {
    auto const loaded = load(R"(
listen: "[::1]:8081"
workers: 3
reload: watch
admin: {listen: 127.0.0.1:9191, token: secret}
upstream:
  url: http://backend:3001
  host: shop.example:8443
  strip_headers: [X-Host, X-Rewrite-URL]
  trusted_headers: [X-Forwarded-Host]
  connect_timeout: 2s
  timeout: 20s
  max_idle: 10
  idle_timeout: 11s
  max_concurrent: 12
  max_queue: 13
  max_background: 14
store:
  url: redis://cache:pw@redis:6380/3
  timeout: 60ms
  retry: {attempts: 1, backoff: 6ms}
  breaker: {failures: 7, open_for: 3s}
  on_down: refuse
  on_down_hold: 0s
  margin: 6s
  quarantine: 0s
  memory_size: 64MiB
near_cache: {size: 0, lease: 400ms}
limits:
  max_connections: 100
  max_header: 16KiB
  max_target: 4KiB
  max_body: 10MB
  max_mutation_body: 2MiB
  max_mutation_response: 3MiB
  header_timeout: 1s
  body_timeout: 2s
  write_timeout: 3s
  idle_timeout: 4s
  drain_delay: 6s
  drain_timeout: 5s
log: {level: debug, access: {enabled: false, hits: true}}
)" + std::string(one_rule));
    REQUIRE(findings_of(loaded) == "");
    auto const& m = *loaded.config;
    CHECK(m.listen.text() == "[::1]:8081");
    CHECK(m.workers == 3);
    CHECK(m.reload_on_change);
    CHECK(m.admin.listen.text() == "127.0.0.1:9191");
    CHECK(m.admin.token == "secret");
    CHECK(m.upstream.address.text() == "backend:3001");
    CHECK(m.upstream.host_header == "backend:3001");
    CHECK(m.upstream.fixed_host == "shop.example:8443");
    CHECK(m.upstream.strip_headers == std::vector<std::string>{"X-Host", "X-Rewrite-URL"});
    CHECK(m.upstream.trusted_headers == std::vector<std::string>{"X-Forwarded-Host"});
    CHECK(m.upstream.connect_timeout == 2s);
    CHECK(m.upstream.timeout == 20s);
    CHECK(m.upstream.max_idle == 10);
    CHECK(m.upstream.idle_timeout == 11s);
    CHECK(m.upstream.max_concurrent == 12);
    CHECK(m.upstream.max_queue == 13);
    CHECK(m.upstream.max_background == 14);
    CHECK(m.store.what == config::store::kind::redis_tcp);
    CHECK(m.store.address.text() == "redis:6380");
    CHECK(m.store.user == "cache");
    CHECK(m.store.password == "pw");
    CHECK(m.store.database == 3);
    CHECK(m.store.description == "redis://redis:6380/3");
    CHECK(m.store.timeout == 60ms);
    CHECK(m.store.retry_attempts == 1);
    CHECK(m.store.retry_backoff == 6ms);
    CHECK(m.store.breaker_failures == 7);
    CHECK(m.store.breaker_open_for == 3s);
    CHECK(m.store.refuse_on_down);
    CHECK(m.store.on_down_hold == 0s);
    CHECK(m.store.margin == 6s);
    CHECK(m.store.quarantine == 0ms);
    CHECK(m.store.memory_size == 64ULL << 20U);
    CHECK(m.near_cache.size == 0);
    CHECK(m.near_cache.lease == 400ms);
    CHECK(m.limits.max_connections == 100);
    CHECK(m.limits.max_header == 16U << 10U);
    CHECK(m.limits.max_target == 4U << 10U);
    CHECK(m.limits.max_body == 10'000'000);
    CHECK(m.limits.max_mutation_body == 2U << 20U);
    CHECK(m.limits.max_mutation_response == 3U << 20U);
    CHECK(m.limits.header_timeout == 1s);
    CHECK(m.limits.body_timeout == 2s);
    CHECK(m.limits.write_timeout == 3s);
    CHECK(m.limits.idle_timeout == 4s);
    CHECK(m.limits.drain_delay == 6s);
    CHECK(m.limits.drain_timeout == 5s);
    CHECK(m.log.level == "debug");
    CHECK_FALSE(m.log.access.enabled);
    CHECK(m.log.access.hits);
    CHECK(m.marker_life() == 26s);
    // The longest ttl, and the markers that may stand before it begins.
    CHECK(m.tag_life() == 10min + 26s);
}

TEST_CASE("every part of a rule can be given") {
    auto const loaded = load(R"(rules:
  - name: list
    match: GET /shops/{shop}/items
    vars:
      page: {from: query.page, default: 1}
      lang: header.Accept-Language
    key: items:{shop}:{page}:{lang}
    ttl: 5m
    statuses: {404: 30s, 410: 1h}
    lock: {key: "items:{shop}:lock", ttl: 20s, wait: 2s}
    partition: none
    unlisted_query: ignore
    max_object: 2MiB
    jitter: 0.1
    max_upstream: 8
    max_keys: 500
    store_set_cookie: true
    ttl_only: true
)");
    REQUIRE(loaded.config);
    auto const& rules = loaded.config->rules->rules();
    REQUIRE(rules.size() == 1);
    auto const& r = rules.front().definition;
    CHECK(r.name.value == "list");
    CHECK(r.match.value == "GET /shops/{shop}/items");
    CHECK(r.match.at.line == 3);
    CHECK(r.match.at.column == 12);
    CHECK(r.key.value == "items:{shop}:{page}:{lang}");
    REQUIRE(r.vars.size() == 2);
    CHECK(r.vars[0].name.value == "page");
    CHECK(r.vars[0].from.value == "query.page");
    CHECK(r.vars[0].fallback == "1");
    CHECK(r.vars[1].name.at.line == 6);
    CHECK(r.vars[1].from.value == "header.Accept-Language");
    CHECK_FALSE(r.vars[1].fallback.has_value());
    CHECK(r.ttl == 5min);
    CHECK(r.ttl_at.line == 8);
    CHECK(r.statuses.size() == 2);
    CHECK(r.statuses.at(404) == 30s);
    CHECK(r.statuses.at(410) == 1h);
    REQUIRE(r.lock);
    CHECK(r.lock->key.value == "items:{shop}:lock");
    CHECK(r.lock->ttl == 20s);
    CHECK(r.lock->wait == 2s);
    CHECK(r.partition.what == rules::partition_definition::kind::none);
    CHECK(r.unlisted == rules::unlisted_query::ignore);
    CHECK(r.max_object == 2U << 20U);
    CHECK(r.jitter == doctest::Approx(0.1));
    CHECK(r.max_upstream == 8);
    CHECK(r.max_keys == 500);
    CHECK(r.store_set_cookie);
    CHECK(r.ttl_only);
}

TEST_CASE("a rule has the safe defaults") {
    auto const loaded = load_with_a_rule("");
    auto const& r = loaded.config->rules->rules().front().definition;
    CHECK(r.partition.what == rules::partition_definition::kind::credential);
    CHECK(r.unlisted == rules::unlisted_query::bypass);
    CHECK(r.max_object == 1U << 20U);
    CHECK(r.max_keys == 1'000'000);
    CHECK_FALSE(r.lock.has_value());
    CHECK_FALSE(r.store_set_cookie);
    CHECK_FALSE(r.ttl_only);
}

TEST_CASE("a 200 among the statuses is the ttl") {
    auto const loaded = load(R"(rules:
  - {name: a, match: GET /a, key: a, statuses: {200: 10m, 404: 30s}, ttl_only: true}
)");
    REQUIRE(loaded.config);
    auto const& r = loaded.config->rules->rules().front().definition;
    CHECK(r.ttl == 10min);
    CHECK(r.statuses.size() == 1);
}

TEST_CASE("every part of a purge can be given") {
    auto const loaded = load_with_a_rule(R"()");
    auto const with_all = load(R"(rules:
  - {name: product, match: "GET /products/{id}", key: "product:{id}", ttl: 10m}
purges:
  - name: changed
    on: ["PUT /products/{id}", "PATCH /products/{id}"]
    vars: {other: response.id}
    patterns: ["product:{id}*", "product:{other}"]
    settle: 500ms
    unchanged_statuses: [400, 404]
)");
    REQUIRE(findings_of(with_all) == "");
    auto const& one = loaded.config->rules->purges().front().definition;
    CHECK(one.on.size() == 1);
    CHECK(one.settle == 0ms);
    CHECK_FALSE(one.unchanged_statuses.has_value());
    auto const& all = with_all.config->rules->purges().front().definition;
    REQUIRE(all.on.size() == 2);
    CHECK(all.on[1].value == "PATCH /products/{id}");
    CHECK(all.on[1].at.line == 5);
    CHECK(all.vars.size() == 1);
    REQUIRE(all.patterns.size() == 2);
    CHECK(all.patterns[0].value == "product:{id}*");
    CHECK(all.settle == 500ms);
    CHECK(all.unchanged_statuses == std::vector<unsigned>{400, 404});
}

TEST_CASE("a section whose keys are all commented out is an empty section") {
    load_with_a_rule("upstream:\nstore:\nlimits:\n  # max_header: 1KiB\n");
}

TEST_CASE("variables may stand for any value, numbers and words included") {
    auto const loaded = load_with_a_rule(
        "workers: ${N:-4}\nstore: {on_down: \"${DOWN}\", timeout: \"${T:-20ms}\"}\n",
        {{"DOWN", "refuse"}});
    CHECK(loaded.config->workers == 4);
    CHECK(loaded.config->store.refuse_on_down);
    CHECK(loaded.config->store.timeout == 20ms);
}

TEST_CASE("a file that cannot be read says why") {
    auto const none = config::load_file("no/such/file.yaml");
    CHECK(none.config == nullptr);
    CHECK(findings_of(none) ==
          "no/such/file.yaml: error: cannot be read: No such file or directory");
    auto const folder = config::load_file(".");
    CHECK(findings_of(folder) == ".: error: cannot be read: Is a directory");
}

}  // namespace
}  // namespace sidecache::tests
