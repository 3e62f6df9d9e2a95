// What a request may look like. Each refused form below is one that two readers take for two
// different things (RFC 9112 section 11.2), or that costs us without end.
#include "proxy/http/head_parser.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::http;

namespace {

struct parsed {
    request_head head;
    request_parser::step step;
};

parsed parse(std::string_view bytes, head_limits limits = {}) {
    parsed p;
    request_parser parser(limits);
    p.step = parser.parse(bytes, p.head);
    return p;
}

std::string repeated(char c, std::size_t count) {
    return std::string(count, c);
}

}  // namespace

TEST_CASE("an ordinary request is read whole") {
    auto const [head, step] = parse(
        "PATCH /products/42?page=1 HTTP/1.1\r\n"
        "Host: shop.example:8080\r\n"
        "X-Org-Id:  7 \r\n"
        "content-length: 5\r\n"
        "\r\n"
        "hello");
    REQUIRE(step.complete);
    CHECK(step.consumed == 97);
    CHECK(head.method == "PATCH");
    CHECK(head.target == "/products/42?page=1");
    CHECK(head.host == "shop.example:8080");
    CHECK(head.version == 11);
    CHECK(head.body == framing::length);
    CHECK(head.content_length == 5);
    CHECK(head.keep_alive);
    CHECK_FALSE(head.upgrade);
    CHECK(head.fields.find("x-org-id") == "7");
    // The framing is said once, in `body`.
    CHECK_FALSE(head.fields.find("Content-Length"));
    CHECK(head.view().has_body);
}

TEST_CASE("what is refused, and with which status") {
    struct {
        char const* what;
        std::string bytes;
        unsigned status;
    } const table[] = {
        // Transfer-Encoding (RFC 9112 section 6.1)
        {"both lengths",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"both lengths, the other way round",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
         400},
        {"chunked is not last",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
         400},
        {"chunked twice",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
         400},
        {"chunked in two fields",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
         "chunked\r\n\r\n",
         400},
        {"identity in a second field",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
         "identity\r\n\r\n",
         400},
        {"almost chunked",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
         400},
        {"chunked with a parameter",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n",
         400},
        {"quoted chunked",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
         400},
        {"identity alone",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
         400},
        {"an empty one", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400},
        {"a vertical tab before it",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
         "chunked\r\n\r\n",
         400},
        {"in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"gzip without chunked",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
         400},
        {"a coding we do not know",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
         501},
        // Content-Length (RFC 9110 section 8.6)
        {"two that differ",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
         400},
        {"two that agree",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
         400},
        {"a list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", 400},
        {"a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400},
        {"negative", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n", 400},
        {"hexadecimal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", 400},
        {"a space inside", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3 0\r\n\r\n", 400},
        {"empty", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
        {"more than 63 bits",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n",
         400},
        {"more than 64 bits",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n",
         400},
        // Host (RFC 9112 section 3.2)
        {"none", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"two that agree", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
        {"empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
        {"with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"with user information", "GET / HTTP/1.1\r\nHost: me@a\r\n\r\n", 400},
        {"with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        {"a list", "GET / HTTP/1.1\r\nHost: a, b:1\r\n\r\n", 400},
        {"a port of letters", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", 400},
        {"an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
        // Lines (RFC 9112 sections 2.2 and 5)
        {"a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400},
        {"a folded field, by a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n", 400},
        {"a first field that is a fold", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        {"a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"a tab before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 3\r\n\r\n", 400},
        {"a field without a name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400},
        {"a field without a colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400},
        {"a bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
        {"bare LFs only", "GET / HTTP/1.1\nHost: a\n\n", 400},
        {"a bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
        {"a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", 400},
        {"a NUL in a value",
         std::string("GET / HTTP/1.1\r\nHost: a\r\nX: y") + '\0' + "z\r\n\r\n",
         400},
        {"a control byte in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\x01z\r\n\r\n", 400},
        {"a control byte in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\x7f: y\r\n\r\n", 400},
        // The request line (RFC 9112 section 3)
        {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405},
        {"authority-form", "GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a path without slash", "GET products HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"asterisk-form for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"absolute-form without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"absolute-form with user information",
         "GET http://me@a/x HTTP/1.1\r\nHost: a\r\n\r\n",
         400},
        {"a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a method that is no token", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"HTTP/0.9", "GET /\r\n", 400},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        {"HTTP/2.0 otherwise", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
        {"HTTP/0.9 said aloud", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
        {"a version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
        {"a version of three digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
        {"TLS on a plain port", "\x16\x03\x01\x02\n", 400},
        {"an expectation we do not know",
         "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n",
         417},
    };
    for (auto const& row : table) {
        CAPTURE(std::string(row.what));
        auto const [head, step] = parse(row.bytes);
        CHECK(step.bad.status == row.status);
        CHECK_FALSE(step.complete);
        CHECK(step.bad.why != "");
    }
}

TEST_CASE("what is let through though it looks odd") {
    SUBCASE("empty lines before the request (RFC 9112 section 2.2)") {
        auto const [head, step] = parse("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(step.complete);
        CHECK(head.target == "/");
    }
    SUBCASE("Chunked in any case") {
        auto const [head, step] =
            parse("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n");
        CHECK(step.complete);
        CHECK(head.body == framing::chunked);
    }
    SUBCASE("HTTP/1.0 without Host") {
        auto const [head, step] = parse("GET / HTTP/1.0\r\n\r\n");
        CHECK(step.complete);
        CHECK(head.host == "");
        CHECK_FALSE(head.keep_alive);
    }
    SUBCASE("an unknown method") {
        auto const [head, step] = parse("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(step.complete);
        CHECK(head.method == "PROPFIND");
    }
    SUBCASE("an empty value, and bytes beyond ASCII in one") {
        auto const [head, step] = parse("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \xc3\xa9\r\n\r\n");
        CHECK(step.complete);
        CHECK(head.fields.find("X") == "");
        CHECK(head.fields.find("Y") == "\xc3\xa9");
    }
    SUBCASE("an IPv6 literal") {
        auto const [head, step] = parse("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n");
        CHECK(step.complete);
    }
    SUBCASE("a GET with content") {
        auto const [head, step] = parse("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
        CHECK(head.view().has_body);
    }
    SUBCASE("Content-Length: 0 is no content") {
        auto const [head, step] = parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        CHECK(head.body == framing::length);
        CHECK_FALSE(head.view().has_body);
    }
}

TEST_CASE("an absolute-form target says which host is meant, whatever Host says") {
    struct {
        char const* line;
        char const* target;
        char const* host;
    } const table[] = {
        {"GET http://b:81/x?y=1 HTTP/1.1", "/x?y=1", "b:81"},
        {"GET HTTP://b HTTP/1.1", "/", "b"},
        {"GET https://b?q HTTP/1.1", "/?q", "b"},
        {"OPTIONS http://b HTTP/1.1", "*", "b"},
        {"OPTIONS * HTTP/1.1", "*", "a"},
        // A path that begins with two slashes is a path.
        {"GET //b/x HTTP/1.1", "//b/x", "a"},
    };
    for (auto const& row : table) {
        CAPTURE(std::string(row.line));
        auto const [head, step] = parse(std::string(row.line) + "\r\nHost: a\r\n\r\n");
        REQUIRE(step.complete);
        CHECK(head.target == row.target);
        CHECK(head.host == row.host);
        CHECK(head.fields.find("Host") == row.host);
        CHECK(head.fields.count("Host") == 1);
    }
}

TEST_CASE("the limits of a head") {
    head_limits const small{.max_target = 100, .max_header = 1000};
    auto const get = [](std::string const& target) {
        return "GET " + target + " HTTP/1.1\r\nHost: a\r\n";
    };
    SUBCASE("a target as long as allowed") {
        CHECK(parse(get("/" + repeated('x', 99)) + "\r\n", small).step.complete);
    }
    SUBCASE("a longer one") {
        CHECK(parse(get("/" + repeated('x', 100)) + "\r\n", small).step.bad.status == 414);
    }
    SUBCASE("one that does not end") {
        CHECK(parse("GET /" + repeated('x', 200), small).step.bad.status == 414);
    }
    SUBCASE("a header that is too large") {
        auto const bytes = get("/") + "X: " + repeated('x', 1000) + "\r\n\r\n";
        CHECK(parse(bytes, small).step.bad.status == 431);
    }
    SUBCASE("one that does not end") {
        CHECK(parse(get("/") + "X: " + repeated('x', 1000), small).step.bad.status == 431);
    }
    SUBCASE("content behind the head does not count") {
        CHECK(parse(get("/") + "\r\n" + repeated('x', 5000), small).step.complete);
    }
}

TEST_CASE("what Connection asks for") {
    struct {
        char const* fields;
        bool keep_alive;
        bool upgrade;
    } const table[] = {
        {"", true, false},
        {"Connection: close\r\n", false, false},
        {"Connection: keep-alive, Close\r\n", false, false},
        {"Connection: Upgrade\r\nUpgrade: websocket\r\n", true, true},
        {"Connection: keep-alive\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", true, true},
        // Upgrade without the option is a field that somebody forgot to strip.
        {"Upgrade: websocket\r\n", true, false},
        {"Connection: upgrade\r\n", true, false},
        // h2c would hide every following request from the rules.
        {"Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n",
         true,
         false},
        {"Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", true, false},
        // Content before the switch: two readers may disagree where it ends.
        {"Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n", true, false},
    };
    for (auto const& row : table) {
        CAPTURE(std::string(row.fields));
        auto const [head, step] =
            parse("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(row.fields) + "\r\n");
        REQUIRE(step.complete);
        CHECK(head.keep_alive == row.keep_alive);
        CHECK(head.upgrade == row.upgrade);
    }
    CHECK(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head.keep_alive);
}

TEST_CASE("Expect: 100-continue counts where content follows, and not for HTTP/1.0") {
    auto const with = [](std::string_view version, std::string_view length) {
        return parse("POST / HTTP/" + std::string(version) +
                     "\r\nHost: a\r\nExpect: 100-Continue\r\n" +
                     "Content-Length: " + std::string(length) + "\r\n\r\n")
            .head.expects_continue;
    };
    CHECK(with("1.1", "3"));
    CHECK_FALSE(with("1.1", "0"));
    CHECK_FALSE(with("1.0", "3"));
}

TEST_CASE("a nominated field is gone before anybody decides from it") {
    auto const [head, step] = parse(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Org-Id, Authorization, close\r\n"
        "X-Org-Id: 7\r\nAuthorization: Bearer t\r\n\r\n");
    REQUIRE(step.complete);
    CHECK_FALSE(head.fields.find("X-Org-Id"));
    // ... but for what every recipient must see.
    CHECK(head.fields.find("Authorization") == "Bearer t");
    CHECK_FALSE(head.keep_alive);
}

TEST_CASE("it makes no difference in which pieces a head arrives") {
    std::string const bytes =
        "\r\nPUT /a?b=c HTTP/1.1\r\nHost: shop\r\nX: 1\r\nContent-Length: 2\r\n\r\nok";
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 200; ++round) {
        request_parser parser({});
        request_head head;
        std::string held;
        bool complete = false;
        for (std::size_t at = 0; at < bytes.size() && !complete;) {
            auto const count = std::min<std::size_t>(1 + random() % 7, bytes.size() - at);
            held += bytes.substr(at, count);
            at += count;
            auto const step = parser.parse(held, head);
            REQUIRE_FALSE(step.bad);
            held.erase(0, step.consumed);
            complete = step.complete;
        }
        REQUIRE(complete);
        CHECK(head.target == "/a?b=c");
        CHECK(head.content_length == 2);
        CHECK(std::string_view("ok").starts_with(held));
    }
}

TEST_CASE("a parser reads one head after the other from the same buffer") {
    std::string bytes =
        "GET /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
    request_parser parser({});
    request_head head;
    auto const first = parser.parse(bytes, head);
    REQUIRE(first.complete);
    CHECK(head.target == "/1");
    bytes.erase(0, first.consumed);
    REQUIRE(parser.parse(bytes, head).complete);
    CHECK(head.target == "/2");
    CHECK(head.host == "b");
    CHECK_FALSE(head.fields.find("X"));
}
