#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

/// Each mistake as its author makes it, and what is printed. Mistakes in templates, and those that
/// only two rules together make, are the compiler's: tests/rules.
namespace sidecache::tests {
namespace {

struct mistake {
    std::string_view yaml;
    std::string_view printed;  // without the file's name
};

void check_all(std::span<mistake const> table,
               std::string_view before = "",
               std::string_view after = "") {
    for (auto const& [yaml, printed] : table) {
        CAPTURE(yaml);
        auto const loaded = load(std::string(before) + std::string(yaml) + std::string(after));
        CHECK(findings_of(loaded) == "sidecache.yaml:" + std::string(printed));
        auto const is_error = [](config::finding const& f) {
            return f.level == rules::severity::error;
        };
        CHECK((loaded.config == nullptr) == std::ranges::any_of(loaded.findings, is_error));
    }
}

TEST_CASE("unknown keys") {
    mistake const table[] = {
        {"lisen: 0.0.0.0:80", "1:1: error: unknown key `lisen`; did you mean `listen`?"},
        {"upstream: {conect_timeout: 1s}",
         "1:12: error: unknown key `conect_timeout`; did you mean `connect_timeout`?"},
        {"upstream: {connectTimeout: 1s}",
         "1:12: error: unknown key `connectTimeout`; did you mean `connect_timeout`?"},
        {"store: {retry: {attempt: 1}}",
         "1:17: error: unknown key `attempt`; did you mean `attempts`?"},
        {"max_header: 1KiB",
         "1:1: error: unknown key `max_header`; it belongs at `limits.max_header`"},
        {"log: {colour: red}",
         "1:7: error: unknown key `colour`; the keys here are level and access"},
        {"log: {\"a\\eb\": red}",
         "1:7: error: unknown key `a\\x1bb`; the keys here are level and access"},
    };
    check_all(table, "", one_rule);
}

TEST_CASE("what reaches the backend") {
    mistake const table[] = {
        {"upstream: {host: \"\"}",
         "1:18: error: `` is not a host; write HOST or HOST:PORT as the backend knows itself, or "
         "`preserve` to pass the client's on"},
        {"upstream: {host: a@b}",
         "1:18: error: `a@b` is not a host; write HOST or HOST:PORT as the backend knows itself, "
         "or "
         "`preserve` to pass the client's on"},
        {"upstream: {strip_headers: X-Host}",
         "1:27: error: `strip_headers` must be a list of header names; write strip_headers: "
         "[X-Forwarded-Host]"},
        {"upstream: {strip_headers: [\"X Host\"]}",
         "1:28: error: `X Host` is not the name of a header"},
        {"upstream: {strip_headers: [cookie]}",
         "1:28: error: `cookie` cannot be stripped; it frames the request, names its host or says "
         "who asks"},
        {"upstream: {strip_headers: [Content-Length]}",
         "1:28: error: `Content-Length` cannot be stripped; it frames the request, names its host "
         "or says who asks"},
        {"upstream: {trusted_headers: [X-Colour]}",
         "1:30: warning: `X-Colour` needs no trust: requests with it are cached; remove it; "
         "SECURITY.md lists the headers that need it"},
    };
    check_all(table, "", one_rule);
}

TEST_CASE("values that are not what the key takes") {
    mistake const table[] = {
        {"listen: 8080",
         "1:9: error: `8080` is not an address with a port; write ADDRESS:PORT, such as "
         "0.0.0.0:8080 or [::]:8080"},
        {"workers: many", "1:10: error: `many` is not a whole number; write plain digits"},
        {"workers: 5000", "1:10: error: `workers` is 5000; the most is 1024"},
        {"workers: [1]", "1:10: error: `workers` must be a single value, not a list"},
        {"workers:",
         "1:1: error: `workers` has no value; give one, or remove the key; an empty text is "
         "written \"\""},
        {"upstream: http://b",
         "1:11: error: `upstream` must be a mapping of keys to values, not a single value"},
        {"upstream: {timeout: 30}",
         "1:21: error: duration `30` has no unit; add one: 30s for seconds, 30ms for milliseconds"},
        {"upstream: {timeout: 0s}", "1:21: error: `timeout` must be more than 0"},
        {"upstream: {timeout: 2d}", "1:21: error: `timeout` is 2d; the most is 1d"},
        {"upstream: {max_concurrent: 0}", "1:28: error: `max_concurrent` must be more than 0"},
        {"near_cache: {size: 64KiB}",
         "1:20: error: `near_cache.size` is 64KiB, too little to hold anything; make it at least "
         "1MiB, or 0 to turn it off"},
        {"near_cache: {lease: 10ms}", "1:21: error: `lease` is 10ms; the least is 50ms"},
        {"limits: {max_header: 32768}",
         "1:22: error: size `32768` has no unit; add one: B, KiB, MiB or GiB"},
        {"limits: {max_header: 1B}", "1:22: error: `max_header` is 1B; the least is 1KiB"},
        {"reload: always", "1:9: error: `reload` cannot be `always`; write signal or watch"},
        {"limits: {drain_delay: 2d}", "1:23: error: `drain_delay` is 2d; the most is 1d"},
        {"store: {on_down: refus}",
         "1:18: error: `on_down` cannot be `refus`; did you mean `refuse`?"},
        {"store: {on_down: fail}",
         "1:18: error: `on_down` cannot be `fail`; write forward or refuse"},
        {"store: {quarantine: never}",
         "1:21: error: `never` is not a duration; write a number and a unit: 500ms, 10s, 5m, 2h or "
         "1d"},
        {"log: {access: {hits: yes}}",
         "1:22: error: `yes` is neither true nor false; write true or false"},
    };
    check_all(table, "", one_rule);
}

TEST_CASE("values that contradict each other") {
    mistake const table[] = {
        {"store: {margin: 1s}",
         "1:17: error: `store.margin` is 1s, less than a mutation may need before it is forwarded; "
         "make it at least 1320ms: twice near_cache.lease and what the store's retries may take"},
        {"near_cache: {lease: 10s}",
         "1:21: error: `store.margin` is 5s, less than a mutation may need before it is forwarded; "
         "make it at least 20320ms: twice near_cache.lease and what the store's retries may take"},
        {"listen: 127.0.0.1:9090",
         "1:9: error: `listen` and `admin.listen` are the same port; give them different ones"},
        {"listen: 0.0.0.0:9090",
         "1:9: error: `listen` and `admin.listen` are the same port; give them different ones"},
        {"listen: 0.0.0.0:3000",
         "1:9: error: `upstream.url` is where sidecache itself listens; let the backend listen "
         "elsewhere"},
        {"upstream: {url: \"http://localhost:8080\"}",
         "1:17: error: `upstream.url` is where sidecache itself listens; let the backend listen "
         "elsewhere"},
        {"admin: {listen: 0.0.0.0:9090}",
         "1:17: warning: anybody who reaches 0.0.0.0:9090 can purge; set admin.token, or listen on "
         "127.0.0.1"},
        {"limits: {max_target: 64KiB}",
         "1:22: error: `limits.max_target` is larger than `limits.max_header`, which holds the "
         "target; make max_header at least 64KiB"},
    };
    check_all(table, "", one_rule);
}

TEST_CASE("port 0 contradicts nothing") {
    CHECK(findings_of(load("listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\n" +
                           std::string(one_rule))) == "");
}

TEST_CASE("a token makes an admin port beyond loopback right") {
    CHECK(findings_of(load("admin: {listen: 0.0.0.0:9090, token: secret}\n" +
                           std::string(one_rule))) == "");
}

TEST_CASE("a file without rules says so") {
    CHECK(findings_of(load("workers: 1\n")) ==
          "sidecache.yaml: warning: there are no `rules`: nothing will be cached; add one, as in "
          "config/products.yaml");
}

TEST_CASE("rules that say too little") {
    mistake const table[] = {
        {"rules: {a: 1}", "1:8: error: `rules` must be a list; begin each with `- name: ...`"},
        {"rules: [a]",
         "1:9: error: `rules[]` must be a mapping of keys to values, not a single value"},
        {"rules: [{match: GET /a, key: a, ttl: 1s}]",
         "1:9: error: `name` is missing; give the rule a name, such as product-details"},
        {"rules: [{name: a, key: a, ttl: 1s}]",
         "1:9: error: `match` is missing; say what it caches: GET /products/{id}"},
        {"rules: [{name: a, match: GET /a, ttl: 1s}]",
         "1:9: error: `key` is missing; say under which key: \"product:{id}:details\""},
        {"rules: [{name: a, match: GET /a, key: \"\", ttl: 1s}]",
         "1:39: error: `key` is empty; say under which key: \"product:{id}:details\""},
        {"rules: [{name: a, match: GET /a, key: {id}, ttl: 1s}]",
         "1:39: error: `key` must be a single value, not a mapping; quote a text that begins with "
         "`{`"},
        {"rules: [{name: a, match: GET /a, key: a, ttl_only: true}]",
         "1:9: error: the rule `a` has no `ttl`; say how long an answer is fresh: ttl: 10m"},
        {"rules: [{name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, lock: {ttl: 1s}}]",
         "1:73: error: `key` is missing; write the lock's key, such as \"product:{id}:lock\""},
        {"rules: [{name: a, match: GET /a, key: \"{q}\", ttl: 1s, ttl_only: true, vars: {q: "
         "{default: 1}}}]",
         "1:81: error: `from` is missing; say where the value comes from: query.page, "
         "header.X-Name, ..."},
        {"rules: [{name: a, match: GET /a, key: \"{q}\", ttl: 1s, ttl_only: true, vars: [q]}]",
         "1:77: error: `vars` must be a mapping of names to sources; write vars: {page: "
         "query.page}"},
    };
    check_all(table);
}

TEST_CASE("rules with values that do not fit") {
    mistake const table[] = {
        {"ttl: 600}]",
         "1:65: error: duration `600` has no unit; add one: 600s for seconds, 600ms for "
         "milliseconds"},
        {"ttl: 0s}]", "1:65: error: `ttl` must be more than 0"},
        {"tll: 10m}]", "1:60: error: unknown key `tll`; did you mean `ttl`?"},
        {"ttl: origin, statuses: {404: 1s}}]",
         "1:83: error: `statuses` says nothing beside `ttl: origin`; remove it: each response says "
         "for itself how long it is fresh"},
        {"ttl: 1s, request_directives: maybe}]",
         "1:89: error: `request_directives` cannot be `maybe`; write ignore or obey"},
        {"ttl: 1s, own_etag: maybe}]",
         "1:79: error: `maybe` is neither true nor false; write true or false"},
        {"ttl: origin, stale_if_error: 1m}]",
         "1:89: error: `stale_if_error` says nothing beside `ttl: origin`; remove it: each "
         "response "
         "says it in Cache-Control"},
        {"ttl: 1s, stale_while_revalidate: soon}]",
         "1:93: error: `soon` is not a duration; write a number and a unit: 500ms, 10s, 5m, 2h or "
         "1d"},
        {"ttl: 1s, vary_language: any}]",
         "1:84: error: `vary_language` cannot be `any`; write exact or preference"},
        {"ttl: 1s, refresh_ahead: 1s}]",
         "1:84: error: `refresh_ahead` is 1s, but an entry may live for 1s only; make it less than "
         "the shortest life, jitter and `statuses` counted"},
        {"ttl: 1s, max_keys: -1}]", "1:79: error: `-1` is not a whole number; write plain digits"},
        {"ttl: 1s, max_keys: 2000000000}]",
         "1:79: error: `max_keys` is 2000000000; the most is 1000000000"},
        {"ttl: 1s, max_keys: many}]",
         "1:79: error: `many` is not a whole number; write plain digits"},
        {"ttl: 1s, partition: nobody}]",
         "1:80: error: `partition` cannot be `nobody`; write credential or none"},
        {"ttl: 1s, unlisted_query: bypas}]",
         "1:85: error: `unlisted_query` cannot be `bypas`; did you mean `bypass`?"},
        {"ttl: 1s, jitter: 2}]",
         "1:77: error: `2` is not a share; write a number between 0 and 1, such as 0.1"},
        {"ttl: 1s, jitter: 1}]",
         "1:77: error: `jitter` is `1`, outside what makes sense; write a number between 0 and "
         "0.9"},
        {"ttl: 1s, statuses: [404]}]",
         "1:79: error: `statuses` must be a mapping of statuses to durations; write statuses: "
         "{404: 30s}"},
        {"ttl: 1s, statuses: {found: 1s}}]",
         "1:80: error: `found` is not the status of an answer; write a number from 200 to 599"},
        {"ttl: 1s, statuses: {206: 1s}}]", "1:80: error: a 206 answer is never stored; remove it"},
        {"ttl: 1s, statuses: {429: 1s}}]",
         "1:80: error: a 429 answer must not be stored; remove it: it is about one client (RFC "
         "6585)"},
        {"ttl: 1s, statuses: {404: 0s}}]",
         "1:85: error: the ttl of a status must be more than 0; remove the status: what is not "
         "listed is not stored"},
        {"ttl: 1s, statuses: {200: 2s}}]",
         "1:80: error: `ttl` says already how long a 200 is fresh; give one of them"},
    };
    check_all(table, "rules: [{name: a, match: GET /a, key: a:b, ttl_only: true, ");
}

TEST_CASE("purges that say too little, or what does not fit") {
    mistake const table[] = {
        {"{on: PUT /a, patterns: [\"product:*\"]}]",
         "4:10: error: `name` is missing; give the purge a name, such as product-updated"},
        {"{name: p, patterns: [\"product:*\"]}]",
         "4:10: error: `on` is missing; say which mutation sets it off: PUT /products/{id}"},
        {"{name: p, on: PUT /a}]",
         "4:10: error: `patterns` is missing; say which keys become stale: [\"product:{id}*\"]"},
        {"{name: p, on: PUT /a, patterns: []}]",
         "4:42: error: `patterns` is an empty list; say which keys become stale: "
         "[\"product:{id}*\"]"},
        {"{name: p, on: [], patterns: [\"product:*\"]}]",
         "4:24: error: `on` is an empty list; say which mutation sets it off: PUT /products/{id}"},
        {"{name: p, on: PUT /a, patterns: [{a: b}]}]",
         "4:43: error: `patterns` must be a single value, not a mapping; quote a text that begins "
         "with `{`"},
        {"{name: p, on: PUT /a, patterns: [\"product:*\"], settle: 1}]",
         "4:65: error: duration `1` has no unit; add one: 1s for seconds, 1ms for milliseconds"},
        {"{name: p, on: PUT /a, patterns: [\"product:*\"], unchanged_statuses: 404}]",
         "4:77: error: `unchanged_statuses` must be a list of statuses; write unchanged_statuses: "
         "[400, 404], or [] for none"},
        {"{name: p, on: PUT /a, patterns: [\"product:*\"], unchanged_statuses: [40]}]",
         "4:78: error: `40` is not the status of an answer; write a number from 200 to 599"},
        {"{name: p, on: PUT /a, patterns: [\"product:*\"], pattern: a}]",
         "4:57: error: unknown key `pattern`; did you mean `patterns`?"},
    };
    check_all(table,
              "\nrules:\n  - {name: product, match: \"GET /products/{id}\", key: \"product:{id}\", "
              "ttl: 10m}\npurges: [");
}

TEST_CASE("every mistake is told at once, in the order of the file") {
    CHECK(findings_of(load(R"(lisen: 0.0.0.0:80
upstream:
  timeout: 30
  url: https://backend
rules:
  - name: a
    match: GET /a
    key: a
    ttl_only: true
    tll: 10m
)")) == R"(sidecache.yaml:1:1: error: unknown key `lisen`; did you mean `listen`?
sidecache.yaml:3:12: error: duration `30` has no unit; add one: 30s for seconds, 30ms for milliseconds
sidecache.yaml:4:8: error: the backend cannot be spoken to over TLS; a sidecar shares the pod's loopback with its backend: write http://127.0.0.1:PORT
sidecache.yaml:10:5: error: unknown key `tll`; did you mean `ttl`?)");
}

TEST_CASE("a file that is wrong in every line does not print a thousand findings") {
    std::string yaml = "limits:\n";
    for (int i = 0; i < 5'000; ++i) {
        yaml += "  nonsense" + std::to_string(i) + ": 1\n";
    }
    auto const loaded = load(yaml);
    CHECK(loaded.config == nullptr);
    CHECK(loaded.findings.size() == 201);
}

TEST_CASE("a warning leaves the configuration in force") {
    auto const loaded = load("admin: {listen: \"0.0.0.0:9090\"}\n" + std::string(one_rule));
    CHECK(loaded.findings.size() == 1);
    CHECK(loaded.config != nullptr);
}

}  // namespace
}  // namespace sidecache::tests
