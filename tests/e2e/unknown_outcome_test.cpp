// Changes whose end nobody saw (protocol.md section 3.7): the proxy dies, the backend commits and
// then hangs, breaks off, or says 5xx.
#include "tests/e2e/products.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace sidecache::tests;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

// `with_short_markers`: upstream.timeout + store.margin, and what a busy machine may add.
constexpr auto marker_life = 1500ms;
constexpr auto slack = 300ms;

std::int64_t version_at_backend(stack& s) {
    return version_of(fetch(s.backend().port(), "GET", "/products/1"));
}

/// Reads through every replica that is left until `deadline`, and on: never older than what was
/// read before, and from the deadline on never older than `version`.
void no_stale_read_from(stack& s,
                        steady::time_point deadline,
                        std::int64_t version,
                        std::size_t first_replica) {
    std::int64_t newest = 0;
    int late_reads = 0;
    while (late_reads < 20) {
        bool const late = steady::now() > deadline;
        for (auto i = first_replica; i < s.size(); ++i) {
            auto const seen = version_of(s[i].get("/products/1"));
            CHECK(seen >= newest);
            newest = std::max(newest, seen);
            if (late) {
                REQUIRE(seen >= version);
                ++late_reads;
            }
        }
    }
}

}  // namespace

TEST_CASE("kill -9 of the proxy between begin and end: from the deadline on no stale read") {
    stack s(with_short_markers());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    REQUIRE(becomes_hit(s, 1, "/products/1"));
    http_client writer(s[0].port());
    SUBCASE("the backend commits after the proxy's death") {
        s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
        writer.send("PATCH", "/products/1", org1, "{}");
        auto const deadline = steady::now() + marker_life + slack;
        s.backend().wait_held(1);
        s[0].kill();
        CHECK_THROWS_AS(writer.receive(), http_error);
        CHECK(version_of(s[1].get("/products/1")) == 1);
        s.backend().release();
        CHECK(eventually([&] { return version_at_backend(s) == 2; }));
        no_stale_read_from(s, deadline, 2, 1);
    }
    SUBCASE("the backend has committed, its answer finds no proxy") {
        s.backend().fault(R"({"method": "PATCH", "when": "after", "hold": true})");
        writer.send("PATCH", "/products/1", org1, "{}");
        auto const deadline = steady::now() + marker_life + slack;
        s.backend().wait_held(1);
        s[0].kill();
        s.backend().release();
        no_stale_read_from(s, deadline, 2, 1);
    }
    CHECK(becomes_hit(s, 1, "/products/1"));
    CHECK(version_of(s[1].get("/products/1")) == 2);
}

TEST_CASE("kill -9: a tag that only the answer would have told is not lost with the proxy") {
    // protocol.md section 3.2: a tag bumped only at the end is lost when the proxy dies; so there
    // is an intent on the widened tag.
    stack s(with_short_markers());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    REQUIRE(becomes_hit(s, 1, "/schemas/2/products"));
    REQUIRE_FALSE(lists(s[1].get("/schemas/2/products"), 1));
    s.backend().fault(R"({"method": "PATCH", "when": "after", "hold": true})");
    http_client writer(s[0].port());
    writer.send("PATCH", "/products/1", org1, R"({"schemaId": 2})");
    auto const deadline = steady::now() + marker_life + slack;
    s.backend().wait_held(1);
    s[0].kill();
    while (steady::now() < deadline) {
        CHECK(s[1].get("/schemas/2/products").status == 200);
    }
    CHECK(lists(s[1].get("/schemas/2/products"), 1));
    CHECK(becomes_hit(s, 1, "/schemas/2/products"));
}

TEST_CASE("the backend commits, then hangs: 504, and no stale read after it") {
    stack s(with_short_markers());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    REQUIRE(becomes_hit(s, 1, "/products/1"));
    s.backend().fault(R"({"method": "PATCH", "when": "after", "then": "hang"})");
    CHECK(patch(s[0], 1).status == 504);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(version_of(s[i].get("/products/1")) == 2);
    }
    s.backend().heal();
    CHECK(becomes_hit(s, 1, "/products/1"));
    CHECK(s.backend().count("PATCH /products/{id}") == 1);
}

TEST_CASE(
    "the backend hangs, 504, and commits later, before the deadline: no stale read from then on") {
    stack s(with_short_markers());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
    auto const start = steady::now();
    CHECK(patch(s[0], 1).status == 504);
    s.backend().release();
    CHECK(eventually([&] { return version_at_backend(s) == 2; }));
    no_stale_read_from(s, steady::now(), 2, 0);
    no_stale_read_from(s, start + marker_life + slack, 2, 0);
    CHECK(becomes_hit(s, 0, "/products/1"));
}

TEST_CASE("the backend commits, then breaks the connection: never repeated, never stale") {
    // protocol.md section 3.4: DELETE commits, the connection breaks, the repeat would say 404,
    // 'nothing changed'.
    stack s(with_short_markers());
    REQUIRE(becomes_hit(s, 0, "/products/1"));  // leaves an idle pooled connection as well
    REQUIRE(becomes_hit(s, 0, "/schemas/1/products"));
    s.backend().fault(R"({"method": "DELETE", "when": "after", "then": "reset"})");
    CHECK(s[0].request("DELETE", "/products/1", org1).status == 502);
    CHECK(s.backend().count("DELETE /products/{id}") == 1);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(s[i].get("/products/1").status == 404);
        CHECK_FALSE(lists(s[i].get("/schemas/1/products"), 1));
    }
}

TEST_CASE("the backend commits and answers 5xx: never stale") {
    stack s(with_short_markers());
    std::int64_t version = 1;
    for (int const status : {500, 502, 503, 504}) {
        INFO(status);
        REQUIRE(becomes_hit(s, 0, "/products/1"));
        REQUIRE(becomes_hit(s, 1, "/products/1"));
        s.backend().fault(R"({"method": "PATCH", "when": "after", "then": "status", "times": 1, )"
                          R"("status": )" +
                          std::to_string(status) + "}");
        CHECK(patch(s[0], 1).status == status);
        ++version;
        CHECK(version_of(s[0].get("/products/1")) == version);
        CHECK(version_of(s[1].get("/products/1")) == version);
    }
}

TEST_CASE("the client goes away in mid-mutation: the change is made known all the same") {
    stack s(with_short_markers());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    REQUIRE(becomes_hit(s, 1, "/products/1"));
    s.backend().fault(R"({"method": "PATCH", "when": "before", "hold": true})");
    http_client writer(s[0].port());
    writer.send("PATCH", "/products/1", org1, "{}");
    s.backend().wait_held(1);
    writer.abort();
    s.backend().release();
    CHECK(eventually([&] { return version_at_backend(s) == 2; }));
    CHECK(eventually([&] { return version_of(s[1].get("/products/1")) == 2; }));
    CHECK(version_of(s[0].get("/products/1")) == 2);
    CHECK(becomes_hit(s, 1, "/products/1"));
    CHECK(version_of(s[1].get("/products/1")) == 2);
}

TEST_CASE("the backend is gone: hits go on, misses get 502 at once, changes too") {
    stack s(with_short_markers());
    REQUIRE(becomes_hit(s, 0, "/products/1"));
    s.backend().kill();
    CHECK(is_hit(s[0].get("/products/1")));
    CHECK(is_hit(s[1].get("/products/1")));
    CHECK(s[0].get("/products/2").status == 502);
    CHECK(patch(s[0], 3).status == 502);
    s.backend().start();
    CHECK(s[0].get("/products/2").status == 200);
    CHECK(becomes_hit(s, 1, "/products/3"));
}
