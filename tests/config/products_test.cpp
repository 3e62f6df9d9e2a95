#include "rules/decision.hpp"
#include "rules/request.hpp"
#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

/// The shipped strategy, line by line against the table of keys and TTLs that it promises.
namespace sidecache::tests {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<config::model const> products_with(variables set) {
    auto const loaded = load(shipped("products.yaml"), std::move(set));
    REQUIRE(findings_of(loaded) == "");
    return loaded.config;
}

std::shared_ptr<config::model const> const& products() {
    static auto const config = products_with({});
    return config;
}

TEST_CASE("the products strategy loads without a finding") {
    CHECK(products() != nullptr);
}

TEST_CASE("the catch-all example loads without a finding") {
    auto const loaded = load(shipped("examples/catch-all.yaml"), {});
    REQUIRE(findings_of(loaded) == "");
    auto const& rules = loaded.config->rules->rules();
    REQUIRE(rules.size() == 2);
    CHECK(rules[0].definition.origin);
    CHECK(rules[1].definition.origin);
    CHECK(loaded.config->tag_life() > std::chrono::hours(24 * 7));
}

TEST_CASE("each route of the products API has its key and its ttl") {
    struct {
        std::string_view name;
        std::string_view match;
        std::string_view key;
        std::chrono::seconds ttl;
    } const table[] = {
        {"product-details", "GET /products/{id}", "product:{id}:details", 600s},
        {"product-summary", "GET /products/{id}/summary", "product:{id}", 600s},
        {"product-list",
         "GET /products",
         "products:org:{orgId}:page:{page}:limit:{limit}:search:{search}:order:{order}",
         300s},
        {"organization-products",
         "GET /organizations/{orgId}/products",
         "org:{orgId}:products",
         900s},
        {"schema-products",
         "GET /schemas/{schemaId}/products",
         "schema:{schemaId}:products",
         1200s},
    };
    auto const& rules = products()->rules->rules();
    REQUIRE(rules.size() == std::size(table));
    for (auto const& expected : table) {
        CAPTURE(expected.name);
        auto const* rule = products()->rules->find_rule(expected.name);
        REQUIRE(rule != nullptr);
        CHECK(rule->definition.match.value == expected.match);
        CHECK(rule->definition.key.value == expected.key);
        CHECK(rule->definition.ttl == expected.ttl);
        CHECK(rule->definition.statuses.empty());
        CHECK(rule->definition.unlisted == rules::unlisted_query::bypass);
        CHECK(rule->definition.partition.what == rules::partition_definition::kind::identity);
        CHECK(rule->definition.partition.variables == std::vector<std::string>{"orgId"});
        CHECK_FALSE(rule->definition.ttl_only);
    }
}

TEST_CASE("product details are filled under a lock of 30 seconds, everything else without one") {
    for (auto const& rule : products()->rules->rules()) {
        CAPTURE(rule.definition.name.value);
        CHECK(rule.definition.lock.has_value() ==
              (rule.definition.name.value == "product-details"));
    }
    auto const& lock = products()->rules->find_rule("product-details")->definition.lock;
    CHECK(lock->key.value == "product:{id}:lock");
    CHECK(lock->ttl == 30s);
    CHECK(lock->wait == 5s);
}

TEST_CASE("each mutation purges what it makes stale") {
    struct {
        std::string_view name;
        std::vector<std::string> on;
        std::vector<std::string> patterns;
    } const table[] = {
        {"product-created",
         {"POST /products"},
         {"products:org:{orgId}:*", "org:{orgId}:products", "schema:{schemaId}:products"}},
        {"product-updated",
         {"PUT /products/{id}", "PATCH /products/{id}"},
         {"product:{id}*",
          "products:org:{orgId}:*",
          "org:{orgId}:products",
          "schema:{oldSchemaId}:products",
          "schema:{newSchemaId}:products"}},
        {"product-deleted",
         {"DELETE /products/{id}"},
         {"product:{id}*",
          "products:org:{orgId}:*",
          "org:{orgId}:products",
          "schema:{schemaId}:products"}},
        {"products-bulk-deleted",
         {"DELETE /products", "POST /products/bulk-delete"},
         {"product:{id}*", "products:org:{orgId}:*", "org:{orgId}:products", "schema:*:products"}},
    };
    auto const& purges = products()->rules->purges();
    REQUIRE(purges.size() == std::size(table));
    auto const values = [](std::vector<rules::located<std::string>> const& located) {
        std::vector<std::string> out;
        for (auto const& one : located) {
            out.push_back(one.value);
        }
        return out;
    };
    for (std::size_t i = 0; i < purges.size(); ++i) {
        CAPTURE(table[i].name);
        auto const& purge = purges[i].definition;
        CHECK(purge.name.value == table[i].name);
        CHECK(values(purge.on) == table[i].on);
        CHECK(values(purge.patterns) == table[i].patterns);
        CHECK(purge.settle == 0ms);
    }
}

TEST_CASE("variables come from where the products API has them") {
    std::set<std::string> sources;
    auto const note = [&](std::string const& owner,
                          std::vector<rules::variable_definition> const& vars) {
        for (auto const& v : vars) {
            sources.insert(owner + " " + v.name.value + " = " + v.from.value +
                           (v.fallback ? " or \"" + *v.fallback + "\"" : ""));
        }
    };
    for (auto const& rule : products()->rules->rules()) {
        note(rule.definition.name.value, rule.definition.vars);
    }
    for (auto const& purge : products()->rules->purges()) {
        note(purge.definition.name.value, purge.definition.vars);
    }
    CHECK(sources == std::set<std::string>{
                         "product-list orgId = identity.orgId",
                         "product-list page = query.page or \"1\"",
                         "product-list limit = query.limit or \"10\"",
                         "product-list search = query.search or \"\"",
                         "product-list order = query.order or \"\"",
                         "product-created orgId = identity.orgId",
                         "product-created schemaId = body.schemaId",
                         "product-updated orgId = identity.orgId",
                         "product-updated oldSchemaId = entry.product-details.schemaId",
                         "product-updated newSchemaId = response.schemaId",
                         "product-deleted orgId = identity.orgId",
                         "product-deleted schemaId = entry.product-details.schemaId",
                         "products-bulk-deleted id = body.ids[*]",
                         "products-bulk-deleted orgId = identity.orgId",
                     });
}

TEST_CASE("requests of the products API render to the keys of the strategy") {
    struct {
        std::string_view target;
        std::string_view key;  // empty: bypass
    } const table[] = {
        {"/products/42", "product:42:details|orgId=7"},
        {"/products/42/summary", "product:42|orgId=7"},
        {"/products", "products:org:7:page:1:limit:10:search::order:"},
        {"/products?page=2&limit=50&search=blue&order=-price",
         "products:org:7:page:2:limit:50:search:blue:order:-price"},
        {"/products?page=2&debug=1", ""},
        {"/organizations/7/products", "org:7:products|orgId=7"},
        {"/organizations/8/products", "org:8:products|orgId=7"},  // 8 is only what he claims
        {"/schemas/3/products", "schema:3:products|orgId=7"},
    };
    std::vector<rules::field> const identity{{"userId", "12"}, {"orgId", "7"}};
    for (auto const& [target, key] : table) {
        CAPTURE(target);
        rules::request r;
        r.method = "GET";
        r.target = target;
        r.identity = identity;
        rules::decision d;
        products()->rules->decide(r, d);
        CHECK(d.key == key);
        CHECK(d.what == (key.empty() ? rules::verdict::bypass : rules::verdict::serve));
    }
}

TEST_CASE("what a caller asks for whom nobody vouches is not cached") {
    std::vector<rules::field> const claims{{"X-Org-Id", "7"}, {"orgId", "7"}};
    for (std::string_view const target : {"/products/42",
                                          "/products/42/summary",
                                          "/products",
                                          "/organizations/7/products",
                                          "/schemas/3/products"}) {
        CAPTURE(target);
        rules::request r;
        r.method = "GET";
        r.target = target;
        r.fields = claims;
        rules::decision d;
        products()->rules->decide(r, d);
        CHECK(d.what == rules::verdict::bypass);
        CHECK(d.reason == rules::bypass_reason::unverified_identity);
    }
}

TEST_CASE("the backend itself is asked who somebody is") {
    auto const& identity = products()->identity;
    REQUIRE(identity);
    REQUIRE(identity->probe);
    CHECK(identity->probe->path == "/me");
    CHECK(identity->probe->forward == std::vector<std::string>{"Authorization", "Cookie"});
    CHECK(identity->probe->ttl == 30s);
    CHECK(identity->vars ==
          std::vector<config::identity_variable>{{"userId", ".id"}, {"orgId", ".organizationId"}});
}

TEST_CASE("every rule is reached by the purges that change what it caches") {
    struct {
        std::string_view rule;
        std::set<std::string> purges;
    } const table[] = {
        {"product-details", {"product-updated", "product-deleted", "products-bulk-deleted"}},
        {"product-summary", {"product-updated", "product-deleted", "products-bulk-deleted"}},
        {"product-list",
         {"product-created", "product-updated", "product-deleted", "products-bulk-deleted"}},
        {"organization-products",
         {"product-created", "product-updated", "product-deleted", "products-bulk-deleted"}},
        {"schema-products",
         {"product-created", "product-updated", "product-deleted", "products-bulk-deleted"}},
    };
    for (auto const& [name, purges] : table) {
        CAPTURE(name);
        auto const* rule = products()->rules->find_rule(name);
        REQUIRE(rule != nullptr);
        auto const reaching = products()->rules->purges_reaching(rule->index);
        CHECK(std::set<std::string>(reaching.begin(), reaching.end()) == purges);
    }
}

TEST_CASE("addresses and the token come from the environment, or have the usual defaults") {
    auto const& plain = products();
    CHECK(plain->listen.text() == "0.0.0.0:8080");
    CHECK(plain->admin.listen.text() == "127.0.0.1:9090");
    CHECK(plain->admin.token == "");
    CHECK(plain->upstream.address.text() == "127.0.0.1:3000");
    CHECK(plain->store.description == "redis://127.0.0.1:6379/0");

    auto const set = products_with({{"SIDECACHE_LISTEN", "127.0.0.1:0"},
                                    {"SIDECACHE_ADMIN_LISTEN", "127.0.0.1:9191"},
                                    {"SIDECACHE_ADMIN_TOKEN", "secret"},
                                    {"UPSTREAM_URL", "http://backend:81"},
                                    {"REDIS_URL", "memory://"}});
    CHECK(set->listen.port == 0);
    CHECK(set->admin.listen.port == 9191);
    CHECK(set->admin.token == "secret");
    CHECK(set->upstream.address.text() == "backend:81");
    CHECK(set->store.what == config::store::kind::memory);
}

}  // namespace
}  // namespace sidecache::tests
