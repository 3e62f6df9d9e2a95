#include "rules/cache_status.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sidecache::rules;

namespace {

std::string rendered(cache_status const& s) {
    std::string out;
    render_to(out, s);
    return out;
}

}  // namespace

TEST_CASE("Cache-Status says what happened (RFC 9211)") {
    SUBCASE("a hit, with its remaining freshness") {
        CHECK(rendered({.ttl = 541, .key = "product:42:details", .detail = "store"}) ==
              "sidecache; hit; ttl=541; key=\"product:42:details\"; detail=store");
    }
    SUBCASE("a stale hit has a negative ttl") {
        CHECK(rendered({.ttl = -7}) == "sidecache; hit; ttl=-7");
    }
    SUBCASE("a miss that was stored, for one of several who waited") {
        CHECK(rendered({.fwd = forwarded::miss, .stored = true, .collapsed = true}) ==
              "sidecache; fwd=miss; stored; collapsed");
    }
    SUBCASE("the other reasons to ask the upstream") {
        CHECK(rendered({.fwd = forwarded::stale}) == "sidecache; fwd=stale");
        CHECK(rendered({.fwd = forwarded::method}) == "sidecache; fwd=method");
        CHECK(rendered({.fwd = forwarded::bypass, .detail = "unlisted_query"}) ==
              "sidecache; fwd=bypass; detail=unlisted_query");
    }
    SUBCASE("the upstream's own status") {
        CHECK(rendered({.fwd = forwarded::stale, .fwd_status = 304}) ==
              "sidecache; fwd=stale; fwd-status=304");
    }
}

TEST_CASE("Cache-Status is a well-formed structured field whatever the key holds (RFC 8941)") {
    SUBCASE("quotes and backslashes are escaped") {
        CHECK(rendered({.key = R"(a"b\c)"}) == R"(sidecache; hit; key="a\"b\\c")");
    }
    SUBCASE("what is not printable ASCII is left out") {
        CHECK(rendered({.key = "caf\xC3\xA9\r\nX: y\x7f"}) == "sidecache; hit; key=\"cafX: y\"");
    }
    SUBCASE("a detail that is no token is a string") {
        CHECK(rendered({.detail = "two words"}) == "sidecache; hit; detail=\"two words\"");
    }
}
