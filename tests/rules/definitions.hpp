#pragma once

#include "rules/rule_set.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Definitions as a few strings, so that a test shows them whole, and the strategy of the products
/// service (design.md section 2) as the main example.
namespace sidecache::rules::test {

struct var {
    std::string name;
    std::string from;
    std::optional<std::string> fallback = std::nullopt;
};

inline std::vector<variable_definition> variables(std::vector<var> const& vars) {
    std::vector<variable_definition> out;
    for (auto const& v : vars) {
        out.push_back({.name = {v.name, {}}, .from = {v.from, {}}, .fallback = v.fallback});
    }
    return out;
}

inline rule_definition a_rule(std::string name,
                              std::string match,
                              std::string key,
                              std::vector<var> const& vars = {}) {
    rule_definition r;
    r.name.value = std::move(name);
    r.match.value = std::move(match);
    r.key.value = std::move(key);
    r.vars = variables(vars);
    r.ttl = std::chrono::minutes(10);
    r.partition.what = partition_definition::kind::none;
    return r;
}

inline rule_definition ttl_only(rule_definition r) {
    r.ttl_only = true;
    return r;
}

inline purge_definition a_purge(std::string name,
                                std::vector<std::string> const& on,
                                std::vector<std::string> const& patterns,
                                std::vector<var> const& vars = {}) {
    purge_definition p;
    p.name.value = std::move(name);
    for (auto const& o : on) {
        p.on.push_back({o, {}});
    }
    for (auto const& each : patterns) {
        p.patterns.push_back({each, {}});
    }
    p.vars = variables(vars);
    return p;
}

/// Every key, TTL and purge of the products service. `partition: none` here: partitions have tests
/// of their own.
inline definition products_strategy() {
    using namespace std::chrono_literals;
    definition d;
    auto details = a_rule("product-details", "GET /products/{id}", "product:{id}:details");
    details.lock = lock_definition{.key = {"product:{id}:lock", {}}};
    d.rules.push_back(details);
    d.rules.push_back(a_rule("product-summary", "GET /products/{id}/summary", "product:{id}"));
    auto list =
        a_rule("product-list",
               "GET /products",
               "products:org:{orgId}:page:{page}:limit:{limit}:search:{search}:order:{order}",
               {{"orgId", "header.X-Org-Id"},
                {"page", "query.page", "1"},
                {"limit", "query.limit", "10"},
                {"search", "query.search", ""},
                {"order", "query.order", ""}});
    list.ttl = 300s;
    d.rules.push_back(list);
    auto organization = a_rule(
        "organization-products", "GET /organizations/{orgId}/products", "org:{orgId}:products");
    organization.ttl = 900s;
    d.rules.push_back(organization);
    auto schema =
        a_rule("schema-products", "GET /schemas/{schemaId}/products", "schema:{schemaId}:products");
    schema.ttl = 1200s;
    d.rules.push_back(schema);

    d.purges.push_back(
        a_purge("product-created",
                {"POST /products"},
                {"products:org:{orgId}:*", "org:{orgId}:products", "schema:{schemaId}:products"},
                {{"orgId", "header.X-Org-Id"}, {"schemaId", "body.schemaId"}}));
    d.purges.push_back(a_purge("product-updated",
                               {"PUT /products/{id}", "PATCH /products/{id}"},
                               {"product:{id}*",
                                "products:org:{orgId}:*",
                                "org:{orgId}:products",
                                "schema:{schemaId}:products",
                                "schema:{oldSchemaId}:products"},
                               {{"orgId", "header.X-Org-Id"},
                                {"schemaId", "response.schemaId"},
                                {"oldSchemaId", "entry.product-details.schemaId"}}));
    d.purges.push_back(
        a_purge("product-deleted",
                {"DELETE /products/{id}"},
                {"product:{id}*",
                 "products:org:{orgId}:*",
                 "org:{orgId}:products",
                 "schema:{schemaId}:products"},
                {{"orgId", "header.X-Org-Id"}, {"schemaId", "entry.product-details.schemaId"}}));
    d.purges.push_back(a_purge(
        "products-bulk-deleted",
        {"DELETE /products", "POST /products/bulk-delete"},
        {"product:{id}*", "products:org:{orgId}:*", "org:{orgId}:products", "schema:*:products"},
        {{"id", "body.ids[*]"}, {"orgId", "header.X-Org-Id"}}));
    return d;
}

/// Compiles what must be without an error.
inline std::shared_ptr<rule_set const> compiled(definition const& d) {
    auto c = rule_set::compile(d);
    for (auto const& f : c.findings) {
        if (f.level == severity::error) {
            throw std::runtime_error("unexpected error: " + f.text);
        }
    }
    return c.rules;
}

/// What the full key of an `a_request` holds of its host, behind everything else but claims.
inline std::string const at_shop = "\nhost=shop.example";

/// A request with its own storage.
class a_request {
public:
    a_request(std::string m, std::string t, std::vector<std::pair<std::string, std::string>> l = {})
        : method(std::move(m)), target(std::move(t)), lines(std::move(l)) {}

    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> lines;
    bool has_body = false;
    std::optional<std::vector<std::pair<std::string, std::string>>> verified = std::nullopt;

    request view() {
        fields_.clear();
        identity_.clear();
        for (auto const& [name, value] : lines) {
            fields_.push_back({name, value});
        }
        request r{.method = method,
                  .target = target,
                  .host = "shop.example",
                  .fields = fields_,
                  .has_body = has_body,
                  .identity = std::nullopt};
        if (verified) {
            for (auto const& [name, value] : *verified) {
                identity_.push_back({name, value});
            }
            r.identity = identity_;
        }
        return r;
    }

private:
    std::vector<field> fields_;
    std::vector<field> identity_;
};

inline decision decided(rule_set const& rules, a_request r) {
    decision d;
    rules.decide(r.view(), d);
    return d;
}

inline std::vector<std::string> list(tag_list const& tags) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < tags.size(); ++i) {
        out.emplace_back(tags[i]);
    }
    return out;
}

}  // namespace sidecache::rules::test
