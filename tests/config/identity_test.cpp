#include "config/keys.hpp"
#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <span>
#include <string>

/// `identity`, and what rules and purges take of it.
namespace sidecache::tests {
namespace {

using namespace std::chrono_literals;

struct mistake {
    std::string yaml;
    std::string printed;  // without the file's name
};

void check_all(std::span<mistake const> table,
               std::string const& before,
               std::string const& after) {
    for (auto const& [yaml, printed] : table) {
        CAPTURE(yaml);
        auto const loaded = load(before + yaml + after);
        CHECK(findings_of(loaded) == "sidecache.yaml:" + printed);
    }
}

/// A rule that shares inside an organization.
std::string const org_rule = R"(
rules:
  - {name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, partition: [orgId]}
)";

std::string const by_probe =
    "identity: {probe: {path: /me}, vars: {userId: response.id, orgId: "
    "response.organization.id}}\n";

TEST_CASE("an identity by probe, with its defaults") {
    auto const loaded = load(by_probe + org_rule);
    REQUIRE(findings_of(loaded) == "");
    auto const& id = loaded.config->identity;
    REQUIRE(id);
    REQUIRE(id->probe);
    CHECK_FALSE(id->jwt);
    CHECK(id->probe->path == "/me");
    CHECK(id->probe->forward == std::vector<std::string>{"Authorization", "Cookie"});
    CHECK(id->probe->ttl == 30s);
    CHECK(id->probe->negative_ttl == 2s);
    CHECK(id->probe->timeout == 2s);
    CHECK(id->probe->max == 10'000);
    CHECK(id->vars ==
          std::vector<config::identity_variable>{{"userId", ".id"}, {"orgId", ".organization.id"}});
    CHECK(loaded.config->rules->asks_for_identity());
    auto const& partition = loaded.config->rules->rules().front().definition.partition;
    CHECK(partition.what == rules::partition_definition::kind::identity);
    CHECK(partition.variables == std::vector<std::string>{"orgId"});
}

TEST_CASE("everything of a probe can be given") {
    auto const loaded = load(
        "identity: {probe: {path: \"/session?full=1\", forward: [X-Api-Key], ignore: [cookie], "
        "ttl: 1m, "
        "negative_ttl: 0s, timeout: 500ms, max: 5}, vars: {orgId: \"response.orgs[0].id\"}}" +
        org_rule);
    REQUIRE(findings_of(loaded) == "");
    config::probe expected;
    expected.path = "/session?full=1";
    expected.forward = {"X-Api-Key"};
    expected.ignore = {"cookie"};
    expected.ttl = 1min;
    expected.negative_ttl = 0ms;
    expected.timeout = 500ms;
    expected.max = 5;
    CHECK(loaded.config->identity->probe == expected);
    // Whoever sends Authorization beside the key could be anybody to the backend.
    CHECK(config::credential_fields(*loaded.config->identity) ==
          std::vector<std::string>{"X-Api-Key", "Authorization"});
}

TEST_CASE("the table of keys has the probe's defaults") {
    config::probe const probe;
    auto const fallback = [](std::string_view path) {
        for (auto const& key : config::known_keys()) {
            if (key.path == path) {
                return std::string(key.fallback);
            }
        }
        return std::string("?");
    };
    CHECK(fallback("identity.probe.forward") == "[Authorization, Cookie]");
    CHECK(fallback("identity.probe.ttl") == std::to_string(probe.ttl / 1s) + "s");
    CHECK(fallback("identity.probe.negative_ttl") == std::to_string(probe.negative_ttl / 1s) + "s");
    CHECK(fallback("identity.probe.timeout") == std::to_string(probe.timeout / 1s) + "s");
    CHECK(fallback("identity.probe.max") == std::to_string(probe.max));
}

TEST_CASE("a file without identity asks for none") {
    auto const loaded = load(std::string(one_rule));
    CHECK_FALSE(loaded.config->identity);
    CHECK_FALSE(loaded.config->rules->asks_for_identity());
}

TEST_CASE("an identity that cannot be verified") {
    mistake const table[] = {
        {"{vars: {orgId: response.o}}",
         "1:11: error: `identity` needs either `probe` or `jwt`; write one of them: probe: {path: "
         "/me}"},
        {"{probe: {path: /me}}",
         "1:11: error: `vars` is missing; write vars: {orgId: response.organizationId}"},
        {"{probe: {path: /me}, vars: {}}",
         "1:38: error: `vars` must be a mapping of names to sources; write vars: {orgId: "
         "response.organizationId}"},
        {"{probe: {}, vars: {orgId: response.o}}",
         "1:19: error: `path` is missing; say what to ask the backend: path: /me"},
        {"{probe: {path: me}, vars: {orgId: response.o}}",
         "1:26: error: `me` is not a path; begin it with `/`, as in /me"},
        {"{probe: {path: \"/me HTTP/1.1\"}, vars: {orgId: response.o}}",
         "1:26: error: `/me HTTP/1.1` is not a path; begin it with `/`, as in /me"},
        {"{probe: {path: /me, forward: []}, vars: {orgId: response.o}}",
         "1:40: error: `forward` must be a list; name the fields that hold credentials: "
         "[Authorization, Cookie]"},
        {"{probe: {path: /me, forward: Cookie}, vars: {orgId: response.o}}",
         "1:40: error: `forward` must be a list; name the fields that hold credentials: "
         "[Authorization, Cookie]"},
        {"{probe: {path: /me, forward: [Host]}, vars: {orgId: response.o}}",
         "1:41: error: `Host` cannot stand in `forward`; name the fields that hold credentials: "
         "[Authorization, Cookie]"},
        {"{probe: {path: /me, forward: [\"X Y\"]}, vars: {orgId: response.o}}",
         "1:41: error: `X Y` cannot stand in `forward`; name the fields that hold credentials: "
         "[Authorization, Cookie]"},
        {"{probe: {path: /me, forward: [Cookie, cookie]}, vars: {orgId: response.o}}",
         "1:49: error: `cookie` comes twice; remove one"},
        {"{probe: {path: /me, max: 0}, vars: {orgId: response.o}}",
         "1:36: error: `max` must be more than 0"},
        {"{probe: {path: /me, ttl: 0s}, vars: {orgId: response.o}}",
         "1:36: error: `ttl` must be more than 0"},
        {"{probe: {path: /me, tll: 1s}, vars: {orgId: response.o}}",
         "1:31: error: unknown key `tll`; did you mean `ttl`?"},
        {"{probe: {path: /me}, vars: {orgId: body.o}}",
         "1:46: error: `body.o` is no source of an identity; write vars: {orgId: "
         "response.organizationId}"},
        {"{probe: {path: /me}, vars: {orgId: response}}",
         "1:46: error: `response`: the path is empty; write it as in `schemaId`, "
         "`product.schema.id`, `ids[*]` or `items[0].id`"},
        {"{probe: {path: /me}, vars: {orgId: \"response.orgs[*]\"}}",
         "1:46: error: `response.orgs[*]` names many values; an identity's variable is one value"},
        {"{probe: {path: /me}, vars: {\"org|Id\": response.o}}",
         "1:39: error: `org|Id` cannot be the name of a variable; use letters, digits, `_` and "
         "`-`"},
        {"{probe: {path: /me}, vars: {orgId: response.o, orgid: response.p}}",
         "1:58: error: `orgid` differs from another one in case only; remove one"},
    };
    check_all(
        table,
        "identity: ",
        std::string(one_rule.substr(0, 7)) + "\n  - " +
            R"({name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, partition: credential})");
}

TEST_CASE("a variable of an identity that nobody gives") {
    mistake const none[] = {
        {"{name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, partition: [orgId]}",
         "1:78: error: `orgId` is no variable: the file has no `identity`; say how callers are "
         "verified: identity: {probe: {path: /me}, vars: ...}"},
        {"{name: a, match: GET /a, key: \"a:{o}\", ttl: 1s, ttl_only: true, vars: {o: "
         "identity.orgId}}",
         "1:83: error: `identity.orgId` is no variable: the file has no `identity`; say how "
         "callers "
         "are verified: identity: {probe: {path: /me}, vars: ...}"},
    };
    check_all(none, "rules: [", "]");
    mistake const others[] = {
        {"{name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, partition: [orgid]}",
         "2:78: error: `orgid` is not among `identity.vars`; did you mean `orgId`?"},
        {"{name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, partition: [userId, team]}",
         "2:78: error: `team` is not among `identity.vars`; add it there, with where the answer "
         "holds it"},
        {"{name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, partition: []}",
         "2:78: error: `partition` is an empty list; name variables of `identity.vars`, or say "
         "`none` if everybody may share the entries"},
        {"{name: a, match: GET /a, key: \"a:{o}\", ttl: 1s, ttl_only: true, vars: {o: "
         "identity.team}}",
         "2:83: error: `identity.team` is not among `identity.vars`; add it there, with where the "
         "answer holds it"},
        {"{name: a, match: GET /a, key: \"a:{o}\", ttl: 1s, ttl_only: true, vars: {o: {from: "
         "identity.orgId, default: 1}}}",
         "2:90: error: `o` comes from an identity and cannot have a default; who is not verified "
         "shares nothing: remove it"},
        {"{name: a, match: GET /a, key: a, ttl: 1s, ttl_only: true, partition: [orgId], statuses: "
         "{401: 1s}}",
         "2:78: error: rule `a` shares a 401 answer inside an identity; remove it from `statuses`: "
         "it is meant for one caller"},
    };
    check_all(others, by_probe + "rules: [", "]");
}

TEST_CASE("a purge takes variables of an identity that exist") {
    auto const with = [](std::string const& variable) {
        return findings_of(load(by_probe + R"(
rules: [{name: a, match: GET /a, key: "a:{o}", ttl: 1s, vars: {o: identity.orgId}}]
purges: [{name: p, on: POST /a, patterns: ["a:{o}"], vars: {o: )" +
                                variable + "}}]"));
    };
    CHECK(with("identity.orgId") == "");
    CHECK(with("identity.org") ==
          "sidecache.yaml:4:64: error: `identity.org` is not among `identity.vars`; add it there, "
          "with where the answer holds it");
}

TEST_CASE("warnings where entries may go to more, or to fewer, than was meant") {
    std::string const own = "{name: a, match: GET /a, key: \"a:{s}\", ttl: 1s, ttl_only: true, ";
    mistake const without_identity[] = {
        {"partition: none, vars: {s: cookie.session}}",
         "1:84: warning: rule `a` says `partition: none` and takes `cookie.session`, which anybody "
         "may claim: nobody verifies it; leave `partition` out, or share by a verified identity"},
        {"partition: none, vars: {s: header.authorization}}",
         "1:84: warning: rule `a` says `partition: none` and takes `header.authorization`, which "
         "anybody may claim: nobody verifies it; leave `partition` out, or share by a verified "
         "identity"},
    };
    check_all(without_identity, "rules: [" + own, "]");
    mistake const with_identity[] = {
        {"partition: none, vars: {s: query.s}}",
         "2:84: warning: rule `a` says `partition: none`: what is fetched with one caller's "
         "credentials is served to everybody; say `partition: [orgId]`, unless the response is the "
         "same for all"},
        {"vars: {s: query.s}}",
         "2:26: warning: rule `a` has no `partition`, and no variable of an identity in its key: "
         "each credential has entries of its own; say `partition: [orgId]` to share them inside "
         "it, "
         "or `partition: credential` if that is meant"},
    };
    check_all(with_identity, by_probe + "rules: [" + own, "]");
    for (std::string const fine : {"partition: credential, vars: {s: query.s}}",
                                   "partition: [userId], vars: {s: query.s}}",
                                   "vars: {s: identity.orgId}}",
                                   "partition: none, vars: {s: identity.orgId}}"}) {
        CAPTURE(fine);
        CHECK(findings_of(load(by_probe + "rules: [" + own + fine + "]")) == "");
    }
    CHECK(findings_of(load("rules: [" + own + "partition: none, vars: {s: query.s}}]")) == "");
}

}  // namespace
}  // namespace sidecache::tests
