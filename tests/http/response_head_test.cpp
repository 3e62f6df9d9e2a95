// What an upstream's head may look like: anything that could be read in two ways is malformed, so
// that it is never stored under somebody's key.
#include "proxy/http/response_parser.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace sidecache::http;

namespace {

struct parsed {
    response_head head;
    response_parser::step step;
};

parsed parse(std::string_view bytes) {
    parsed p;
    response_parser parser(64 << 10);
    p.step = parser.parse(bytes, p.head);
    return p;
}

}  // namespace

TEST_CASE("how answers are framed (RFC 9112 section 6.3)") {
    struct {
        char const* bytes;
        framing body;
        std::uint64_t length;
        bool keep_alive;
    } const table[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", framing::length, 12, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nContent-Length: 12\r\n\r\n",
         framing::length,
         12,
         true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", framing::chunked, 0, true},
        {"HTTP/1.1 200 OK\r\n\r\n", framing::close, 0, true},
        {"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n", framing::length, 1, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", framing::none, 0, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", framing::none, 0, true},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", framing::none, 0, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", framing::length, 9, true},
        {"HTTP/1.1 103 Early Hints\r\n\r\n", framing::none, 0, true},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n",
         framing::length,
         1,
         false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", framing::length, 1, false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n",
         framing::length,
         1,
         true},
    };
    for (auto const& row : table) {
        CAPTURE(std::string(row.bytes));
        auto const [head, step] = parse(row.bytes);
        REQUIRE(step.complete);
        CHECK(head.body == row.body);
        CHECK(head.content_length == row.length);
        CHECK(head.keep_alive == row.keep_alive);
        CHECK_FALSE(head.fields.find("Content-Length"));
        CHECK_FALSE(head.fields.find("Transfer-Encoding"));
    }
}

TEST_CASE("whether content is announced, there where none may come, too") {
    struct {
        char const* bytes;
        bool announces;
    } const table[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
        {"HTTP/1.1 204 No Content\r\n\r\n", false},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n", true},
        {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 1\r\n\r\n", true},
        {"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n", false},
    };
    for (auto const& row : table) {
        CAPTURE(std::string(row.bytes));
        auto const [head, step] = parse(row.bytes);
        REQUIRE(step.complete);
        CHECK(head.announces_content == row.announces);
    }
}

TEST_CASE("what is malformed") {
    char const* const table[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 3\n\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 Odd\r\n\r\n",
        "HTTP/1.1 600 Odd\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "<html>\r\n\r\n",
        "\r\n\r\n",
        // Is what follows the interim answer's content, or the answer?
        "HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    for (auto const* bytes : table) {
        CAPTURE(std::string(bytes));
        auto const [head, step] = parse(bytes);
        CHECK(step.malformed);
        CHECK_FALSE(step.complete);
    }
}

TEST_CASE("an endless head is malformed, not kept") {
    CHECK(parse("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x')).step.malformed);
}
