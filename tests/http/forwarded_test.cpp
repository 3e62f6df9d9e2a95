// A request that is passed on is written straight from its client's fields. What the backend gets
// is what `prepare_upstream_request` says, byte for byte.
#include "proxy/http/forwarded.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <random>
#include <string>
#include <vector>

using namespace sidecache::http;

namespace {

std::string from_value(request_head const& from, arrival const& how) {
    auto const head = prepare_upstream_request(from, how);
    std::string out = head.method + " " + head.target + " HTTP/1.1\r\n";
    head.fields.write_to(out);
    if (head.body == framing::length) {
        out += "Content-Length: 0\r\n";
    }
    return out + "\r\n";
}

std::string rendered(request_head const& from, arrival const& how) {
    std::string out;
    render_upstream_request(out, from, how);
    return out;
}

template <std::size_t Size>
std::string one_of(char const* const (&list)[Size], std::mt19937& chance) {
    return list[chance() % Size];
}

constexpr char const* names[] = {
    "Host",
    "host",
    "Accept",
    "Expect",
    "Cookie",
    "X-Forwarded-For",
    "x-forwarded-for",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Request-Id",
    "X-REQUEST-ID",
    "X-Real-Thing",
    "Via",
    "Connection",
    "Connection",
    "Keep-Alive",
    "TE",
    "Upgrade",
    "Proxy",
    "Trailer",
    "Proxy-Connection",
    "Proxy-Authorization",
    "HTTP2-Settings",
    "traceparent",
    "X-A",
    "X-B",
};

constexpr char const* values[] = {
    "", "1", "close", "keep-alive", "X-A", "x-b, X-Forwarded-For", "Cookie", "a, b", "upgrade"};

}  // namespace

TEST_CASE("a request written straight from its fields is the one that is prepared") {
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 chance(seed);
    std::vector<std::string> const nothing;
    std::vector<std::string> const some{"x-a", "X-Forwarded-For", "X-Request-Id"};
    for (int i = 0; i < 20'000; ++i) {
        request_head from;
        from.method = chance() % 4 == 0 ? "HEAD" : "GET";
        from.target = "/a?b=c";
        from.host = chance() % 8 == 0 ? "" : "shop";
        from.version = chance() % 4 == 0 ? 10 : 11;
        from.body = chance() % 4 == 0 ? framing::length : framing::none;
        for (auto fields = chance() % 8; fields > 0; --fields) {
            auto const name = one_of(names, chance);
            from.fields.add(name, one_of(values, chance));
        }
        if (chance() % 4 == 0) {
            from.fields.erase("Cookie");
        }
        arrival how{"10.0.0.9", "backend:3000"};
        how.fixed_host = chance() % 4 == 0 ? "api.internal" : "";
        how.strip = chance() % 2 == 0 ? nothing : some;
        how.request_id = "0123456789abcdef0123456789abcdef";
        auto const expected = from_value(from, how);
        REQUIRE(rendered(from, how) == expected);
    }
}

TEST_CASE("a request gets an id of its own where nobody has one for it") {
    request_head from;
    from.method = "GET";
    from.target = "/";
    from.host = "shop";
    arrival const how{"10.0.0.9", "backend:3000"};
    auto const out = rendered(from, how);
    auto const at = out.find("X-Request-Id: ");
    REQUIRE(at != std::string::npos);
    CHECK(out.find("\r\n", at) == at + 14 + 32);
    CHECK(rendered(from, how) != out);
}
