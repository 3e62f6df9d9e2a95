#include "config/dump.hpp"
#include "tests/config/given.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <utility>

/// What is fetched ahead (`refresh_ahead`, `warm`) and told from outside (`events`).
namespace sidecache::tests {
namespace {

using namespace std::chrono_literals;

std::string rule(std::string const& more) {
    return "\nrules: [{name: a, match: GET /a, key: a, partition: none, ttl_only: true, " + more +
           "}]\n";
}

bool has(std::string const& findings, std::string_view text) {
    return findings.find(text) != std::string::npos;
}

TEST_CASE("refresh_ahead is a part of the shortest life that an entry may have") {
    auto const fine = load(rule("ttl: 10m, refresh_ahead: 1m"));
    REQUIRE(findings_of(fine) == "");
    CHECK(fine.config->rules->rules()[0].definition.refresh_ahead == 1min);
    CHECK(findings_of(load(rule("ttl: 10m, refresh_ahead: 0s"))) == "");
    CHECK(findings_of(load(rule("ttl: 10m, jitter: 0.5, refresh_ahead: 4m"))) == "");
    for (auto const* wrong : {"ttl: 10m, refresh_ahead: 10m",
                              "ttl: 10m, jitter: 0.5, refresh_ahead: 5m",
                              "ttl: 10m, statuses: {404: 30s}, refresh_ahead: 30s",
                              "statuses: {404: 30s}, refresh_ahead: 1m"}) {
        CAPTURE(wrong);
        CHECK(has(findings_of(load(rule(wrong))), "an entry may live for"));
    }
    CHECK(has(findings_of(load(rule("ttl: 10m, refresh_ahead: 10%"))), "error"));
}

TEST_CASE("warm: paths, a file, hosts, a pace and secret fields") {
    temp_dir folder;

    auto const file = folder.write("paths", "# the most wanted\n/a?page=1\n\n/a?page=2\r\n");
    auto const loaded = load("upstream: {host: api}\nwarm: {paths: [/a], file: " + file +
                             ", rate: 7, concurrency: 2, at_start: false, headers: {Authorization: "
                             "Bearer s3cr3t}}" +
                             rule("ttl: 10m, unlisted_query: include"));
    REQUIRE(findings_of(loaded) == "");
    auto const& w = *loaded.config->warm;
    CHECK(w.paths == std::vector<std::string>{"/a", "/a?page=1", "/a?page=2"});
    CHECK(w.rate == 7);
    CHECK(w.concurrency == 2);
    CHECK_FALSE(w.at_start);
    REQUIRE(w.headers.size() == 1);
    CHECK(w.headers[0].second == "Bearer s3cr3t");
    auto const shown = config::dump(loaded);
    CHECK_FALSE(has(shown, "s3cr3t"));
    CHECK(has(shown, "  headers: {Authorization: \"***\"}\n"));
    CHECK_FALSE(load(rule("ttl: 1s")).config->warm);
}

TEST_CASE("warm: what cannot be meant is an error, what would be for nothing a warning") {
    std::string const r = rule("ttl: 10m");
    for (auto const& [yaml, text] : std::vector<std::pair<std::string, std::string>>{
             {"warm: {paths: /a}", "`paths` must be a list"},
             {"warm: {paths: [a]}", "is not a path of the backend"},
             {"warm: {paths: [\"/a b\"]}", "is not a path of the backend"},
             {"warm: {paths: [/a], rate: 0}", "must be more than 0"},
             {"warm: {paths: [/a], headers: [x]}", "must be a mapping"},
             {"warm: {paths: [/a], headers: {Host: x}}", "cannot be given here"},
             {"warm: {paths: [/a], headers: {\"a b\": x}}", "is not the name of a header"},
             {"warm: {paths: [/a], headers: {A: \"x\\r\\nB: y\"}}", "control character"},
             {"warm: {paths: [/a], hosts: [\"a/b\"]}", "is not a host"},
             {"warm: {file: /nowhere/at/all}", "cannot be read"},
             {"warm: {pahts: [/a]}", "did you mean `paths`"},
             {"warm: [/a]", "must be"},
         }) {
        CAPTURE(yaml);
        auto const loaded = load(yaml + r);
        CHECK_FALSE(loaded.config);
        CHECK(has(findings_of(loaded), text));
    }
    auto const host = "upstream: {host: api}\n";
    CHECK(has(findings_of(load("warm: {paths: [/a]}" + r)), "`warm` names no host"));
    CHECK(findings_of(load("warm: {paths: [/a], hosts: [shop]}" + r)) == "");
    CHECK(has(findings_of(load(host + std::string("warm: {paths: [/b]}") + r)),
              "`/b` would not be cached: no rule matches it"));
    CHECK(has(findings_of(load(host + std::string("warm: {paths: [\"/a?x=1\"]}") + r)),
              "would not be cached: unlisted_query"));
    CHECK(has(findings_of(load(host + std::string("warm: {rate: 1}") + r)),
              "names nothing to fetch"));
}

TEST_CASE("events: a stream on a Redis") {
    auto const loaded = load(
        "events: {stream: s, group: g, batch: 5, claim_after: 10s, max_message: "
        "1KiB}" +
        rule("ttl: 10m"));
    REQUIRE(findings_of(loaded) == "");
    auto const& e = *loaded.config->events;
    CHECK(e.stream == "s");
    CHECK(e.group == "g");
    CHECK(e.batch == 5);
    CHECK(e.claim_after == 10s);
    CHECK(e.max_message == 1024);
    CHECK(load("events: {stream: s}" + rule("ttl: 1s")).config->events->group == "sidecache");
    for (auto const& [yaml, text] : std::vector<std::pair<std::string, std::string>>{
             {"events: {group: g}", "stream"},
             {"events: {stream: \"\"}", "`stream` is empty"},
             {"events: {stream: s, group: \"\"}", "`group` is empty"},
             {"events: {stream: s, batch: 0}", "must be more than 0"},
             {"events: {stream: \"sidecache:events\"}", "for its own keys"},
             {"store: {url: \"memory://\"}\nevents: {stream: s}", "`events` needs Redis"},
             {"events: {strean: s}", "did you mean `stream`"},
         }) {
        CAPTURE(yaml);
        auto const bad = load(yaml + rule("ttl: 10m"));
        CHECK_FALSE(bad.config);
        CHECK(has(findings_of(bad), text));
    }
}

}  // namespace
}  // namespace sidecache::tests
