#include "proxy/http/answer.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>
#include <doctest/doctest.h>

#include <string>

using namespace sidecache::http;

namespace {

response_head head(unsigned status, framing body, std::uint64_t length = 0) {
    response_head h;
    h.status = status;
    h.fields.add("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    h.body = body;
    h.content_length = length;
    return h;
}

std::string written(response_head const& h, connection_field c) {
    std::string out;
    write_response_head(out, h, c);
    return out;
}

constexpr auto date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

}  // namespace

TEST_CASE("heads as bytes") {
    CHECK(written(head(200, framing::length, 12), connection_field::none) ==
          std::string("HTTP/1.1 200 OK\r\n") + date + "Content-Length: 12\r\n\r\n");
    CHECK(written(head(200, framing::chunked), connection_field::keep_alive) ==
          std::string("HTTP/1.1 200 OK\r\n") + date +
              "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n");
    CHECK(written(head(204, framing::none), connection_field::close) ==
          std::string("HTTP/1.1 204 No Content\r\n") + date + "Connection: close\r\n\r\n");
    CHECK(written(head(299, framing::none), connection_field::none) ==
          std::string("HTTP/1.1 299 \r\n") + date + "\r\n");
}

TEST_CASE("an answer without Date gets one (RFC 9110 section 6.6.1)") {
    response_head h;
    h.status = 200;
    auto const bytes = written(h, connection_field::none);
    auto const at = bytes.find("Date: ");
    REQUIRE(at != std::string::npos);
    // IMF-fixdate is 29 characters long.
    CHECK(bytes.substr(at + 6 + 29, 2) == "\r\n");
    CHECK(bytes.substr(at + 6 + 26, 3) == "GMT");
}

TEST_CASE("errors of our own are small, and nobody stores them") {
    auto const answer = error_answer(431, "the header is too large");
    CHECK(answer.body == "431 Request Header Fields Too Large: the header is too large\n");
    CHECK(answer.head.fields.find("Cache-Control") == "no-store");
    CHECK(error_answer(503, "").head.fields.find("Retry-After") == "1");
    CHECK(error_answer(405, "").head.fields.find("Allow"));
}

TEST_CASE("what a failed read of content is answered with") {
    namespace errc = boost::system::errc;
    CHECK(refusal_of(boost::asio::error::timed_out).status == 408);
    CHECK(refusal_of(errc::make_error_code(errc::message_size)).status == 413);
    CHECK(refusal_of(errc::make_error_code(errc::protocol_error)).status == 400);
    CHECK(refusal_of(boost::asio::error::eof).status == 0);
    CHECK(refusal_of(boost::asio::error::connection_reset).status == 0);
}
