#include "tests/support/http_client.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using namespace sidecache::tests;

namespace {

std::uint16_t port_in(std::string const& line) {
    return static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(':') + 1)));
}

struct fixture {
    temp_dir folder;
    process backend{{.argv = {DEMO_BACKEND,
                              "--port",
                              "0",
                              "--seed",
                              "30",
                              "--database",
                              (folder.path() / "products.db").string()}}};
    std::uint16_t control = port_in(backend.wait_for_line("control listening on"));
    std::uint16_t port = port_in(backend.wait_for_line("backend listening on"));
    http_client client{port};

    boost::json::value json(std::string const& target, http_fields const& fields = {}) {
        return boost::json::parse(client.get(target, fields).body);
    }
    std::int64_t count(std::string const& route) {
        auto const v = boost::json::parse(fetch(control, "GET", "/counters").body);
        auto const* const n = v.at("routes").as_object().if_contains(route);
        return n == nullptr ? 0 : n->to_number<std::int64_t>();
    }
};

http_fields const org1{{"X-Org-Id", "1"}};
http_fields const user1{{"Authorization", "Bearer token-1-1"}};
http_fields const user2{{"Authorization", "Bearer token-2-1"}};

}  // namespace

TEST_CASE_FIXTURE(fixture,
                  "a product: details, summary, and a version that goes up with each change") {
    auto const before = json("/products/1");
    CHECK(before.at("version") == 1);
    CHECK(before.at("schemaId") == 1);
    CHECK(before.at("organizationId") == 1);
    CHECK(before.at("fields").as_object().size() == 6);
    CHECK_FALSE(json("/products/1/summary").as_object().contains("fields"));

    auto const patched = client.request("PATCH", "/products/1", org1, R"({"priceCents": 5})");
    CHECK(patched.status == 200);
    auto const put =
        client.request("PUT", "/products/1", org1, R"({"name": "new", "schemaId": 2})");
    CHECK(put.status == 200);
    auto const after = json("/products/1");
    CHECK(after.at("version") == 3);
    CHECK(after.at("name") == "new");
    CHECK(after.at("schemaId") == 2);
    CHECK(after.at("fields").as_object().empty());

    CHECK(client.request("DELETE", "/products/1", org1).status == 204);
    CHECK(client.get("/products/1").status == 404);
}

TEST_CASE_FIXTURE(fixture, "lists: paging, search, order, by organization and by schema") {
    auto const page = json("/products?page=2&limit=4&order=-id", org1);
    CHECK(page.at("total") == 10);
    CHECK(page.at("items").at(0).at("id") == 16);
    CHECK(json("/products?search=SKU-1", org1).at("total") == 5);  // 1, 10, 13, 16, 19
    CHECK(json("/products?search=100%25", org1).at("total") == 0);
    CHECK(json("/organizations/2/products").at("items").as_array().size() == 10);
    CHECK(json("/schemas/1/products").at("items").as_array().size() == 4);
    CHECK(client.get("/products?order=color", org1).status == 400);
    CHECK(client.get("/products?limit=101", org1).status == 400);
    CHECK(client.get("/products").status == 400);
}

TEST_CASE_FIXTURE(fixture, "create and bulk delete") {
    auto const made = client.request("POST", "/products", org1, R"({"name": "n", "schemaId": 1})");
    CHECK(made.status == 201);
    CHECK(made["Location"] == "/products/31");
    CHECK(client.request("POST", "/products", org1, R"({"name": "n", "schemaId": 4})").status ==
          422);
    CHECK(client.request("POST", "/products", org1, "{").status == 400);
    auto const gone =
        client.request("POST", "/products/bulk-delete", org1, R"({"ids": [1, 2, 4, 31, 99]})");
    CHECK(gone.body == R"({"deleted":[1,4,31]})");  // 2 is another organization's
    CHECK(client.request("DELETE", "/products", {}, R"({"ids": [2]})").body ==
          R"({"deleted":[2]})");
}

TEST_CASE_FIXTURE(fixture, "who asks: tokens confine to an organization, invalid ones to nothing") {
    CHECK(json("/me", user1).at("organizationId") == 1);
    CHECK(client.get("/me").status == 401);
    CHECK(client.get("/products/1", {{"Authorization", "Bearer wrong"}}).status == 401);
    CHECK(client.get("/products/1", user1).status == 200);
    CHECK(client.get("/products/1", user2).status == 404);
    CHECK(client.request("PATCH", "/products/1", user2, "{}").status == 404);
    CHECK(client.get("/organizations/1/products", user2).status == 404);
    CHECK(client.get("/schemas/1/products", user2).status == 404);
    CHECK(json("/products", user2).at("total") == 10);
}

TEST_CASE_FIXTURE(fixture, "what HTTP asks of a service") {
    auto const head = client.request("HEAD", "/products/1");
    CHECK(head.status == 200);
    CHECK(head.body.empty());
    auto const etag = client.get("/products/1")["ETag"];
    CHECK(client.get("/products/1", {{"If-None-Match", etag}}).status == 304);
    auto const wrong = client.request("POST", "/products/1");
    CHECK(wrong.status == 405);
    CHECK(wrong["Allow"] == "GET, PUT, PATCH, DELETE");
    CHECK(client.get("/nothing").status == 404);
    client.send_raw(
        "PATCH /products/1 HTTP/1.1\r\nHost: x\r\nX-Org-Id: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\n{}\r\n0\r\n\r\n");
    CHECK(client.receive().status == 200);
}

TEST_CASE_FIXTURE(fixture, "concurrent changes lose nothing, and every request is counted once") {
    std::vector<std::jthread> writers;
    writers.reserve(8);
    for (int t = 0; t < 8; ++t) {
        writers.emplace_back([this] {
            http_client mine(port);
            for (int i = 0; i < 10; ++i) {
                mine.request("PATCH", "/products/1", org1, R"({"priceCents": 7})");
            }
        });
    }
    writers.clear();
    CHECK(json("/products/1").at("version") == 81);
    CHECK(count("PATCH /products/{id}") == 80);
    CHECK(count("GET /products/{id}") == 1);
}

TEST_CASE_FIXTURE(fixture, "faults: before and after the commit, once, held, released") {
    auto const fault = [&](std::string const& json_text) {
        REQUIRE(fetch(control, "POST", "/faults", {}, json_text).status == 204);
    };
    SUBCASE("an error before: nothing has changed") {
        fault(
            R"({"method": "PATCH", "when": "before", "then": "status", "status": 503, "times": 1})");
        CHECK(client.request("PATCH", "/products/1", org1, "{}").status == 503);
        CHECK(json("/products/1").at("version") == 1);
        CHECK(client.request("PATCH", "/products/1", org1, "{}").status == 200);
    }
    SUBCASE("a reset after: it has changed, and nobody was told") {
        fault(R"({"method": "PATCH", "path": "/products/1", "when": "after", "then": "reset"})");
        CHECK_THROWS_AS(client.request("PATCH", "/products/1", org1, "{}"), http_error);
        CHECK(fetch(port, "GET", "/products/1").body.find(R"("version":2)") != std::string::npos);
    }
    SUBCASE("held before the commit, and released") {
        fault(R"({"method": "PATCH", "hold": true})");
        client.send("PATCH", "/products/1", org1, "{}");
        CHECK(fetch(control, "GET", "/held?atLeast=1").body == R"({"held":1})");
        CHECK(fetch(port, "GET", "/products/1").body.find(R"("version":1)") != std::string::npos);
        fetch(control, "POST", "/release");
        CHECK(client.receive().status == 200);
    }
    SUBCASE("an answer that is cut short") {
        fault(R"({"path": "/products/*", "when": "after", "then": "truncate"})");
        CHECK_THROWS_AS(client.get("/products/1"), http_error);
    }
    SUBCASE("the end of the program does not wait for what hangs") {
        fault(R"({"then": "hang"})");
        client.send("GET", "/products/1");
        fetch(control, "GET", "/held?atLeast=1");
        backend.terminate();
        CHECK(backend.wait() == exit_status{0, 0});
    }
}

TEST_CASE_FIXTURE(fixture, "gzip: bodies both ways") {
    fetch(control, "PUT", "/gzip?on=1");
    auto const packed = client.get("/products/1", {{"Accept-Encoding", "gzip"}});
    CHECK(packed["Content-Encoding"] == "gzip");
    CHECK(packed["Vary"] == "Accept-Encoding");
    CHECK(packed.body.starts_with("\x1f\x8b"));
    CHECK_FALSE(client.get("/products/1").field("Content-Encoding"));
    CHECK(client.request("PATCH", "/products/1", {{"Content-Encoding", "gzip"}}, "no").status ==
          415);
}

TEST_CASE_FIXTURE(fixture, "the commits: every change of every product in order, with its times") {
    auto const commits = [&](std::int64_t after) {
        return boost::json::parse(
                   fetch(control, "GET", "/commits?after=" + std::to_string(after)).body)
            .as_array();
    };
    CHECK(commits(0).size() == 30);  // the seeding
    CHECK(client.request("PATCH", "/products/1", org1, R"({"priceCents": 77})").status == 200);
    CHECK(client.request("DELETE", "/products/1", org1).status == 204);
    CHECK(client.request("DELETE", "/products/1", org1).status == 404);
    auto const last = commits(30);
    REQUIRE(last.size() == 2);
    auto const& changed = last[0].as_array();
    CHECK(changed[1] == 1);
    CHECK(changed[2] == 2);
    CHECK(changed[5] == 77);
    CHECK(changed[6].as_int64() > 0);
    CHECK(changed[7].as_int64() >= changed[6].as_int64());
    CHECK(last[1].as_array()[2] == 0);
    CHECK(commits(last[1].as_array()[0].as_int64()).empty());
}
