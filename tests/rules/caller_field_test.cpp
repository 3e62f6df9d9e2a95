// Fields that tell callers apart although nobody has configured them.
#include "rules/caller_field.hpp"

#include "tests/rules/definitions.hpp"

#include <doctest/doctest.h>

using namespace sidecache::rules;
using namespace sidecache::rules::test;

namespace {

using kind = partition_definition::kind;
using lines = std::vector<std::pair<std::string, std::string>>;

definition one_rule(kind what) {
    definition d;
    d.rules.push_back(ttl_only(a_rule("thing", "GET /things/{id}", "thing:{id}")));
    d.rules[0].partition.what = what;
    if (what == kind::identity) {
        d.rules[0].partition.variables = {"orgId"};
    }
    return d;
}

rule_definition keyed_by(std::string const& source, kind what) {
    auto out = ttl_only(a_rule("thing", "GET /things/{id}", "thing:{id}:{t}", {{"t", source}}));
    out.partition.what = what;
    return out;
}

decision of(definition const& d, lines const& fields) {
    a_request r("GET", "/things/1", fields);
    if (d.rules[0].partition.what == kind::identity) {
        r.verified = lines{{"orgId", "7"}};
    }
    return decided(*compiled(d), r);
}

}  // namespace

TEST_CASE("names are found whatever their case, and no others") {
    for (auto const name : known_caller_fields()) {
        CAPTURE(name);
        CHECK(caller_field_of(name) != caller_field::none);
        std::string lower(name);
        for (auto& c : lower) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
        CHECK(caller_field_of(lower) == caller_field_of(name));
        CHECK(caller_field_of(lower + "x") == caller_field::none);
    }
    CHECK(caller_field_of("x-api-key") == caller_field::clients);
    CHECK(caller_field_of("X-Tenant-Id") == caller_field::clients);
    CHECK(caller_field_of("X-Forwarded-User") == caller_field::told);
    CHECK(caller_field_of("X-Ssl-Client-Verify") == caller_field::told);
    for (std::string const name : {"",
                                   "X",
                                   "Accept",
                                   "Host",
                                   "Cookie",
                                   "X-Request-Id",
                                   "User-Agent",
                                   "X-Forwarded-For",
                                   "X-Api-Kez"}) {
        CAPTURE(name);
        CHECK(caller_field_of(name) == caller_field::none);
    }
    CHECK(caller_field_of(std::string(5'000, 'x')) == caller_field::none);
}

TEST_CASE("by default an API key, or a tenant, shares with the same one only") {
    auto const d = one_rule(kind::credential);
    CHECK(of(d, {}).key == "thing:1");
    for (std::string const name :
         {"X-Api-Key", "x-auth-token", "X-Tenant-Id", "X-Forwarded-User", "api_key"}) {
        CAPTURE(name);
        auto const mine = of(d, {{name, "a"}});
        CHECK(mine.what == verdict::serve);
        CHECK(mine.key.starts_with("thing:1|credential="));
        CHECK(mine.key == of(d, {{"Accept", "x"}, {name, "a"}}).key);
        CHECK(mine.key != of(d, {{name, "b"}}).key);
        CHECK(mine.key != of(d, {{name, "a"}, {name, "a"}}).key);
    }
    CHECK(of(d, {{"X-Api-Key", "a"}}).key != of(d, {{"X-Auth-Token", "a"}}).key);
    SUBCASE("one token for two tenants is two callers") {
        lines const token{{"Authorization", "t"}};
        auto first = token;
        auto second = token;
        first.emplace_back("X-Tenant-Id", "1");
        second.emplace_back("X-Tenant-Id", "2");
        CHECK(of(d, first).key != of(d, second).key);
        CHECK(of(d, first).key != of(d, token).key);
    }
    SUBCASE("unless the key holds it, or the backend never gets it") {
        auto keyed = d;
        keyed.rules[0] = keyed_by("header.X-Tenant-Id", kind::credential);
        CHECK(of(keyed, {{"X-Tenant-Id", "a"}}).key == "thing:1:a");
        auto stripped = d;
        stripped.around.stripped = {"x-api-key"};
        CHECK(of(stripped, {{"X-Api-Key", "a"}}).key == "thing:1");
    }
}

TEST_CASE("inside a verified identity nobody brings a second claim of who he is") {
    auto const d = one_rule(kind::identity);
    CHECK(of(d, {}).key == "thing:1|orgId=7");
    for (std::string const name : {"X-Api-Key", "X-Tenant-Id", "X-Impersonate-User"}) {
        CAPTURE(name);
        CHECK(of(d, {{name, "a"}}).reason == bypass_reason::unverified_identity);
    }
    // What a gateway says is about the caller who was verified.
    CHECK(of(d, {{"X-Forwarded-User", "a"}}).key == "thing:1|orgId=7");
    SUBCASE("callers may be verified by it") {
        auto by_key = d;
        by_key.credential_fields = {"X-Api-Key"};
        CHECK(of(by_key, {{"X-Api-Key", "a"}}).key == "thing:1|orgId=7");
    }
    SUBCASE("or somebody vouches for it: then its values part entries") {
        auto trusted = d;
        trusted.around.trusted = {"X-Tenant-Id"};
        auto const a = of(trusted, {{"X-Tenant-Id", "a"}});
        CHECK(a.key == "thing:1|orgId=7");
        CHECK(a.full_key != of(trusted, {{"X-Tenant-Id", "b"}}).full_key);
    }
}

TEST_CASE("`partition: none` states that the answer is the same for all of them") {
    auto const d = one_rule(kind::none);
    CHECK(of(d, {{"X-Api-Key", "a"}}).full_key == of(d, {}).full_key);
}

TEST_CASE("a name that a backend may read as another one goes past the cache") {
    auto const d = one_rule(kind::none);
    CHECK(is_plain_name("X-Request-Id2"));
    CHECK(is_plain_name(""));
    CHECK(is_plain_name("Aaaaaaaa"));
    CHECK(is_plain_name("^`-/X|~!"));
    for (std::string const name : {"X_Forwarded_Host",
                                   "X_Tenant_Id",
                                   "Accept_Language",
                                   "X.Forwarded.Host",
                                   "X_",
                                   "_a",
                                   ".",
                                   "Aaaaaaa_",
                                   "Aaaaaaaa_aaaaaaa"}) {
        CAPTURE(name);
        CHECK_FALSE(is_plain_name(name));
        CHECK(of(d, {{name, "a"}}).reason == bypass_reason::unkeyed_field);
    }
    SUBCASE("unless it is in the key by that name, or never sent on") {
        auto keyed = d;
        keyed.rules[0] = keyed_by("header.my_tenant", kind::none);
        CHECK(of(keyed, {{"my_tenant", "a"}}).key == "thing:1:a");
        auto stripped = d;
        stripped.around.stripped = {"X_A"};
        CHECK(of(stripped, {{"x_a", "1"}}).what == verdict::serve);
    }
}
