#include "proxy/http/content_reader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::http;
using trouble = content_reader::trouble;

namespace {

struct outcome {
    std::string content;
    std::string left;  // bytes that are not of this message
    trouble bad = trouble::none;
    bool complete = false;
};

/// Feeds `bytes` in pieces of at most `piece`, into buffers of at most `room`.
outcome read(content_reader& reader, std::string_view bytes, std::size_t piece, std::size_t room) {
    outcome o;
    std::string held;
    std::vector<char> out(room);
    for (std::size_t at = 0; at < bytes.size() && !reader.complete();) {
        auto const count = std::min(piece, bytes.size() - at);
        held += bytes.substr(at, count);
        at += count;
        for (;;) {
            auto const step = reader.put(held, out);
            o.content.append(out.data(), step.produced);
            held.erase(0, step.consumed);
            if (step.bad != trouble::none) {
                o.bad = step.bad;
                return o;
            }
            if (step.produced == 0 && step.consumed == 0) {
                break;
            }
        }
        o.left = held + std::string(bytes.substr(at));
    }
    o.complete = reader.complete();
    return o;
}

outcome read_chunked(std::string_view bytes, std::size_t piece = 1'000, std::uint64_t limit = 0) {
    content_reader reader;
    reader.begin(framing::chunked, 0, limit);
    return read(reader, bytes, piece, 64);
}

}  // namespace

TEST_CASE("chunked content, however it arrives") {
    std::string const bytes =
        "5\r\nhello\r\n"
        "1;name=value;other=\"quoted ; \\\" \"\r\n \r\n"
        "00000A\r\n0123456789\r\n"
        "0\r\nX-Trailer: dropped\r\n\r\n"
        "GET / HTTP/1.1";
    for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
        for (std::size_t const room : {1U, 3U, 100U}) {
            CAPTURE(piece);
            CAPTURE(room);
            content_reader reader;
            reader.begin(framing::chunked, 0);
            auto const o = read(reader, bytes, piece, room);
            CHECK(o.complete);
            CHECK(o.content == "hello 0123456789");
            CHECK(o.left == "GET / HTTP/1.1");
        }
    }
}

TEST_CASE("what is not chunked content") {
    char const* const table[] = {
        "x\r\n",
        "-1\r\na\r\n",
        "+1\r\na\r\n",
        "0x1\r\na\r\n",
        " 1\r\na\r\n",
        "\r\n",
        "1 2\r\na\r\n",
        "1 \r\na\r\n",
        "1;a=\x01\r\n",
        "1;a\rb\r\n",
        "0\r\nX\r\n",
        "0\r\n: y\r\n",
        "0\r\nX: y\r\n folded\r\n",
        "1\na\n0\n\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1\r\na0\r\n\r\n",
        "5;\r\nhello\r\n",
        "10000000000000000\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        // A reader that ends lines at LF sees another chunk behind this one's extension.
        "1;a=\"\n\"\r\na\r\n",
        // Framing in the trailers is somebody's attempt at another request.
        "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
    };
    for (auto const* bytes : table) {
        CAPTURE(std::string(bytes));
        auto const o = read_chunked(bytes);
        CHECK(o.bad == trouble::malformed);
        CHECK_FALSE(o.complete);
    }
}

TEST_CASE("content that stops in the middle is never complete") {
    std::string const whole = "5\r\nhello\r\n0\r\n\r\n";
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        CAPTURE(cut);
        content_reader reader;
        reader.begin(framing::chunked, 0);
        auto const o = read(reader, whole.substr(0, cut), 3, 64);
        CHECK_FALSE(o.complete);
        CHECK_FALSE(reader.end_of_stream());
    }
}

TEST_CASE("a chunk's head, or the trailers, without end") {
    CHECK(read_chunked("1;" + std::string(20'000, 'x')).bad == trouble::malformed);
    CHECK(read_chunked("0\r\nX: " + std::string(20'000, 'x')).bad == trouble::malformed);
}

TEST_CASE("extensions of many small chunks add up") {
    std::string bytes;
    for (int i = 0; i < 100; ++i) {
        bytes += "1;" + std::string(500, 'x') + "\r\na\r\n";
    }
    CHECK(read_chunked(bytes + "0\r\n\r\n").bad == trouble::malformed);
}

TEST_CASE("more content than the limit") {
    CHECK(read_chunked("5\r\nhello\r\n0\r\n\r\n", 100, 5).bad == trouble::none);
    CHECK(read_chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", 100, 5).bad == trouble::too_large);
}

TEST_CASE("content of a known length takes what is its own") {
    content_reader reader;
    reader.begin(framing::length, 5);
    auto const o = read(reader, "helloGET /", 4, 2);
    CHECK(o.complete);
    CHECK(o.content == "hello");
    CHECK(o.left == "GET /");
}

TEST_CASE("content of a known length can be read past the reader") {
    content_reader reader;
    reader.begin(framing::length, 5);
    CHECK(reader.contiguous() == 5);
    reader.took(3);
    CHECK_FALSE(reader.end_of_stream());
    CHECK(reader.contiguous() == 2);
    reader.took(2);
    CHECK(reader.complete());
    CHECK(reader.size() == 5);
}

TEST_CASE("no content, and content of length 0, are complete from the beginning") {
    content_reader reader;
    reader.begin(framing::none, 0);
    CHECK(reader.complete());
    reader.begin(framing::length, 0);
    CHECK(reader.complete());
}

TEST_CASE("content until the connection closes is complete then, and only then") {
    content_reader reader;
    reader.begin(framing::close, 0);
    auto const o = read(reader, "hello", 2, 64);
    CHECK(o.content == "hello");
    CHECK_FALSE(o.complete);
    CHECK(reader.end_of_stream());
    CHECK(reader.complete());
}

TEST_CASE("bytes at random never do more than be refused") {
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string_view const alphabet = "0123abF;=\"\r\n \tx";
    for (int round = 0; round < 2'000; ++round) {
        std::string bytes;
        for (std::size_t i = random() % 60; i > 0; --i) {
            bytes.push_back(alphabet[random() % alphabet.size()]);
        }
        content_reader reader;
        reader.begin(framing::chunked, 0);
        auto const o = read(reader, bytes, 1 + random() % 9, 1 + random() % 9);
        CHECK(o.content.size() <= bytes.size());
    }
}
