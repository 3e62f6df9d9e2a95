#include "config/dump.hpp"

#include "config/keys.hpp"
#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <string>

/// `sidecache check --dump`: what is in effect, as a file that could be used instead.
namespace sidecache::tests {
namespace {

std::string dumped(std::string const& yaml, variables set = {}) {
    auto const loaded = load(yaml, std::move(set));
    REQUIRE(loaded.config);
    return config::dump(loaded);
}

bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

TEST_CASE("what a file does not say is printed with its default, every setting of it") {
    auto const text = dumped(std::string(one_rule));
    for (auto const& key : config::known_keys()) {
        bool const is_setting = key.path.find("[]") == std::string_view::npos &&
                                !key.path.starts_with("identity") &&
                                !key.path.starts_with("warm") && !key.path.starts_with("events") &&
                                !key.fallback.empty();
        if (is_setting) {
            CAPTURE(key.path);
            CHECK(holds(text, std::string(config::last_word(key)) + ": "));
        }
    }
    CHECK(holds(text, "listen: \"0.0.0.0:8080\"\n"));
    CHECK(holds(text, "  breaker:\n    failures: 5\n"));
    CHECK(holds(text, "  - name: product\n    match: \"GET /products/{id}\"\n"));
    CHECK(holds(text, "    partition: credential\n"));
    CHECK_FALSE(holds(text, "identity"));
    CHECK_FALSE(holds(text, "lock"));
}

TEST_CASE("what it prints loads again, and prints the same") {
    auto const text = dumped(shipped("products.yaml"), {{"SIDECACHE_LISTEN", "[::1]:1"}});
    CHECK(holds(text, "listen: \"[::1]:1\"\n"));
    auto const again = load(text);
    CHECK(findings_of(again) == findings_of(load(shipped("products.yaml"))));
    REQUIRE(again.config);
    CHECK(config::dump(again) == text);
    CHECK(again.config->rules->fingerprint() ==
          load(shipped("products.yaml")).config->rules->fingerprint());
}

TEST_CASE("texts that YAML or we would read as something else come back as they are") {
    auto const text = dumped(R"(
admin: {token: ""}
rules:
  - name: a
    match: GET /a
    key: "a:{q}:{n}"
    vars: {q: {from: query.q, default: "$${HOME} \"\\\t#"}, n: {from: query.n, default: "null"}}
    ttl: 1s
    ttl_only: true
)");
    auto const again = load(text);
    REQUIRE(findings_of(again) == "");
    auto const& vars = again.config->rules->rules()[0].definition.vars;
    CHECK(vars[0].fallback == "${HOME} \"\\\t#");
    CHECK(vars[1].fallback == "null");
}

TEST_CASE("no secret is printed") {
    auto const text = dumped("admin: {token: \"${T}\"}\nstore: {url: \"redis://cache:${P}@h/1\"}" +
                                 std::string(one_rule),
                             {{"T", "s3cret"}, {"P", "s3%40cret"}});
    CHECK_FALSE(holds(text, "s3"));
    CHECK(holds(text, "  token: \"***\"\n"));
    CHECK(holds(text, "  url: \"redis://cache:***@h/1\"\n"));
    CHECK(holds(dumped("store: {url: \"redis://:pw@h\"}" + std::string(one_rule)),
                "  url: \"redis://:***@h\"\n"));
}

TEST_CASE("no finding shows a secret, wherever the mistake is") {
    for (std::string const yaml : {
             "store: {url: \"redis://:s3cret@h/x\"}",
             "store: {url: \"redis://:s3cret\"}",
             "store: {url: \"redis://:s3cret${@h\"}",
             "store: {url: \"redis://:${s3cret x}@h\"}",
             "store: {url: \"redis://:${A:=s3cret}@h\"}",
             "store: {url: \"redis://h:x/?password=s3cret\"}",
             "store: {url: [\"redis://:s3cret@h\"]}",
             "admin: {token: [s3cret]}",
             "admin: {token: \"s3cret${\"}",
             "admin: {token: {a: s3cret}}",
         }) {
        CAPTURE(yaml);
        auto const said = findings_of(load(yaml + std::string(one_rule)));
        CHECK(said != "");
        CHECK_FALSE(holds(said, "s3cret"));
    }
}

}  // namespace
}  // namespace sidecache::tests
