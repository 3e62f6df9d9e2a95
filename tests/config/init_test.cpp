#include "config/init/init.hpp"

#include "config/init/words.hpp"
#include "tests/config/given.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

/// `sidecache init`: from an OpenAPI file to rules and purges. The files in openapi/ are whole
/// APIs; what is told here in two lines is one route of such a file.
namespace sidecache::tests {
namespace {

using config::init::made;
using config::init::reading;

std::string api_file(std::string const& name) {
    std::ifstream in(std::string(SIDECACHE_OPENAPI_DIR) + "/" + name);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

struct outcome {
    std::optional<made> result;
    std::string findings;
    config::loaded config;
};

outcome init_of(std::string_view openapi, reading const& how = {}) {
    config::report found("api.yaml");
    outcome out;
    out.result = config::init::make(openapi, how, {.source = "api.yaml"}, found);
    for (auto const& f : found.take()) {
        out.findings += (out.findings.empty() ? "" : "\n") + f.print();
    }
    if (out.result) {
        out.config = load(out.result->yaml);
    }
    return out;
}

/// An API of these routes alone: "GET /products", one a line of `paths`.
outcome init_of_routes(std::vector<std::string> const& routes) {
    std::string yaml = "openapi: 3.0.0\npaths:\n";
    std::vector<std::string> paths;
    for (auto const& route : routes) {
        auto const path = route.substr(route.find(' ') + 1);
        if (std::ranges::find(paths, path) == paths.end()) {
            paths.push_back(path);
        }
    }
    for (auto const& path : paths) {
        yaml += "  '" + path + "':\n";
        for (auto const& route : routes) {
            auto const space = route.find(' ');
            if (route.substr(space + 1) == path) {
                auto method = route.substr(0, space);
                std::ranges::transform(
                    method, method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
                yaml += "    " + method + ": {}\n";
            }
        }
    }
    return init_of(yaml);
}

std::string key_of(outcome const& o, std::string_view match) {
    REQUIRE(o.config.config);
    for (auto const& rule : o.config.config->rules->rules()) {
        if (rule.definition.match.value == match) {
            return rule.definition.key.value;
        }
    }
    return "";
}

rules::rule_definition const& rule_for(outcome const& o, std::string_view match) {
    REQUIRE(o.config.config);
    for (auto const& rule : o.config.config->rules->rules()) {
        if (rule.definition.match.value == match) {
            return rule.definition;
        }
    }
    FAIL("there is no rule for " << match << " in\n" << o.result->yaml);
    throw 0;
}

/// The patterns of the purge for a route, sorted, one a line.
std::string patterns_of(outcome const& o, std::string_view on) {
    REQUIRE(o.config.config);
    std::vector<std::string> out;
    for (auto const& purge : o.config.config->rules->purges()) {
        for (auto const& route : purge.definition.on) {
            if (route.value == on) {
                for (auto const& p : purge.definition.patterns) {
                    out.push_back(p.value);
                }
            }
        }
    }
    std::ranges::sort(out);
    std::string text;
    for (auto const& p : out) {
        text += (text.empty() ? "" : " ") + p;
    }
    return text;
}

bool holds(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

TEST_CASE("the products API becomes the file that lies beside it") {
    config::report found("products.yaml");
    auto const result =
        config::init::make(api_file("products.yaml"), {}, {.source = "products.yaml"}, found);
    REQUIRE(result);
    CHECK(found.take().empty());
    CHECK(result->yaml == api_file("products.made.yaml"));
}

TEST_CASE("whatever the API, what is made loads without an error or a warning") {
    for (auto const* const name : {"products.yaml", "petstore.json", "nasty.yaml"}) {
        CAPTURE(name);
        auto const o = init_of(api_file(name));
        REQUIRE(o.result);
        CHECK(o.config.config);
        CHECK(findings_of(o.config) == "");
        CHECK(init_of(api_file(name)).result->yaml == o.result->yaml);
    }
}

TEST_CASE("a key is made of the path: one product, what is below it, a list") {
    auto const o = init_of_routes({"GET /products",
                                   "GET /products/{id}",
                                   "GET /products/{id}/images",
                                   "GET /products/{id}/images/{imageId}",
                                   "GET /organizations/{orgId}/products",
                                   "GET /categories/{category-id}",
                                   "GET /pet/{petId}",
                                   "GET /pet/findByStatus",
                                   "GET /api-docs.json",
                                   "GET /{tenantId}/orders"});
    CHECK(o.findings == "");
    CHECK(key_of(o, "GET /products") == "products");
    CHECK(key_of(o, "GET /products/{id}") == "product:{id}");
    CHECK(key_of(o, "GET /products/{id}/images") == "product:{id}:images");
    CHECK(key_of(o, "GET /products/{id}/images/{imageId}") == "product:{id}:image:{imageId}");
    CHECK(key_of(o, "GET /organizations/{orgId}/products") == "organization:{orgId}:products");
    CHECK(key_of(o, "GET /categories/{categoryId}") == "category:{categoryId}");
    CHECK(key_of(o, "GET /pet/{petId}") == "pet:{petId}");
    CHECK(key_of(o, "GET /pet/findByStatus") == "pet-list:findByStatus");
    CHECK(key_of(o, "GET /{tenantId}/orders") == "tenant:{tenantId}:orders");
}

TEST_CASE("keys that could be the same text begin with the rule's name") {
    auto const o = init_of_routes({"GET /pet/{id}", "GET /pets/{id}", "GET /Pet/{id}"});
    CHECK(key_of(o, "GET /pet/{id}") == "pet:{id}");
    CHECK(key_of(o, "GET /pets/{id}") == "pet2:pet:{id}");
    CHECK(findings_of(o.config) == "");
}

TEST_CASE("what is more special comes first, the rest in the order of the file") {
    auto const o =
        init_of_routes({"GET /z", "GET /products/{id}", "GET /a", "GET /products/popular"});
    std::string order;
    for (auto const& rule : o.config.config->rules->rules()) {
        order += rule.definition.match.value + "\n";
    }
    CHECK(order == "GET /z\nGET /products/popular\nGET /products/{id}\nGET /a\n");
}

TEST_CASE("a write reaches the thing, what is below it, and lists of its kind wherever they are") {
    auto const o = init_of_routes({"GET /products",
                                   "GET /products/{id}",
                                   "GET /products/{id}/summary",
                                   "GET /products/search",
                                   "GET /organizations/{orgId}/products",
                                   "GET /organizations/{orgId}",
                                   "POST /products",
                                   "PUT /products/{id}",
                                   "DELETE /products/{productId}",
                                   "POST /products/",
                                   "POST /organizations/{orgId}/products"});
    CHECK(patterns_of(o, "POST /products") == "organization:*:products* products*");
    CHECK(patterns_of(o, "PUT /products/{id}") ==
          "organization:*:products* product:{id}* products*");
    CHECK(patterns_of(o, "DELETE /products/{productId}") ==
          "organization:*:products* product:{productId}* products*");
    // One organization's: its own lists, and the organization itself, which may count them.
    CHECK(patterns_of(o, "POST /organizations/{orgId}/products") ==
          "organization:{orgId}* products*");
}

TEST_CASE("a write below a thing reaches that thing, but not its other lists") {
    auto const o = init_of_routes({"GET /products/{id}",
                                   "GET /products",
                                   "GET /products/{id}/summary",
                                   "GET /products/{id}/images",
                                   "GET /products/{id}/reviews",
                                   "GET /products/{id}/reviews/{reviewId}",
                                   "POST /products/{id}/images",
                                   "DELETE /products/{id}/images/{imageId}",
                                   "PUT /products/{id}/reviews/{reviewId}"});
    CHECK(patterns_of(o, "POST /products/{id}/images") ==
          "product:{id} product:{id}:images* product:{id}:summary* products*");
    CHECK(patterns_of(o, "DELETE /products/{id}/images/{imageId}") ==
          "product:{id} product:{id}:images* product:{id}:summary* products*");
    CHECK(holds(patterns_of(o, "PUT /products/{id}/reviews/{reviewId}"),
                "product:{id}:review:{reviewId}*"));
}

TEST_CASE("a verb at the end is a change of what stands before it") {
    auto const o = init_of_routes({"GET /products",
                                   "GET /products/{id}",
                                   "POST /products/{id}/publish",
                                   "POST /products/{id}:archive",
                                   "POST /products/import",
                                   "POST /products/search"});
    CHECK(patterns_of(o, "POST /products/{id}/publish") == "product:{id}* products*");
    CHECK(patterns_of(o, "POST /products/{id}:archive") == "product:{id}* products*");
    CHECK(patterns_of(o, "POST /products/import") == "product:* products*");
    CHECK(patterns_of(o, "POST /products/search") == "");
    CHECK(holds(o.result->yaml, "POST /products/search (line 14): it reads like a question"));
}

TEST_CASE("a bulk write takes each id that its body names, and all where it names none") {
    auto const made_with = [](std::string const& schema) {
        return init_of(
            "openapi: 3.0.0\npaths:\n  /products: {get: {}, delete: {requestBody: {content: "
            "{application/json: {schema: " +
            schema + "}}}}}\n  /products/{id}: {get: {}}\n");
    };
    struct row {
        std::string schema, from;
    };
    for (auto const& [schema, from] : std::vector<row>{
             {"{type: object, properties: {ids: {type: array, items: {type: integer}}}}",
              "body.ids[*]"},
             {"{type: object, properties: {productIds: {type: array, items: {type: string}}}}",
              "body.productIds[*]"},
             {"{type: object, properties: {items: {type: array, items: {type: object, properties: "
              "{id: {type: string}}}}}}",
              "body.items[*].id"},
             {"{type: array, items: {type: string}}", "body[*]"},
             {"{type: object, properties: {id: {type: string}, categoryIds: {type: array, items: "
              "{type: string}}}}",
              "body.id"},
         }) {
        CAPTURE(schema);
        auto const o = made_with(schema);
        CHECK(patterns_of(o, "DELETE /products") == "product:{eachId}* products*");
        CHECK(o.config.config->rules->purges().front().definition.vars.front().from.value == from);
    }
    auto const unknown = made_with(
        "{type: object, properties: {categoryIds: {type: array, items: {type: string}}}}");
    CHECK(patterns_of(unknown, "DELETE /products") == "product:* products*");
}

TEST_CASE("a new thing goes to the list that its body names; a change may move it") {
    auto const o = init_of(R"(openapi: 3.0.0
paths:
  /schemas/{schemaId}/products: {get: {}}
  /products:
    post: {requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/P'}}}}}
  /products/{id}:
    put: {requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/P'}}}}}
  /schemas/{schemaId}/products/{id}:
    put: {requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/P'}}}}}
components: {schemas: {P: {type: object, properties: {schema_id: {type: integer}}}}}
)");
    CHECK(patterns_of(o, "POST /products") == "schema:{schema_id}:products*");
    CHECK(patterns_of(o, "PUT /products/{id}") == "schema:*:products*");
    CHECK(patterns_of(o, "PUT /schemas/{schemaId}/products/{id}") ==
          "schema:*:products* schema:{schemaId}*");
}

TEST_CASE("parameters: the query with its defaults, fields but for those that pass by") {
    auto const o = init_of(R"(openapi: 3.1.0
paths:
  /products:
    parameters:
      - {name: page, in: query, schema: {type: integer, default: 7}}
      - {name: limit, in: query, schema: {type: integer, default: 10}}
      - {name: sort-by, in: query}
      - {name: org, in: query, required: true}
      - {name: X-Tenant, in: header, required: true}
      - {name: X-Request-Id, in: header}
    get:
      parameters: [{name: page, in: query, schema: {type: integer, default: 1}}]
    post: {}
)");
    auto const& rule = rule_for(o, "GET /products");
    CHECK(rule.key.value ==
          "products:page:{page}:limit:{limit}:sort-by:{sortBy}:org:{org}:X-Tenant:{XTenant}");
    std::string vars;
    for (auto const& v : rule.vars) {
        vars += v.name.value + "=" + v.from.value + "|" + v.fallback.value_or("none") + "\n";
    }
    CHECK(vars ==
          "page=query.page|1\nlimit=query.limit|10\nsortBy=query.sort-by|\norg=query.org|none\n"
          "XTenant=header.X-Tenant|none\n");
    CHECK(rule.max_keys == 10'000);
}

TEST_CASE("who may share: everybody only where the file says that no credential is needed") {
    auto const of = [](std::string const& security) {
        return init_of("openapi: 3.0.0\nsecurity: [{bearer: []}]\npaths: {/a: {put: {}, get: {" +
                       security +
                       "}}}\ncomponents: {securitySchemes: {bearer: {type: http, scheme: bearer}, "
                       "key: {type: apiKey, in: header, name: X-Key}, sid: {type: apiKey, in: "
                       "cookie, name: sid}, query: {type: apiKey, in: query, name: key}}}\n");
    };
    using kind = rules::partition_definition::kind;
    CHECK(rule_for(of(""), "GET /a").partition.what == kind::credential);
    CHECK(rule_for(of("security: []"), "GET /a").partition.what == kind::none);
    CHECK(rule_for(of("security: [{}, {bearer: []}]"), "GET /a").partition.what ==
          kind::credential);
    CHECK(rule_for(of("security: [{sid: []}]"), "GET /a").partition.what == kind::credential);
    // No partition sees these: callers with different keys would share.
    for (auto const* const unseen :
         {"security: [{key: []}]", "security: [{bearer: [], query: []}]"}) {
        auto const o = of(unseen);
        CHECK(key_of(o, "GET /a") == "");
        CHECK(holds(o.result->yaml, "which no partition sees"));
    }
    auto const silent = init_of("openapi: 3.0.0\npaths: {/a: {get: {}, put: {}}}");
    CHECK(rule_for(silent, "GET /a").partition.what == kind::credential);
    CHECK(holds(silent.result->yaml, "the file says nothing of security"));
}

TEST_CASE(
    "what no write seems to change is offered, and cached by itself only in an API without any") {
    auto const with_writes = init_of_routes({"GET /countries", "GET /products", "POST /products"});
    CHECK(key_of(with_writes, "GET /countries") == "");
    CHECK(holds(with_writes.result->yaml, "  # - name: countries\n  #   match: GET /countries\n"));
    auto const without = init_of_routes({"GET /countries"});
    CHECK(rule_for(without, "GET /countries").ttl_only);
}

TEST_CASE("routes that are better not cached are named with the reason") {
    auto const o =
        init_of_routes({"GET /login", "GET /health", "GET /me", "GET /products/", "PUT /x"});
    REQUIRE(o.result);
    CHECK(o.result->rules == 0);
    CHECK(o.result->left_out == 5);
    for (auto const* const line : {"GET /login (line 4): it is about sessions and credentials",
                                   "GET /health (line 6): it is about this moment",
                                   "GET /me (line 8): it is about who asks",
                                   "GET /products/ (line 10): its path ends with '/'",
                                   "PUT /x (line 12): nothing that is cached"}) {
        CAPTURE(line);
        CHECK(holds(o.result->yaml, line));
    }
}

TEST_CASE("the base path is matched and in no key; versions that all paths share are in no key") {
    auto const yaml = std::string(R"(openapi: 3.0.0
servers: [{url: 'https://{host}/shop/{v}/', variables: {host: {default: x}, v: {default: v2}}}]
paths: {/api/v1/products: {get: {}, post: {}}}
)");
    CHECK(key_of(init_of(yaml), "GET /shop/v2/api/v1/products") == "products");
    CHECK(key_of(init_of(yaml, {.base_path = "/", .only = {}}), "GET /api/v1/products") ==
          "products");
    CHECK(key_of(init_of(yaml, {.base_path = "/x/", .only = {}}), "GET /x/api/v1/products") ==
          "products");
    CHECK(key_of(init_of("swagger: '2.0'\nbasePath: /v2\npaths: {/pets: {get: {}, post: {}}}"),
                 "GET /v2/pets") == "pets");
}

TEST_CASE("--only takes a part of a large API") {
    auto const routes =
        "openapi: 3.0.0\npaths: {/a/b: {get: {}, put: {}}, /c: {get: {}, put: {}}}\n";
    auto const o = init_of(routes, {.base_path = {}, .only = {"/a"}});
    CHECK(key_of(o, "GET /a/b") != "");
    CHECK(key_of(o, "GET /c") == "");
    CHECK(init_of(routes, {.base_path = {}, .only = {"/d"}}).findings ==
          "api.yaml: error: no path begins as --only says; paths count with their base path: /");
}

TEST_CASE("what is no OpenAPI file is refused with its place") {
    struct row {
        std::string yaml, finding;
    };
    std::string many = "openapi: 3.0.0\npaths:\n";
    for (int i = 0; i <= 1'000; ++i) {
        many += "  /p" + std::to_string(i) + ": {get: {}}\n";
    }
    for (auto const& [yaml, finding] : std::vector<row>{
             {"", "api.yaml: error: the file is empty"},
             {"openapi: 3.0.0\n  paths: {}", "api.yaml:2:"},
             {"info: {}", "api.yaml:1:1: error: this is no OpenAPI file"},
             {"openapi: 4.0.0", "api.yaml:1:10: error: version `4.0.0` is not understood"},
             {"swagger: '1.2'", "api.yaml:1:10: error: version `1.2` is not understood"},
             {"openapi: 3.0.0", "api.yaml:1:1: error: there are no `paths`"},
             {"openapi: 3.0.0\npaths: {}", "api.yaml: error: there is no route in `paths`"},
             {many, "api.yaml:1003:3: error: there are more than 1000 routes"},
             {"openapi: 3.0.0\npaths: {/a: {get: {}, get: {}}}",
              "api.yaml:2:23: error: duplicate key `get`"},
             {std::string((16U << 20U) + 1, ' '), "api.yaml: error: the file is larger than 16MiB"},
             {"{\"openapi\": \"3.0.0\", \"paths\": {\"/a\": " + std::string(200, '[') + "}}",
              "api.yaml:1:"},
         }) {
        CAPTURE(finding);
        auto const o = init_of(yaml);
        CHECK_FALSE(o.result);
        CAPTURE(o.findings);
        CHECK(holds(o.findings, finding));
    }
}

TEST_CASE("references: followed in the file, each one that cannot be said once") {
    auto const o = init_of(R"(openapi: 3.0.0
paths:
  /a: {$ref: '#/components/pathItems/a~1b'}
  /c: {$ref: 'c.yaml'}
  /d: {$ref: '#/components/loop'}
  /e: {$ref: '#/components/nothing'}
  /f: {$ref: '#/components/nothing'}
components:
  loop: {$ref: '#/components/loop'}
  pathItems: {a/b: {get: {}, put: {}}}
)");
    CHECK(key_of(o, "GET /a") == "a");
    CHECK(o.findings ==
          "api.yaml:4:14: warning: `$ref` to `c.yaml` leads out of this file and is not followed; "
          "bundle the files into one first, or complete what comes out by hand\n"
          "api.yaml:6:14: warning: `$ref` to `#/components/nothing` leads nowhere\n"
          "api.yaml:9:16: warning: `$ref` to `#/components/loop` leads in a circle");
}

TEST_CASE("nothing of descriptions, examples or addresses comes into the file") {
    auto const o = init_of(R"(openapi: 3.0.0
info: {title: T, description: hunter2, contact: {email: hunter2}}
servers: [{url: 'https://user:hunter2@internal/'}]
paths:
  /a:
    get: {summary: hunter2, description: hunter2, parameters: [{name: q, in: query, example: hunter2}]}
    post: {requestBody: {content: {application/json: {example: {a: hunter2}}}}}
)");
    REQUIRE(o.result);
    CHECK_FALSE(holds(o.result->yaml, "hunter2"));
    CHECK_FALSE(holds(o.result->yaml, "internal"));
}

TEST_CASE("names") {
    using namespace config::init;
    struct row {
        std::string_view in, out;
    };
    for (auto const& [in, out] : {row{"products", "product"},
                                  row{"categories", "category"},
                                  row{"addresses", "address"},
                                  row{"statuses", "status"},
                                  row{"status", "status"},
                                  row{"boxes", "box"},
                                  row{"houses", "house"},
                                  row{"news", "news"},
                                  row{"order-items", "order-item"},
                                  row{"s", "s"},
                                  row{"people", "person"}}) {
        CHECK(singular(in) == out);
    }
    for (auto const& [in, out] :
         {row{"getProductById", "get-product-by-id"},
          row{"read_item_items__item_id__get", "read-item-items-item-id-get"},
          row{"HTTPServer2Go", "http-server2-go"},
          row{"...", ""}}) {
        CHECK(kebab(in) == out);
    }
    for (auto const& [in, out] : {row{"product-id", "productId"},
                                  row{"page[size]", "pageSize"},
                                  row{"2nd", "_2nd"},
                                  row{"null", "_null"},
                                  row{"\xC3\xA9", "value"}}) {
        CHECK(variable_name(in) == out);
    }
    CHECK(for_comment("a\nb\x1B\xE2\x80\xA8") == "a?b????");
    CHECK(for_comment(std::string(200, 'a')).size() == 103);
}

}  // namespace
}  // namespace sidecache::tests
