#include "proxy/http/hop_by_hop.hpp"

#include "proxy/http/forwarded.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <ctime>
#include <string>

using namespace sidecache::http;

namespace {

field_list fields(std::initializer_list<sidecache::rules::field> list) {
    field_list out;
    for (auto const& f : list) {
        out.add(f.name, f.value);
    }
    return out;
}

std::string text(field_list const& list) {
    std::string out;
    list.write_to(out);
    return out;
}

}  // namespace

TEST_CASE("what is for this hop only goes no further") {
    auto list = fields({{"Accept", "*/*"},
                        {"Connection", "keep-alive, X-Private"},
                        {"connection", "X-Other"},
                        {"Keep-Alive", "timeout=5"},
                        {"Proxy-Connection", "keep-alive"},
                        {"Proxy-Authorization", "Basic eA=="},
                        {"Proxy", "http://evil"},
                        {"TE", "trailers"},
                        {"Trailer", "X-T"},
                        {"Upgrade", "h2c"},
                        {"HTTP2-Settings", "AAMA"},
                        {"x-private", "1"},
                        {"X-Other", "2"},
                        {"X-Kept", "3"}});
    keep_end_to_end(list);
    CHECK(text(list) == "Accept: */*\r\nX-Kept: 3\r\n");
}

TEST_CASE("Connection cannot take away what every recipient must see") {
    for (auto const* name : {"Host",
                             "Authorization",
                             "Cookie",
                             "Set-Cookie",
                             "Cache-Control",
                             "Vary",
                             "ETag",
                             "Content-Type",
                             "Content-Encoding",
                             "If-None-Match",
                             "Accept-Language",
                             "X-Forwarded-For",
                             "X-Request-Id",
                             "traceparent"}) {
        CAPTURE(std::string(name));
        auto list = fields({{"Connection", name}, {name, "v"}});
        keep_end_to_end(list);
        CHECK(list.find(name) == "v");
        CHECK_FALSE(list.find("Connection"));
    }
}

TEST_CASE("lists with empty members and odd spaces") {
    auto list =
        fields({{"Connection", " ,X-A ,,\tX-B,"}, {"X-A", "1"}, {"X-B", "2"}, {"X-C", "3"}});
    drop_nominated(list);
    CHECK_FALSE(list.find("X-A"));
    CHECK_FALSE(list.find("X-B"));
    CHECK(list.find("X-C") == "3");
}

namespace {

request_head request(std::initializer_list<sidecache::rules::field> list) {
    request_head head;
    head.method = "GET";
    head.target = "/a";
    head.host = "shop";
    head.fields = fields(list);
    return head;
}

}  // namespace

TEST_CASE("what the backend gets to see of a request") {
    arrival const from{"10.0.0.9", "backend:3000"};
    SUBCASE("straight from the client") {
        auto const sent = prepare_upstream_request(request({{"Host", "shop"}, {"X", "1"}}), from);
        CHECK(sent.target == "/a");
        CHECK(sent.fields.find("Host") == "shop");
        CHECK(sent.fields.find("X") == "1");
        CHECK(sent.fields.find("X-Forwarded-For") == "10.0.0.9");
        CHECK(sent.fields.find("X-Forwarded-Proto") == "http");
        CHECK(sent.fields.find("X-Forwarded-Host") == "shop");
        CHECK(sent.fields.find("Via") == "1.1 sidecache");
        CHECK(sent.fields.find("X-Request-Id")->size() == 32);
    }
    SUBCASE("through another proxy") {
        auto const sent = prepare_upstream_request(request({{"Host", "shop"},
                                                            {"X-Forwarded-For", "1.1.1.1"},
                                                            {"X-Forwarded-For", "2.2.2.2"},
                                                            {"X-Forwarded-Proto", "https"},
                                                            {"X-Forwarded-Host", "www.shop"},
                                                            {"Via", "2 edge"},
                                                            {"X-Request-Id", "abc"},
                                                            {"traceparent", "00-1-2-01"}}),
                                                   from);
        CHECK(sent.fields.find("X-Forwarded-For") == "1.1.1.1, 2.2.2.2, 10.0.0.9");
        CHECK(sent.fields.count("X-Forwarded-For") == 1);
        CHECK(sent.fields.find("X-Forwarded-Proto") == "https");
        CHECK(sent.fields.find("X-Forwarded-Host") == "www.shop");
        CHECK(sent.fields.joined("Via") == "2 edge, 1.1 sidecache");
        CHECK(sent.fields.find("X-Request-Id") == "abc");
        CHECK(sent.fields.find("traceparent") == "00-1-2-01");
    }
    SUBCASE("an HTTP/1.0 request without Host") {
        auto old = request({});
        old.version = 10;
        old.host.clear();
        auto const sent = prepare_upstream_request(old, from);
        CHECK(sent.fields.find("Host") == "backend:3000");
        CHECK(sent.fields.find("Via") == "1.0 sidecache");
        CHECK(sent.version == 11);
    }
    SUBCASE("fields that are to be stripped, whatever their case; what we say of it stays") {
        std::vector<std::string> const strip{"X-Host", "X-Forwarded-Host", "X-Forwarded-For"};
        arrival how = from;
        how.strip = strip;
        auto const sent = prepare_upstream_request(request({{"Host", "shop"},
                                                            {"x-host", "evil"},
                                                            {"X-Forwarded-Host", "evil"},
                                                            {"X-Forwarded-For", "1.1.1.1"}}),
                                                   how);
        CHECK_FALSE(sent.fields.find("X-Host"));
        CHECK(sent.fields.find("X-Forwarded-Host") == "shop");
        CHECK(sent.fields.find("X-Forwarded-For") == "10.0.0.9");
    }
    SUBCASE("a fixed host: nothing tells the backend what the client calls it") {
        arrival how = from;
        how.fixed_host = "api.internal";
        auto const sent = prepare_upstream_request(request({{"Host", "shop"}}), how);
        CHECK(sent.fields.count("Host") == 1);
        CHECK(sent.fields.find("Host") == "api.internal");
        CHECK(sent.host == "api.internal");
        CHECK_FALSE(sent.fields.find("X-Forwarded-Host"));
    }
    SUBCASE("an upgrade keeps what makes it one") {
        auto asks =
            request({{"Host", "shop"}, {"Connection", "Upgrade"}, {"Upgrade", "websocket"}});
        asks.upgrade = true;
        auto const sent = prepare_upstream_request(asks, from);
        CHECK(sent.fields.find("Connection") == "Upgrade");
        CHECK(sent.fields.find("Upgrade") == "websocket");
    }
    SUBCASE("Expect is said by the exchange, where content follows") {
        auto asks = request({{"Host", "shop"}, {"Expect", "100-continue"}});
        asks.expects_continue = true;
        auto const sent = prepare_upstream_request(asks, from);
        CHECK_FALSE(sent.fields.find("Expect"));
        CHECK(sent.expects_continue);
    }
}

TEST_CASE("request ids do not repeat") {
    CHECK(make_request_id() != make_request_id());
}

TEST_CASE("thousands of options and thousands of fields cost no more than the bytes they are") {
    // A quarter of a head of 64 KiB is names in Connection, the rest fields that they do not name.
    auto const spent = [](bool with_options) {
        field_list list;
        std::string options = "X-First";
        for (int i = 0; with_options && i < 4'000; ++i) {
            options += "," + std::to_string(100 + i);
        }
        list.add("Connection", options);
        for (int i = 0; i < 10'000; ++i) {
            list.add("a" + std::to_string(i % 10), "");
        }
        list.add("x-fIRST", "1");
        list.add("4099", "1");
        timespec before{};
        timespec after{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        keep_end_to_end(list);
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        CHECK_FALSE(list.find("X-First"));
        CHECK(list.find("4099").has_value() != with_options);
        CHECK(list.count("a5") == 1'000);
        return static_cast<double>(after.tv_sec - before.tv_sec) * 1e9 +
               static_cast<double>(after.tv_nsec - before.tv_nsec);
    };
    spent(true);
    auto const plain = spent(false);
    auto const hostile = spent(true);
    CAPTURE(plain);
    CAPTURE(hostile);
    CHECK(hostile < 25 * plain);
}
