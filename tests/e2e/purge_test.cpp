// What a change reaches before its client has the answer (design.md sections 2 and 4).
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sidecache::tests;

namespace {

struct view {
    std::string target;
    http_fields fields;
};

view const details1{"/products/1", {}}, summary1{"/products/1/summary", {}},
    details2{"/products/2", {}}, details10{"/products/10", {}}, list1{"/products?limit=20", org1},
    list2{"/products?limit=20", org2}, by_org1{"/organizations/1/products", {}},
    by_org2{"/organizations/2/products", {}}, schema1{"/schemas/1/products", {}},
    schema2{"/schemas/2/products", {}}, schema4{"/schemas/4/products", {}};

void warm(stack& s, std::vector<view> const& views) {
    for (auto const& v : views) {
        INFO(v.target);
        REQUIRE(becomes_hit(s, 0, v.target, v.fields));
        REQUIRE(becomes_hit(s, 1, v.target, v.fields));
    }
}

void all_are(stack& s, bool hit, std::vector<view> const& views) {
    for (auto const& v : views) {
        INFO(v.target);
        CHECK(is_hit(s[1].get(v.target, v.fields)) == hit);
    }
}

}  // namespace

TEST_CASE("POST /products: the organization's lists and the schema's, nothing else") {
    stack s(patient());
    warm(s, {details1, list1, list2, by_org1, by_org2, schema1, schema2});
    auto const made =
        s[0].request("POST", "/products", org1, R"({"name": "fresh", "schemaId": 1})");
    CHECK(made.status == 201);
    all_are(s, true, {details1, list2, by_org2, schema2});
    auto const by_org = s[1].get(by_org1.target);
    CHECK_FALSE(is_hit(by_org));
    CHECK(lists(by_org, 101));
    CHECK(lists(s[1].get(schema1.target), 101));
    all_are(s, false, {list1});
}

TEST_CASE("PUT and PATCH: the product's keys, its lists, and no product whose id begins the same") {
    stack s(patient());
    for (auto const* const method : {"PUT", "PATCH"}) {
        INFO(method);
        warm(s, {details1, summary1, details10, details2, list1, list2, by_org1, schema1, schema4});
        auto const before = version_of(s[1].get(details1.target));
        CHECK(s[0].request(method, "/products/1", org1, R"({"name": "n", "schemaId": 1})").status ==
              200);
        all_are(s, true, {details10, details2, list2, schema4});
        auto const now = s[1].get(details1.target);
        CHECK_FALSE(is_hit(now));
        CHECK(version_of(now) == before + 1);
        CHECK(version_of(s[1].get(summary1.target)) == before + 1);
        all_are(s, false, {list1, by_org1, schema1});
    }
}

TEST_CASE("DELETE: a deleted product is nowhere any more") {
    stack s(patient());
    warm(s, {details1, summary1, details10, list1, by_org1, schema1});
    CHECK(s[0].request("DELETE", "/products/1", org1).status == 204);
    CHECK(s[1].get(details1.target).status == 404);
    CHECK(s[1].get(summary1.target).status == 404);
    CHECK_FALSE(lists(s[1].get(by_org1.target), 1));
    CHECK_FALSE(lists(s[1].get(schema1.target), 1));
    CHECK_FALSE(lists(s[1].get(list1.target, org1), 1));
    all_are(s, true, {details10});
}

TEST_CASE("a product moves to another schema: the list that it leaves and the one it comes to") {
    stack s(patient());
    SUBCASE("its old schema is known from what is cached") {
        warm(s, {details1});
    }
    SUBCASE("nothing is cached of it: every schema's list goes, rather than none") {}
    warm(s, {schema1, schema2});
    CHECK(patch(s[0], 1, R"({"schemaId": 2})").status == 200);
    CHECK_FALSE(lists(s[1].get(schema1.target), 1));
    CHECK(lists(s[1].get(schema2.target), 1));
}

TEST_CASE("a bulk delete of 500 ids, by either route") {
    auto o = patient();
    o.products = 1600;
    stack s(o);
    std::string route;
    SUBCASE("DELETE /products") {
        route = "DELETE /products";
    }
    SUBCASE("POST /products/bulk-delete") {
        route = "POST /products/bulk-delete";
    }
    std::vector<view> gone, kept;
    std::string ids;
    for (int i = 0; i < 500; ++i) {
        auto const id = std::to_string(1 + 3 * i);  // organization 1 has each third product
        ids += (ids.empty() ? "" : ",") + id;
        gone.push_back({"/products/" + id, {}});
    }
    for (int id : {2, 3, 1501, 1502}) {
        kept.push_back({"/products/" + std::to_string(id), {}});
    }
    http_client client(s[0].port());
    for (auto const& v : gone) {
        REQUIRE(client.get(v.target).status == 200);
    }
    warm(s, kept);
    warm(s, {schema1, schema4, by_org1, by_org2});
    auto const blank = route.find(' ');
    auto const r = s[0].request(
        route.substr(0, blank), route.substr(blank + 1), org1, "{\"ids\": [" + ids + "]}");
    CHECK(r.status == 200);
    CHECK(json_of(r).at("deleted").as_array().size() == 500);
    http_client other(s[1].port());
    for (auto const& v : gone) {
        CHECK(other.get(v.target).status == 404);
    }
    all_are(s, true, kept);
    all_are(s, false, {schema1, schema4, by_org1});
    all_are(s, true, {by_org2});
}

TEST_CASE("what a stranger is refused flushes nothing; what is not there neither") {
    stack s(patient());
    warm(s, {details1, list1, schema1});
    struct row {
        std::string method, target;
        http_fields fields;
        std::string body;
        int status;
    };
    row const refused[] = {
        {"DELETE", "/products/1", {{"Authorization", "Bearer wrong"}}, "", 401},
        {"DELETE", "/products/1", org2, "", 404},
        {"PATCH", "/products/1", org1, "not JSON", 400},
        {"PATCH", "/products/1", org1, R"({"priceCents": "a"})", 422},
        {"POST", "/products/1", org1, "{}", 405},
    };
    for (auto const& r : refused) {
        INFO(r.status);
        CHECK(s[0].request(r.method, r.target, r.fields, r.body).status == r.status);
        all_are(s, true, {details1, list1, schema1});
    }
}

TEST_CASE("a mutation without X-Org-Id widens: too much goes, never too little") {
    stack s(patient());
    warm(s, {list1, list2, by_org1, by_org2});
    CHECK(s[0].request("PATCH", "/products/1", {}, R"({"priceCents": 3})").status == 200);
    all_are(s, false, {list1, list2, by_org1, by_org2});
}

TEST_CASE("bodies: gzip is looked into, what cannot be read widens, what is too large widens") {
    stack s(patient());
    warm(s, {schema1, schema2, list1});
    SUBCASE("not JSON is the backend's to refuse, and changes nothing") {
        CHECK(s[0].request("POST", "/products", org1, "{\"name\":").status == 400);
        all_are(s, true, {schema1, schema2, list1});
    }
    SUBCASE("more than max_mutation_body is not looked at: every schema's list goes") {
        auto const filler = std::string(2'000'000, 'x');
        auto const r =
            s[0].request("POST",
                         "/products",
                         org1,
                         R"({"name": "n", "schemaId": 1, "description": ")" + filler + "\"}");
        CHECK(r.status == 201);
        all_are(s, false, {schema1, schema2, list1});
    }
    SUBCASE("an answer in gzip still tells the new schema") {
        s.backend().gzip(true);
        warm(s, {details2});
        http_fields fields = org2;
        fields.emplace_back("Accept-Encoding", "gzip");
        auto const moved = s[0].request("PATCH", "/products/2", fields, R"({"schemaId": 5})");
        CHECK(moved["Content-Encoding"] == "gzip");
        CHECK(moved.body.starts_with("\x1f\x8b"));
        CHECK(lists(s[1].get("/schemas/5/products"), 2));
        all_are(s, true, {schema1, list1});
    }
}

TEST_CASE("a mutation that no purge names still invalidates its own path, and is counted") {
    auto o = patient();
    o.rules = R"(
rules:
  - {name: details, match: "GET /products/{id}", key: "product:{id}:details", ttl: 10m}
purges:
  - {name: created, on: POST /products, patterns: ["product:*"]}
)";
    stack s(o);
    warm(s, {details1, details2});
    CHECK(patch(s[0], 1).status == 200);
    CHECK(version_of(s[1].get(details1.target)) == 2);
    all_are(s, true, {details2});
    CHECK(s[0].metric("sidecache_unmatched_mutations_total") == 1);
}

TEST_CASE("POST /purge: by pattern, by key, by rule") {
    stack s(patient());
    warm(s, {details1, summary1, details2, schema1});
    auto const purge = [&](std::string const& json) {
        return s[0].admin("POST", "/purge", {{"Content-Type", "application/json"}}, json).status;
    };
    SUBCASE("a pattern") {
        CHECK(purge(R"({"pattern": "product:1*"})") == 200);
        all_are(s, false, {details1, summary1});
        all_are(s, true, {details2, schema1});
    }
    SUBCASE("a key") {
        CHECK(purge(R"({"key": "product:1:details"})") == 200);
        all_are(s, false, {details1});
        all_are(s, true, {details2, schema1});
    }
    SUBCASE("a rule") {
        CHECK(purge(R"({"rule": "product-details"})") == 200);
        all_are(s, false, {details1, details2});
        all_are(s, true, {summary1, schema1});
    }
    SUBCASE("what is not there to purge is said") {
        CHECK(purge(R"({"rule": "no-such-rule"})") >= 400);
        CHECK(purge("nonsense") == 400);
        all_are(s, true, {details1, details2, summary1, schema1});
    }
}

TEST_CASE("purged keys leave Redis in the background, without KEYS and without SCAN") {
    stack s(patient());
    std::vector<view> pages;
    for (int page = 1; page <= 20; ++page) {
        pages.push_back({"/products?limit=1&page=" + std::to_string(page), org1});
    }
    warm(s, pages);
    CHECK(s.redis().keys("products:org:1:*").size() == 20);
    s.redis().command({"CONFIG", "RESETSTAT"});
    CHECK(patch(s[0], 1).status == 200);
    CHECK(eventually([&] { return s.redis().keys("products:org:1:*").empty(); }));
    CHECK(s.redis().calls("scan") == 0);
}
