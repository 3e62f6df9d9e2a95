// The head of a request is read by a parser of our own. Whatever Beast's parser, behind the scanner
// and before the judge of framing, says of the same bytes, ours says too, with the same status:
// over the fuzzer's corpus, and over heads made of pieces that are right, odd or wrong.
// `compare_request_with_beast` aborts where they differ, and prints the bytes.
#include "tests/support/beast_request.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

using namespace sidecache::tests;

namespace {

std::string read_file(std::filesystem::path const& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

template <std::size_t Size>
std::string_view one_of(char const* const (&list)[Size], std::mt19937& chance) {
    return list[chance() % Size];
}

constexpr char const* request_lines[] = {
    "GET / HTTP/1.1\r\n",
    "GET /products/42?page=1 HTTP/1.1\r\n",
    "GET /products/42 HTTP/1.0\r\n",
    "POST /a HTTP/1.1\r\n",
    "\r\nHEAD /a HTTP/1.1\r\n",
    "\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "GET http://b:81/x?y=1 HTTP/1.1\r\n",
    "GET /a#b HTTP/1.1\r\n",
    "GET /\xc3\xa4 HTTP/1.1\r\n",
    "GET /12345\x7fx8 HTTP/1.1\r\n",
    "GET /a\tb HTTP/1.1\r\n",
    "GET /a b HTTP/1.1\r\n",
    "GET  / HTTP/1.1\r\n",
    "GET /  HTTP/1.1\r\n",
    "GET / HTTP/1.1 \r\n",
    "GET / HTTP/1.2\r\n",
    "GET / HTTP/2.0\r\n",
    "GET / http/1.1\r\n",
    "GET / HTTP/1.11\r\n",
    "GET /\r\n",
    "GET HTTP/1.1\r\n",
    "G(T / HTTP/1.1\r\n",
    " GET / HTTP/1.1\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n",
    "AMETHODTHATISLONGERTHANANYOFTHOSETHATSOMEBODYUSES / HTTP/1.1\r\n",
};

constexpr char const* hosts[] = {"Host: a\r\n",
                                 "Host: a\r\n",
                                 "Host: a\r\n",
                                 "host:b:80\r\n",
                                 "Host: \r\n",
                                 "Host: a/b\r\n",
                                 ""};

constexpr char const* names[] = {
    "X",
    "Accept",
    "Content-Length",
    "content-length",
    "Transfer-Encoding",
    "Connection",
    "connECTION",
    "Proxy-Connection",
    "Upgrade",
    "Expect",
    "Host",
    "Keep-Alive",
    "Content-Type",
    "",
    "X Y",
    "X ",
    "\xc3\xa4",
    "X-1~!#$",
    " X",
};

constexpr char const* colons[] = {": ", ": ", ": ", ":", ":\t", ":  ", ": \t ", "", " : "};

constexpr char const* values[] = {
    "text/plain; charset=utf-8",
    "1",
    "12",
    "0",
    "1, 1",
    "+1",
    "1 1",
    "",
    "9223372036854775807",
    "9223372036854775808",
    "chunked",
    "Chunked",
    "gzip, chunked",
    "chunked, chunked",
    "gzip;q=\"x, chunked",
    "identity",
    "close",
    "Keep-Alive",
    "keep-alive, X",
    ",, close ,",
    "close X",
    "clo@se",
    "\"close\"",
    "upgrade",
    "upgrade, X",
    "websocket",
    "h2c",
    "100-continue",
    "100-Continue ",
    "200-ok",
    "a\tb",
    "tab\t",
    "\x7f",
    "a long value that is longer than one word\x7f",
    "\xff\x80\xfe",
    "a long value with a \x01 in it",
    "a\rb",
    "a\nb",
};

constexpr char const* ends[] = {
    "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", " \r\n", "\n", "\r", "\r\n ", "\r\n\t"};

std::string make_head(std::mt19937& chance) {
    std::string out(one_of(request_lines, chance));
    out += one_of(hosts, chance);
    for (auto fields = chance() % 4; fields > 0; --fields) {
        out += one_of(names, chance);
        out += one_of(colons, chance);
        out += one_of(values, chance);
        out += one_of(ends, chance);
    }
    out += one_of(ends, chance);
    return out + "content";
}

/// One byte more, one byte less, or another byte.
void damage(std::string& bytes, std::mt19937& chance) {
    constexpr std::string_view odd("\r\n\0 \t:,\x7f\x80zA1", 12);
    auto const at = chance() % bytes.size();
    auto const byte = odd[chance() % odd.size()];
    switch (chance() % 3) {
        case 0:
            bytes[at] = byte;
            break;
        case 1:
            bytes.insert(at, 1, byte);
            break;
        default:
            bytes.erase(at, 1);
            break;
    }
}

}  // namespace

TEST_CASE("heads of requests are read as Beast reads them: the corpus") {
    std::size_t compared = 0;
    auto const folder = std::filesystem::path(SOURCE_FOLDER) / "tests/fuzz/corpus/http_request";
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
        auto const bytes = read_file(entry.path());
        // The first byte of each input says how the fuzzer is to deliver it.
        for (std::size_t size = 1; size <= bytes.size(); ++size) {
            (void)compare_request_with_beast(std::string_view(bytes).substr(1, size), 1 + size % 7);
            ++compared;
        }
    }
    CHECK(compared > 100);
}

TEST_CASE("heads of requests are read as Beast reads them: made up") {
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 chance(seed);
    std::size_t right = 0;
    for (int i = 0; i < 100'000; ++i) {
        auto bytes = make_head(chance);
        for (auto times = chance() % 3; times > 0 && !bytes.empty(); --times) {
            damage(bytes, chance);
        }
        right += compare_request_with_beast(bytes, 1 + chance() % 40) ? 1 : 0;
    }
    CHECK(right > 1'000);
}

TEST_CASE("heads of requests at their limits are read as Beast reads them") {
    for (std::size_t size = 500; size < 600; ++size) {
        auto const line = "GET /" + std::string(size, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
        (void)compare_request_with_beast(line, 50);
        (void)compare_request_with_beast(line.substr(0, size), 50);
        auto const method = std::string(size, 'X') + " / HTTP/1.1\r\nHost: a\r\n\r\n";
        (void)compare_request_with_beast(method, 50);
    }
    for (std::size_t size = 4'060; size < 4'100; ++size) {
        auto const head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(size - 36, 'x');
        (void)compare_request_with_beast(head + "\r\n\r\n", 100);
        (void)compare_request_with_beast(head + "\r\n\r\ncontent", 10'000);
        (void)compare_request_with_beast(head, 100);
    }
}
