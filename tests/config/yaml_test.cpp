#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <string>

/// What may be wrong with a file before any key has a meaning. Files may come from anywhere.
namespace sidecache::tests {
namespace {

std::string findings_with_a_rule(std::string const& yaml) {
    return findings_of(load(yaml + std::string(one_rule)));
}

TEST_CASE("a file that is not YAML names the place") {
    auto const said = findings_of(load("listen: 0.0.0.0:8080\nupstream:\n\turl: http://b\n"));
    CAPTURE(said);
    CHECK(said.starts_with("sidecache.yaml:3:5: error: this is not YAML: "));
    CHECK(said.find("check the indentation") != std::string::npos);
}

TEST_CASE("an empty file is no configuration") {
    auto const expected =
        "sidecache.yaml: error: the file is empty; config/products.yaml is an example to start "
        "from";
    CHECK(findings_of(load("")) == expected);
    CHECK(findings_of(load("# nothing but a comment\n")) == expected);
    CHECK(findings_of(load("---\n")) == expected);
}

TEST_CASE("a file that is a list or a word is no configuration") {
    CHECK(findings_of(load("- a\n")) ==
          "sidecache.yaml:1:1: error: the file must be a mapping of keys to values, not a list");
    CHECK(findings_of(load("hello\n")) ==
          "sidecache.yaml:1:1: error: the file must be a mapping of keys to values, not a single "
          "value");
}

TEST_CASE("duplicate keys are errors wherever they stand") {
    CHECK(findings_with_a_rule("workers: 1\nlisten: 0.0.0.0:80\nworkers: 2\n") ==
          "sidecache.yaml:3:1: error: duplicate key `workers`; it was given in line 1 already; "
          "remove one of them");
    CHECK(findings_with_a_rule("store: {timeout: 50ms, timeout: 60ms}\n") ==
          "sidecache.yaml:1:24: error: duplicate key `timeout`; it was given in line 1 already; "
          "remove one of them");
    CHECK(findings_with_a_rule("store:\n  retry:\n    attempts: 1\n    attempts: 1\n") ==
          "sidecache.yaml:4:5: error: duplicate key `attempts`; it was given in line 3 already; "
          "remove one of them");
}

TEST_CASE("the same key in two places is no duplicate") {
    CHECK(findings_with_a_rule("upstream: {timeout: 10s}\nstore: {timeout: 60ms}\n") == "");
}

TEST_CASE("several documents in one file are an error") {
    CHECK(findings_of(load("workers: 1\n---\nworkers: 2\n")) ==
          "sidecache.yaml:2:1: error: a second YAML document begins here; keep one document in a "
          "file: remove the `---`");
    CHECK(findings_with_a_rule("---\nworkers: 1\n") == "");
}

TEST_CASE("anchors and aliases stand for the whole value") {
    auto const loaded =
        load("limits: {header_timeout: &t 7s, body_timeout: *t}\n" + std::string(one_rule));
    REQUIRE(findings_of(loaded) == "");
    CHECK(loaded.config->limits.header_timeout == std::chrono::seconds(7));
    CHECK(loaded.config->limits.body_timeout == std::chrono::seconds(7));
}

TEST_CASE("a mistake behind an anchor is named once, where it was made") {
    CHECK(findings_with_a_rule("limits: {header_timeout: &t 7, body_timeout: *t}\n") ==
          "sidecache.yaml:1:26: error: duration `7` has no unit; add one: 7s for seconds, 7ms for "
          "milliseconds");
}

TEST_CASE("aliases of aliases do not fill the memory") {
    std::string laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
    for (char c = 'b'; c <= 'i'; ++c) {
        auto const alias = std::string("*") + static_cast<char>(c - 1);
        laughs += std::string(1, c) + ": &" + c + " [" + alias;
        for (int i = 1; i < 10; ++i) {
            laughs += "," + alias;
        }
        laughs += "]\n";
    }
    CHECK(findings_of(load(laughs))
              .find("error: the document is too large: more than 50000 values, aliases unfolded") !=
          std::string::npos);
}

TEST_CASE("a value cannot hold itself") {
    CHECK(findings_of(load("a: &a [1, *a]\n")) ==
          "sidecache.yaml:1:11: error: this alias stands inside its own anchor; a value cannot "
          "hold itself");
}

TEST_CASE("an alias without an anchor is an error") {
    CHECK(findings_of(load("listen: *nobody\n"))
              .starts_with("sidecache.yaml:1:9: error: this is not YAML: "));
}

TEST_CASE("depth and size are bounded") {
    CHECK(findings_of(load("a: " + std::string(1'000, '[') + std::string(1'000, ']'))) ==
          "sidecache.yaml:1:35: error: values are nested more than 32 deep");
    CHECK(findings_of(load(std::string((1U << 20U) + 1, '#'))) ==
          "sidecache.yaml: error: the file is larger than 1MiB");
}

TEST_CASE("keys are plain words") {
    CHECK(findings_of(load("{a: 1}: 2\n"))
              .starts_with("sidecache.yaml:1:1: error: a key must be a plain word"));
    CHECK(findings_of(load("? [a, b]\n: 2\n"))
              .starts_with("sidecache.yaml:1:3: error: a key must be a plain word"));
    CHECK(findings_of(load("~: 2\n"))
              .starts_with("sidecache.yaml:1:1: error: a key must be a plain word"));
}

TEST_CASE("merge keys and tags are not taken for something else") {
    CHECK(findings_with_a_rule("limits:\n  <<: {max_header: 1KiB}\n") ==
          "sidecache.yaml:2:3: error: unknown key `<<`; merge keys are not supported; repeat the "
          "keys, or use an alias for a whole value");
    CHECK(findings_with_a_rule("workers: !secret 1\n") ==
          "sidecache.yaml:1:10: error: the tag `!secret` has no meaning here; remove it");
}

TEST_CASE("a variable's value is data, never YAML") {
    auto const yaml = "admin: {token: \"${TOKEN}\"}\n" + std::string(one_rule);
    auto const loaded = load(yaml, {{"TOKEN", "a: [b, *c]\n# d"}});
    REQUIRE(findings_of(loaded) == "");
    CHECK(loaded.config->admin.token == "a: [b, *c]\n# d");
}

TEST_CASE("variables are filled into values, not into keys") {
    CHECK(findings_with_a_rule("${KEY}: 1\n")
              .starts_with("sidecache.yaml:1:1: error: unknown key `${KEY}`"));
}

TEST_CASE("a variable that is not set is one finding, at its place") {
    CHECK(findings_with_a_rule("upstream:\n  url: ${UPSTREAM}\n") ==
          "sidecache.yaml:2:8: error: the environment variable `UPSTREAM` is not set; set it, or "
          "give a default: ${UPSTREAM:-...}");
}

}  // namespace
}  // namespace sidecache::tests
