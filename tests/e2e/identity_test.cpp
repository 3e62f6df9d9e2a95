// Nobody is served what is not theirs (design.md section 2, `identity` and `partition`): the
// shipped rules and others, with the demo backend's users. Organization 1 has the users token-1-1
// and token-1-2 and the products 1, 4, 7...; organization 2 has 2, 5, 8...
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <thread>

using namespace sidecache::tests;

namespace {

http_fields bearer(std::string const& token) {
    return {{"Authorization", "Bearer " + token}};
}
http_fields const first = bearer("token-1-1");
http_fields const colleague = bearer("token-1-2");
http_fields const stranger = bearer("token-2-1");

http_fields operator+(http_fields a, http_fields const& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// Two replicas with the shipped rules. Another ttl of identities goes into their text.
stack_options shipped_with(std::string const& ttl = "30s", std::string const& timeout = "2s") {
    auto text = shipped_rules();
    auto const put = [&](std::string const& key, std::string const& value) {
        auto const at = text.find("    " + key + ": ");
        text.replace(at, text.find('\n', at) - at, "    " + key + ": " + value);
    };
    put("ttl", ttl);
    put("timeout", timeout);
    stack_options o = patient();
    o.rules = text;
    return o;
}

bool is_unverified(http_response const& r) {
    return says(r, "fwd=bypass; detail=unverified_identity");
}

/// What the backend itself says.
http_response direct(stack& s, std::string_view target, http_fields const& fields) {
    return fetch(s.backend().port(), "GET", target, fields);
}

struct route {
    std::string_view target;  // of organization 1
    std::string_view key;
};
constexpr route routes[] = {
    {"/products/1", "product:1:details|orgId=1"},
    {"/products/1/summary", "product:1|orgId=1"},
    {"/products?page=1", "products:org:1:page:1:limit:10:search::order:"},
    {"/organizations/1/products", "org:1:products|orgId=1"},
    {"/schemas/1/products", "schema:1:products|orgId=1"},
};

}  // namespace

TEST_CASE("members of an organization share its entries, under keys that say so") {
    stack s(shipped_with());
    for (auto const& [target, key] : routes) {
        CAPTURE(target);
        auto const miss = s[0].get(target, first);
        CHECK(miss.status == 200);
        CHECK(says(miss, "key=\"" + std::string(key) + "\""));
        REQUIRE(becomes_hit(s, 1, target, colleague));
        auto const hit = s[1].get(target, colleague);
        CHECK(says(hit, "key=\"" + std::string(key) + "\""));
        CHECK(hit.body == miss.body);
        CHECK(s.redis().exists(std::string(key)));
    }
}

TEST_CASE("another organization never sees them, nor does anybody for whom nobody vouches") {
    stack s(shipped_with());
    for (auto const& [target, key] : routes) {
        CAPTURE(target);
        REQUIRE(becomes_hit(s, 0, target, first));
        for (auto const& who : {stranger,
                                stranger + http_fields{{"X-Org-Id", "1"}},
                                stranger + http_fields{{"Cookie", "orgId=1"}}}) {
            auto const r = s[0].get(target, who);
            CHECK_FALSE(says(r, "key=\"" + std::string(key) + "\""));
            auto const own = direct(s, target, who);
            CHECK(r.status == own.status);
            CHECK(r.body == own.body);
        }
        for (auto const& who : {http_fields{},
                                http_fields{{"X-Org-Id", "1"}},
                                http_fields{{"Cookie", "orgId=1"}},
                                bearer("token-1-1x"),
                                bearer(""),
                                http_fields{{"Authorization", "token-1-1"}},
                                http_fields{{"Authorization", "Basic dG9rZW4tMS0x"}},
                                first + first,
                                first + stranger,
                                stranger + first}) {
            auto const r = s[0].get(target, who);
            CHECK(is_unverified(r));
            auto const own = direct(s, target, who);
            CHECK(r.status == own.status);
            CHECK(r.body == own.body);
        }
    }
    // What strangers were given is nobody's entry.
    CHECK(is_hit(s[1].get("/products/1", colleague)));
    for (auto const& key : s.redis().keys("product*")) {
        CAPTURE(key);
        CHECK((key.find("|orgId=") != std::string::npos || key.find(":org:") != std::string::npos));
    }
}

TEST_CASE("two organizations that ask for one path at once get what is theirs, coalesced or not") {
    stack s(shipped_with());
    std::vector<http_fields> const callers{first, colleague, stranger, bearer("token-2-2")};
    s.backend().fault(R"({"path": "/schemas/1/products", "when": "after", "hold": true})");
    std::vector<http_client> clients;
    for (int i = 0; i < 24; ++i) {
        clients.emplace_back(s[0].port());
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
        clients[i].send("GET", "/schemas/1/products", callers[i % callers.size()]);
    }
    s.backend().wait_held(2);  // one for each organization
    s.backend().heal();
    for (std::size_t i = 0; i < clients.size(); ++i) {
        CAPTURE(i);
        CHECK(clients[i].receive().status == (i % callers.size() < 2 ? 200 : 404));
    }
    // Each of the four once, and who fetched what is shared once more.
    CHECK(s.backend().count("GET /me") <= 5);
}

TEST_CASE("the fetch of an organization's entry has the credentials of who asked for it") {
    stack s(shipped_with());
    s.backend().forget();
    REQUIRE(s[0].get("/products/1", colleague).status == 200);
    auto const seen = s.backend().requests();
    auto const about = [&](std::string_view target) {
        auto const it =
            std::ranges::find_if(seen, [&](auto const& r) { return r.target == target; });
        REQUIRE(it != seen.end());
        return *it;
    };
    auto const value = [](demo_backend::seen const& r, std::string_view name) {
        std::string out;
        for (auto const& [n, v] : r.fields) {
            out += n == name ? v : "";
        }
        return out;
    };
    CHECK(value(about("/products/1"), "Authorization") == "Bearer token-1-2");
    auto const probe = about("/me");
    CHECK(value(probe, "Authorization") == "Bearer token-1-2");
    CHECK(value(probe, "Accept") == "application/json");
    CHECK(value(probe, "Via") == "1.1 sidecache");
    CHECK(value(probe, "X-Request-Id") != "");
    CHECK(probe.fields.size() == 5);  // and Host
}

TEST_CASE("many requests of an unknown caller ask who he is once") {
    stack s(shipped_with());
    s.backend().forget();
    s.backend().fault(R"({"path": "/me", "when": "after", "hold": true})");
    std::vector<http_client> clients;
    for (int i = 0; i < 16; ++i) {
        clients.emplace_back(s[0].port());
        clients.back().send("GET", "/products/" + std::to_string(3 * i + 1), first);
    }
    s.backend().wait_held(1);
    clients[0].abort();  // whose request it was does not matter
    s.backend().heal();
    for (std::size_t i = 1; i < clients.size(); ++i) {
        CHECK(is_stored(clients[i].receive()));
    }
    CHECK(s[0].metric("sidecache_identity_total", {"outcome=\"verified\""}) == 1);
    CHECK(s[0].metric("sidecache_identity_total", {"outcome=\"joined\""}) == 15);
    s[0].get("/products/1", first);
    CHECK(s[0].metric("sidecache_identity_total", {"outcome=\"cached\""}) == 1);
}

TEST_CASE("a credential that is refused is not asked about each time, and never served") {
    stack s(shipped_with());
    s.backend().forget();
    for (int i = 0; i < 5; ++i) {
        auto const r = s[0].get("/products/1", bearer("wrong"));
        CHECK(r.status == 401);
        CHECK(is_unverified(r));
    }
    CHECK(s.backend().count("GET /me") <= 2);
    CHECK(s[0].metric("sidecache_identity_total", {"outcome=\"refused\""}) >= 3);
}

TEST_CASE("a credential that expires is served no hit once its ttl is over") {
    stack s(shipped_with("300ms"));
    REQUIRE(becomes_hit(s, 0, "/products/1", first));
    s.backend().fault(R"({"path": "/me", "then": "status", "status": 401})");
    s.backend().fault(R"({"path": "/products/1", "then": "status", "status": 401})");
    CHECK(eventually([&] {
        auto const r = s[0].get("/products/1", first);
        return r.status == 401 && is_unverified(r);
    }));
    CHECK_FALSE(is_hit(s[0].get("/products/1", first)));
}

TEST_CASE("no answer to who somebody is: he is served by the backend, and soon verified again") {
    stack s(shipped_with("300ms", "300ms"));
    REQUIRE(becomes_hit(s, 0, "/products/1", first));
    for (auto const* const fault : {R"({"path": "/me", "then": "hang"})",
                                    R"({"path": "/me", "then": "status", "status": 500})",
                                    R"({"path": "/me", "when": "after", "then": "reset"})",
                                    R"({"path": "/me", "when": "after", "then": "truncate"})",
                                    R"({"path": "/me", "then": "status", "status": 200})"}) {
        CAPTURE(fault);
        s.backend().fault(fault);
        CHECK(eventually([&] { return is_unverified(s[0].get("/products/1", first)); }));
        auto const r = s[0].get("/products/1", first);
        CHECK(r.status == 200);
        CHECK(version_of(r) == 1);
        s.backend().heal();
        CHECK(becomes_hit(s, 0, "/products/1", first));
    }
}

TEST_CASE("a write purges by its verified caller's organization, whatever he claims") {
    stack s(shipped_with());
    auto const list = "/products?page=1";
    REQUIRE(becomes_hit(s, 0, list, first));
    REQUIRE(becomes_hit(s, 0, list, stranger));
    auto const made = s[1].request("POST",
                                   "/products",
                                   stranger + http_fields{{"X-Org-Id", "1"}},
                                   R"({"name": "new", "schemaId": 4, "priceCents": 1})");
    REQUIRE(made.status == 201);
    CHECK(is_hit(s[0].get(list, first)));
    CHECK_FALSE(is_hit(s[0].get(list, stranger)));
}

TEST_CASE("a write of a caller for whom nobody vouches widens: every organization's lists go") {
    stack s(shipped_with());
    auto const list = "/products?page=1";
    REQUIRE(becomes_hit(s, 0, list, first));
    REQUIRE(becomes_hit(s, 0, list, stranger));
    // To the demo backend a request without a token is a trusted internal call.
    auto const made = s[1].request(
        "POST", "/products", org1, R"({"name": "new", "schemaId": 1, "priceCents": 1})");
    REQUIRE(made.status == 201);
    CHECK_FALSE(is_hit(s[0].get(list, first)));
    CHECK_FALSE(is_hit(s[0].get(list, stranger)));
}

TEST_CASE("a write reaches every key of its product inside a partition") {
    stack s(shipped_with());
    for (auto const& [target, key] : routes) {
        REQUIRE(becomes_hit(s, 0, target, first));
    }
    auto const changed = s[1].request("PATCH", "/products/1", colleague, R"({"schemaId": 2})");
    REQUIRE(changed.status == 200);
    for (auto const& [target, key] : routes) {
        CAPTURE(target);
        CHECK_FALSE(s.redis().exists(std::string(key)));
        CHECK_FALSE(is_hit(s[0].get(target, first)));
    }
    CHECK_FALSE(lists(s[0].get("/schemas/1/products", first), 1));
    CHECK(lists(s[0].get("/schemas/2/products", first), 1));
}

TEST_CASE("the schema that a product leaves is told by the entry of its organization's partition") {
    stack s(shipped_with());
    REQUIRE(becomes_hit(s, 0, "/products/1", first));          // tells schema 1
    REQUIRE(becomes_hit(s, 0, "/schemas/1/products", first));  // goes
    REQUIRE(becomes_hit(s, 0, "/schemas/3/products", first));  // stays
    REQUIRE(s[1].request("PATCH", "/products/1", colleague, R"({"schemaId": 2})").status == 200);
    CHECK_FALSE(is_hit(s[0].get("/schemas/1/products", first)));
    CHECK(is_hit(s[0].get("/schemas/3/products", first)));
}

TEST_CASE("HEAD and conditional requests are answered inside the partition as well") {
    stack s(shipped_with());
    REQUIRE(becomes_hit(s, 0, "/products/1", first));
    auto const etag = s[0].get("/products/1", first)["ETag"];
    auto const if_none_match = http_fields{{"If-None-Match", etag}};
    CHECK(is_hit(s[0].request("HEAD", "/products/1", colleague)));
    auto const head = s[0].request("HEAD", "/products/1", stranger);
    CHECK_FALSE(is_hit(head));
    CHECK(head.status == 404);
    auto const conditional = s[0].get("/products/1", stranger + if_none_match);
    CHECK_FALSE(is_hit(conditional));
    CHECK(conditional.status == 404);
    CHECK(s[0].get("/products/1", if_none_match)["Cache-Status"].find("hit") == std::string::npos);
}

namespace {

/// What /me says of everybody from now on; what else there is stays as it is.
void everybody_is_of(stack& s, int organization) {
    s.backend().fault(R"({"path": "/me", "when": "after", "body": {"id": 1, "organizationId": )" +
                      std::to_string(organization) + "}}");
}

}  // namespace

TEST_CASE("a session that has come to mean another organization poisons nothing") {
    // As /me tells it from now on, token-2-1 is of organization 1; the products are still those
    // that the backend shows him. A fetch that was looked up for 1 and answered for 2 is nobody
    // else's.
    stack s(shipped_with());
    everybody_is_of(s, 1);
    REQUIRE(says(s[0].get("/products/2", stranger), "fwd=miss"));
    CHECK(becomes_hit(s, 0, "/products/2", stranger));  // nothing changed meanwhile
    s.backend().heal();
    // He is taken for a member of 1 for a ttl. What he fetches is found out.
    auto const list = s[0].get("/products?page=1", stranger);
    CHECK(list.status == 200);
    CHECK(json_of(list).at("items").at(0).at("organizationId").to_number<int>() == 2);
    CHECK(eventually(
        [&] { return s[0].metric("sidecache_identity_total", {"outcome=\"unconfirmed\""}) >= 1; }));
    CHECK_FALSE(s.redis().exists("products:org:1:page:1:limit:10:search::order:"));
    auto const own = s[0].get("/products?page=1", first);
    CHECK_FALSE(is_hit(own));
    CHECK(own.body == direct(s, "/products?page=1", first).body);
    // And from then on he is who he is.
    CHECK(says(s[0].get("/products?page=1", stranger), "key=\"products:org:2:"));
}

TEST_CASE("whoever shares a fetch whose caller has changed asks the backend himself") {
    stack s(shipped_with());
    everybody_is_of(s, 1);
    REQUIRE(becomes_hit(s, 0, "/products/2", stranger));  // taken for a member of 1
    s.backend().heal();
    s.backend().fault(R"({"path": "/products", "when": "after", "hold": true, "times": 1})");
    http_client leader(s[0].port()), joiner(s[0].port());
    leader.send("GET", "/products?page=1", stranger);
    s.backend().wait_held(1);
    joiner.send("GET", "/products?page=1", first);  // the same key, and a fetch under way
    CHECK(eventually(
        [&] { return s[0].metric("sidecache_identity_total", {"outcome=\"verified\""}) >= 2; }));
    s.backend().heal();
    CHECK(json_of(leader.receive()).at("items").at(0).at("organizationId").to_number<int>() == 2);
    auto const got = joiner.receive();
    CHECK(got.body == direct(s, "/products?page=1", first).body);
    CHECK_FALSE(says(got, "collapsed"));
}

TEST_CASE("a write is bound by who makes it now, not by who he was a moment ago") {
    stack s(shipped_with());
    auto const list = "/products?page=1";
    REQUIRE(becomes_hit(s, 0, list, first));
    REQUIRE(becomes_hit(s, 0, list, stranger));
    everybody_is_of(s, 1);
    s[1].get("/products/1", stranger);  // known to be of 1 from now on, for a ttl
    s.backend().heal();
    auto const made = s[1].request(
        "POST", "/products", stranger, R"({"name": "new", "schemaId": 4, "priceCents": 1})");
    REQUIRE(made.status == 201);
    CHECK(is_hit(s[0].get(list, first)));
    CHECK_FALSE(is_hit(s[0].get(list, stranger)));
}

TEST_CASE(
    "a write that no purge knows may have been a switch of organizations: nobody is believed") {
    stack s(shipped_with());
    everybody_is_of(s, 1);
    REQUIRE(becomes_hit(s, 0, "/products/2", stranger));
    s.backend().fault(
        R"({"path": "/session", "method": "POST", "hold": true, "then": "status", "status": 200})");
    http_client writer(s[0].port());
    writer.send("POST", "/session", stranger, "{}");
    s.backend().wait_held(1);
    s.backend().heal();  // now he is of 2 again
    REQUIRE(writer.receive().status == 200);
    auto const r = s[0].get("/products/2", stranger);
    CHECK_FALSE(is_hit(r));
    CHECK(says(r, "key=\"product:2:details|orgId=2\""));
}

TEST_CASE("credentials are in no log line, no metric and no statistics") {
    stack s(shipped_with());
    s[0].get("/products/1", bearer("token-1-1"));
    s[0].get("/products/1", bearer("secret-that-is-wrong"));
    s[0].request("PATCH", "/products/1", bearer("token-1-1"), "{}");
    auto const text = s[0].admin("GET", "/metrics").body + s[0].admin("GET", "/stats").body +
                      s[0].admin("GET", "/").body;
    for (auto const* const secret : {"token-1-1", "secret-that-is-wrong"}) {
        CHECK(text.find(secret) == std::string::npos);
    }
    auto& server = s[0].server();
    server.signal(SIGTERM);
    server.wait();
    CHECK(server.output().find("\"rule\"") != std::string::npos);
    for (auto const* const secret : {"token-1-1", "secret-that-is-wrong"}) {
        CHECK(server.output().find(secret) == std::string::npos);
    }
}

TEST_CASE("explain answers for whom it is told, and verifies nobody") {
    stack s(shipped_with());
    auto const as = [&](std::string const& more) {
        return s[0].admin("GET", "/explain?uri=/products/1" + more).body;
    };
    CHECK(as("&identity.orgId=7").find("\"key\":\"product:1:details|orgId=7\"") !=
          std::string::npos);
    CHECK(as("").find("unverified_identity") != std::string::npos);
    CHECK(as("&header=Authorization:+Bearer+token-1-1").find("unverified_identity") !=
          std::string::npos);
    CHECK(s[0].admin("GET", "/explain?uri=/products/1&identity.org=7").status == 400);
}

namespace {

/// Rules of the default partition: no identity.
stack_options by_credential() {
    auto o = patient();
    o.rules = R"(
rules:
  - {name: mine, match: "GET /me", key: "me:{x}", vars: {x: {from: query.x, default: ""}}, ttl: 10m, ttl_only: true}
  - {name: list, match: "GET /products", key: "products:{page}", vars: {page: {from: query.page, default: 1}}, ttl: 10m, ttl_only: true}
)";
    return o;
}

}  // namespace

TEST_CASE("by default a credential shares with nobody, coalesced readers included") {
    stack s(by_credential());
    std::vector<std::string> const tokens{"token-1-1", "token-1-2", "token-2-1", "token-3-1"};
    s.backend().fault(R"({"path": "/me", "when": "after", "hold": true})");
    std::vector<http_client> clients;
    for (int i = 0; i < 24; ++i) {
        clients.emplace_back(s[0].port());
        clients.back().send("GET", "/me", bearer(tokens[static_cast<std::size_t>(i) % 4]));
    }
    s.backend().wait_held(4);
    s.backend().heal();
    for (std::size_t i = 0; i < clients.size(); ++i) {
        CAPTURE(i);
        auto const r = clients[i].receive();
        CHECK(r.body == direct(s, "/me", bearer(tokens[i % 4])).body);
    }
    CHECK(s.redis().keys("me:|credential=*").size() == 4);
    for (auto const& token : tokens) {
        auto const r = s[1].get("/me", bearer(token));
        CHECK(is_hit(r));
        CHECK(r.body == direct(s, "/me", bearer(token)).body);
    }
    // The same token with a cookie beside it is another credential.
    CHECK_FALSE(is_hit(s[1].get("/me", bearer("token-1-1") + http_fields{{"Cookie", "a=1"}})));
    CHECK_FALSE(is_hit(s[1].get("/me")));
}

TEST_CASE("an answer that sets a cookie is stored for nobody") {
    stack s(shipped_with());
    s.backend().fault(
        R"({"path": "/products/1", "when": "after", "fields": {"Set-Cookie": "session=1"}})");
    auto const r = s[0].get("/products/1", first);
    CHECK(r["Set-Cookie"] == "session=1");
    CHECK(says(r, "detail=set_cookie"));
    CHECK_FALSE(is_hit(s[0].get("/products/1", first)));
    CHECK_FALSE(is_hit(s[0].get("/products/1", colleague)));
}
