// Where a request ends: lengths, codings, chunks. Two readers that differ in it let one client
// speak in the name of the next (RFC 9112 section 11.2), so whatever can be read in two ways is
// refused, and what is forwarded is framed anew.
#include "tests/e2e/hostile.hpp"

#include <doctest/doctest.h>

using namespace sidecache::tests;

namespace {

/// A POST with these framing fields, then `content`, then a request that must not get through when
/// the first is refused.
std::string post(std::string_view framing, std::string_view content = "0\r\n\r\n") {
    return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(framing) + "\r\n" +
           std::string(content) + std::string(smuggled);
}

std::string chunked(std::string_view content) {
    return "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
           std::string(content) + std::string(smuggled);
}

}  // namespace

TEST_CASE(
    "a request with two lengths, or none that all agree on, is refused, and what is behind it") {
    hostile_stage s;
    std::vector<exchange_row> table;
    for (std::string const framing : {
             // CL+TE, both orders
             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
             "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
             "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
             // several
             "Content-Length: 5\r\nContent-Length: 5\r\n",
             "Content-Length: 5\r\nContent-Length: 6\r\n",
             "Content-Length: 5\r\ncontent-length: 0\r\n",
             "Content-Length: 5, 5\r\n",
             "Content-Length: 1,1\r\n",
             // malformed
             "Content-Length: +5\r\n",
             "Content-Length: -5\r\n",
             "Content-Length: 0x5\r\n",
             "Content-Length: 5 5\r\n",
             "Content-Length: 5.0\r\n",
             "Content-Length: 5e0\r\n",
             "Content-Length: \r\n",
             "Content-Length: five\r\n",
             "Content-Length: 18446744073709551616\r\n",
             "Content-Length: 18446744073709551621\r\n",
             "Content-Length: 9223372036854775808\r\n",
             "Content-Length: 99999999999999999999999999999999\r\n",
             // obfuscated codings
             "Transfer-Encoding: chunked, identity\r\n",
             "Transfer-Encoding: identity, chunked\r\n",
             "Transfer-Encoding: chunked, chunked\r\n",
             "Transfer-Encoding: xchunked\r\n",
             "Transfer-Encoding: x-chunked\r\n",
             "Transfer-Encoding: chunkedx\r\n",
             "Transfer-Encoding: chunked;q=1\r\n",
             "Transfer-Encoding: \"chunked\"\r\n",
             "Transfer-Encoding: identity\r\n",
             "Transfer-Encoding: gzip\r\n",
             "Transfer-Encoding: \r\n",
             "Transfer-Encoding: ,\r\n",
             "Transfer-Encoding:\x0b"
             "chunked\r\n",
             "Transfer-Encoding: \x0b"
             "chunked\r\n",
             "Transfer-Encoding: chunked\x0b\r\n",
             "Transfer-Encoding: chunk\xc3\xa9"
             "d\r\n",
             "Transfer-Encoding : chunked\r\n",
             "Transfer-Encoding\t: chunked\r\n",
             " Transfer-Encoding: chunked\r\n",
             "X: y\r\n Transfer-Encoding: chunked\r\n",
             "Transfer-Encoding:\r\n chunked\r\n",
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
             "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
             "X: y\nTransfer-Encoding: chunked\r\n",
             "X: y\rTransfer-Encoding: chunked\r\n",
         }) {
        table.push_back({post(framing), {400}, true});
    }
    // A coding that is rightly framed and that we do not know (RFC 9112 section 6.1).
    table.push_back({post("Transfer-Encoding: gzip, chunked\r\n"), {501}, true});
    // HTTP/1.0 knows no codings.
    table.push_back({"POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                         std::string(smuggled),
                     {400},
                     true});
    play_all(s, table);
}

TEST_CASE("what is rightly framed goes on with one Content-Length") {
    hostile_stage s;
    play_all(
        s,
        {{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
          {200},
          false,
          {at_backend("POST /x HTTP/1.1", "Host: a\r\n", "Content-Length: 3\r\n", "abc")}},
         {"POST /x HTTP/1.1\r\nHost: a\r\ncOnTeNt-LeNgTh:\t 003 \t\r\n\r\nabc",
          {200},
          false,
          {at_backend("POST /x HTTP/1.1", "Host: a\r\n", "Content-Length: 3\r\n", "abc")}},
         {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
          {200},
          false,
          {at_backend("POST /x HTTP/1.1", "Host: a\r\n", "Content-Length: 0\r\n")}},
         {"POST /x HTTP/1.1\r\nHost: a\r\n\r\n", {200}, false, {at_backend("POST /x HTTP/1.1")}},
         {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tChunked \r\n\r\n"
          "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n",
          {200},
          false,
          {at_backend(
              "POST /x HTTP/1.1", "Host: a\r\n", "Content-Length: 13\r\n", "abc0123456789")}}});
}

TEST_CASE("chunks that can be read in two ways are refused before anything is forwarded") {
    hostile_stage s;
    std::string const long_extension(20'000, 'x');
    std::vector<exchange_row> table;
    for (std::string const& content : {
             std::string("x\r\nabc\r\n0\r\n\r\n"),
             std::string("\r\nabc\r\n0\r\n\r\n"),
             std::string("+3\r\nabc\r\n0\r\n\r\n"),
             std::string("-3\r\nabc\r\n0\r\n\r\n"),
             std::string("0x3\r\nabc\r\n0\r\n\r\n"),
             std::string(" 3\r\nabc\r\n0\r\n\r\n"),
             std::string("3 3\r\nabc\r\n0\r\n\r\n"),
             std::string("3_\r\nabc\r\n0\r\n\r\n"),
             std::string("ffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
             std::string("10000000000000003\r\nabc\r\n0\r\n\r\n"),
             std::string("00000000000000000000003\r\nabc\r\n0\r\n\r\n"),
             std::string("3\nabc\r\n0\r\n\r\n"),
             std::string("3\rabc\r\n0\r\n\r\n"),
             std::string("3\r\nabc0\r\n\r\n"),
             std::string("3\r\nabcd\r\n0\r\n\r\n"),
             std::string("3\r\nabc\n0\r\n\r\n"),
             std::string("3\r\nabc\r0\r\n\r\n"),
             std::string("3\r\nabc\r\n0\n\n"),
             std::string("3\r\nabc\r\n0\r\n\n"),
             // extensions
             "3;" + long_extension + "\r\nabc\r\n0\r\n\r\n",
             std::string("3;\r\nabc\r\n0\r\n\r\n"),
             std::string("3;a\nb\r\nabc\r\n0\r\n\r\n"),
             std::string("3;a\rb\r\nabc\r\n0\r\n\r\n"),
             std::string("3;a=\x01\r\nabc\r\n0\r\n\r\n"),
             std::string("3 x\r\nabc\r\n0\r\n\r\n"),
             // trailers
             std::string("0\r\nContent-Length: 3\r\n\r\n"),
             std::string("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
             std::string("0\r\nno field\r\n\r\n"),
             std::string("0\r\nX : y\r\n\r\n"),
             std::string("0\r\n folded\r\n\r\n"),
             std::string("0\r\nX: y\n\r\n"),
             std::string("0\r\n: y\r\n\r\n"),
             "0\r\nX: " + long_extension + "\r\n\r\n",
         }) {
        table.push_back({chunked(content), {400}, true});
    }
    play_all(s, table);
}

TEST_CASE("extensions and trailers that are right end here") {
    hostile_stage s;
    auto const abc = at_backend("POST /x HTTP/1.1", "Host: a\r\n", "Content-Length: 3\r\n", "abc");
    for (std::string const content : {
             "3;a=b\r\nabc\r\n0\r\n\r\n",
             "3 ; a=\"b c\"\r\nabc\r\n0;x\r\n\r\n",
             "3\r\nabc\r\n000\r\n\r\n",
             "3\r\nabc\r\n0\r\nAuthorization: forged\r\nX-Trailer: t\r\n\r\n",
         }) {
        play(s,
             {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n" +
                  content,
              {200},
              false,
              {abc}});
    }
}

TEST_CASE("a content that turns out bad while it streams is never a whole request to the backend") {
    // Larger than what is read before a mutation is forwarded.
    hostile_stage s({.settings = "limits: {max_mutation_body: 10B}\n"});
    http_client client(s.proxy().port());
    client.send_raw(
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "14\r\n01234567890123456789\r\nXYZ\r\n\r\n" +
        std::string(smuggled));
    auto const answer = client.receive_until_closed();
    CHECK(answer.starts_with("HTTP/1.1 400 "));
    CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
    CHECK(s.arrived() == std::vector<std::string>{});
    for (auto const& half : s.backend().leftovers()) {
        CHECK(half.find("smuggled") == std::string::npos);
        CHECK_FALSE(half.ends_with("0\r\n\r\n"));
    }
}

TEST_CASE("a GET with content goes past the cache, whatever the content is") {
    hostile_stage s;
    CHECK(s.proxy().get("/things/1", {{"Host", "a"}}).status == 200);
    s.arrived();
    play_all(
        s,
        {{"GET /things/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
          {200},
          false,
          {at_backend("GET /things/1 HTTP/1.1", "Host: a\r\n", "Content-Length: 3\r\n", "abc")}},
         {"GET /things/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          {200},
          false,
          {at_backend("GET /things/1 HTTP/1.1",
                      "Host: a\r\n",
                      "Transfer-Encoding: chunked\r\n",
                      "0\r\n\r\n")}},
         // No content: a hit, and nothing for the backend.
         {"GET /things/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", {200}, false, {}}});
}

TEST_CASE("pipelined requests behind an error never reach the backend") {
    hostile_stage s;
    std::string const good = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
    auto const one = at_backend("GET /one HTTP/1.1");
    play_all(s,
             {{good + "GET /bad HTTP/1.1\r\n\r\n" + std::string(smuggled), {200, 400}, true, {one}},
              {good + "BAD\r\n\r\n" + std::string(smuggled), {200, 400}, true, {one}},
              {good + good + "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n" +
                   std::string(smuggled),
               {200, 200, 400},
               true,
               {one, one}},
              {"GET /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + std::string(smuggled),
               {200},
               true,
               {one}}});
}
