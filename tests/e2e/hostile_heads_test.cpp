// Request lines, line ends, names and values of fields, Host and the forms of a target: what each
// becomes to the client and to the backend.
#include "tests/e2e/hostile.hpp"
#include "tests/support/http_client.hpp"

#include <doctest/doctest.h>

using namespace sidecache::tests;

namespace {

std::string const nul(1, '\0');

std::string followed(std::string const& head) {
    return head + std::string(smuggled);
}

}  // namespace

TEST_CASE("lines that two readers may end elsewhere are refused") {
    hostile_stage s;
    std::vector<exchange_row> table;
    for (auto const& head : {
             // bare LF, bare CR, NUL
             std::string("GET / HTTP/1.1\nHost: a\n\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\n\n"),
             std::string("GET / HTTP/1.1\nHost: a\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n"),
             std::string("GET / HTTP/1.1\rHost: a\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nX: a\rb\r\nHost: a\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nX: a\r\r\nHost: a\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nX: a\nb: c\r\nHost: a\r\n\r\n"),
             "GET / HTTP/1.1\r\nX: a" + nul + "b\r\nHost: a\r\n\r\n",
             "GET / HTTP/1.1\r\nX" + nul + ": a\r\nHost: a\r\n\r\n",
             "GET /" + nul + " HTTP/1.1\r\nHost: a\r\n\r\n",
             "GET / HTTP/1.1" + nul + "\r\nHost: a\r\n\r\n",
             // obs-fold
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n"),
             std::string("GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
             std::string(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
             // names of fields
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX\t: y\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX(Y: z\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: z\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\n\"X\": z\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX\x7f: z\r\n\r\n"),
             // control bytes in values
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX: a\x01"
                         "b\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f"
                         "b\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a\r\nX: \x1b[31m\r\n\r\n"),
             // request lines
             std::string("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
             std::string("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("G\xc3\xa9T / HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("/ HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET /\r\nHost: a\r\n\r\n"),  // HTTP/0.9
             std::string("GET /\r\n\r\n"),
             std::string("GET / http/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET / HTTP/1.1.1\r\nHost: a\r\n\r\n"),
             std::string("GET / HTTP/11\r\nHost: a\r\n\r\n"),
             std::string("GET / HTTP/1.\r\nHost: a\r\n\r\n"),
             std::string("GET / HTTPS/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET / ICAP/1.0\r\nHost: a\r\n\r\n"),
             std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
             std::string("\x16\x03\x01\x02\n"),  // TLS
         }) {
        table.push_back({followed(head), {400}, true});
    }
    for (auto const* const version : {"1.2", "1.9", "2.0", "3.0", "0.9", "0.1", "9.9"}) {
        table.push_back(
            {followed("GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n\r\n"), {505}, true});
    }
    play_all(s, table);
}

TEST_CASE("an empty line before a request is forgiven, nothing else is (RFC 9112 section 2.2)") {
    hostile_stage s;
    play_all(
        s,
        {{"\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", {200}, false, {at_backend("GET /x HTTP/1.1")}},
         {"\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n",
          {200},
          false,
          {at_backend("GET /x HTTP/1.1")}},
         {followed("\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("\r\rGET /x HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true}});
}

TEST_CASE("one Host, and it is a host") {
    hostile_stage s;
    std::vector<exchange_row> table;
    for (auto const* const fields : {
             "",
             "Host: a\r\nHost: a\r\n",
             "Host: a\r\nhOST: b\r\n",
             "Host:\r\n",
             "Host: \r\n",
             "Host: a b\r\n",
             "Host: a,b\r\nHost: c\r\n",
             "Host: a/b\r\n",
             "Host: a?b\r\n",
             "Host: a#b\r\n",
             "Host: a@b\r\n",
             "Host: user:pass@b\r\n",
             "Host: http://a\r\n",
             "Host: a:b\r\n",
             "Host: a:80:80\r\n",
             "Host: a:123456\r\n",
             "Host: :80\r\n",
             "Host: [::1\r\n",
             "Host: [::1]x\r\n",
             "Host: [x]\r\n",
             "Host: []\r\n",
             "Host: a\\b\r\n",
             "Host: \"a\"\r\n",
             "Host: a<b>\r\n",
             "Host: \xc3\xa9\r\n",
         }) {
        table.push_back(
            {followed("GET / HTTP/1.1\r\n" + std::string(fields) + "\r\n"), {400}, true});
    }
    for (std::string const host : {"a.example:8080", "[::1]:80", "[2001:db8::1]", "127.0.0.1"}) {
        auto const field = "Host: " + host + "\r\n";
        table.push_back({"GET /x HTTP/1.1\r\n" + field + "\r\n",
                         {200},
                         false,
                         {at_backend("GET /x HTTP/1.1", field, {}, {}, host)}});
    }
    play_all(s, table);
}

TEST_CASE("HTTP/1.0: no Host is the backend's own, and its connection closes") {
    hostile_stage s;
    auto const backend = s.backend().url().substr(7);
    play_all(s,
             {{"GET /x HTTP/1.0\r\n\r\n",
               {200},
               true,
               {"GET /x HTTP/1.1\r\nHost: " + backend +
                "\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: " +
                backend + "\r\nVia: 1.0 sidecache\r\nX-Request-Id: ...\r\n\r\n"}},
              {followed("GET /x HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), {400}, true}});
}

TEST_CASE("the forms of a target") {
    hostile_stage s;
    play_all(
        s,
        {// absolute-form: its authority is the host, whatever Host says (RFC 9112 section 3.2.2)
         {"GET http://a/x?y HTTP/1.1\r\nHost: evil\r\n\r\n",
          {200},
          false,
          {at_backend("GET /x?y HTTP/1.1")}},
         {"GET HTTP://a HTTP/1.1\r\nHost: evil\r\n\r\n",
          {200},
          false,
          {at_backend("GET / HTTP/1.1")}},
         {"GET https://a?y HTTP/1.1\r\nHost: a\r\n\r\n",
          {200},
          false,
          {at_backend("GET /?y HTTP/1.1")}},
         {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
          {200},
          false,
          {at_backend("OPTIONS * HTTP/1.1")}},
         // asterisk-form
         {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
          {200},
          false,
          {at_backend("OPTIONS * HTTP/1.1")}},
         {followed("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         // authority-form
         {followed("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), {405}, true},
         {followed("CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n"), {405}, true},
         {followed("GET a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), {400}, true},
         // neither
         {followed("GET http://evil@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("GET http:a/x HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("GET http://a\\b/ HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("GET http://a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("GET http://a HTTP/1.1\r\n\r\n"), {400}, true},
         {followed("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("GET x HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("GET ?x HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         {followed("GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
         // Odd paths go on as they came.
         {"GET /a/../b//c;d/%2e%2E%2f\\ HTTP/1.1\r\nHost: a\r\n\r\n",
          {200},
          false,
          {at_backend("GET /a/../b//c;d/%2e%2E%2f\\ HTTP/1.1")}},
         {"GET //evil/x HTTP/1.1\r\nHost: a\r\n\r\n",
          {200},
          false,
          {at_backend("GET //evil/x HTTP/1.1")}},
         {"GET /%zz%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\n\r\n",
          {200},
          false,
          {at_backend("GET /%zz%0d%0aX:%20y HTTP/1.1")}}});
}

TEST_CASE("methods: unknown ones are forwarded and count as unsafe; case matters") {
    hostile_stage s;
    auto const cached = [&] {
        auto const answer = s.proxy().get("/things/1", {{"Host", "a"}});
        auto const arrived = s.arrived();
        return arrived.empty();
    };
    for (std::string const method : {"BREW", "get", "PURGE", "M-SEARCH", "X!#$%&'*+.^_`|~"}) {
        CAPTURE(method);
        cached();
        CHECK(cached());
        play(s,
             {method + " /things/1 HTTP/1.1\r\nHost: a\r\n\r\n",
              {200},
              false,
              {at_backend(method + " /things/1 HTTP/1.1")}});
        // No purge names it, so its own path is invalidated (RFC 9111 section 4.4).
        CHECK_FALSE(cached());
    }
    CHECK(cached());
    for (std::string const method : {"TRACE", "OPTIONS"}) {
        play(s,
             {method + " /things/1 HTTP/1.1\r\nHost: a\r\n\r\n",
              {200},
              false,
              {at_backend(method + " /things/1 HTTP/1.1")}});
        CHECK(cached());
    }
}

TEST_CASE("what is too large is refused with the status that says what") {
    hostile_stage s({.settings = "limits: {max_target: 200B, max_header: 1KiB, max_body: 10B}\n"});
    std::string const x300(300, 'x');
    std::string const x2000(2'000, 'x');
    std::string many;
    for (int i = 0; i < 200; ++i) {
        many += "A" + std::to_string(i) + ": b\r\n";
    }
    play_all(
        s,
        {{followed("GET /" + x300 + " HTTP/1.1\r\nHost: a\r\n\r\n"), {414}, true},
         {followed("GET /?" + x300 + " HTTP/1.1\r\nHost: a\r\n\r\n"), {414}, true},
         {followed("GET " + x2000), {414}, true},
         {followed(x2000), {414}, true},
         {followed("GET / HTTP/1.1\r\nHost: a\r\nX: " + x2000 + "\r\n\r\n"), {431}, true},
         {followed("GET / HTTP/1.1\r\nHost: a\r\n" + x2000 + ": x\r\n\r\n"), {431}, true},
         {followed("GET / HTTP/1.1\r\nHost: a\r\n" + many + "\r\n"), {431}, true},
         {followed("GET / HTTP/1.1\r\nHost: a\r\nX: " + x2000), {431}, true},
         {followed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890"),
          {413},
          true},
         {followed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "b\r\n01234567890\r\n0\r\n\r\n"),
          {413},
          true},
         {followed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n"),
          {413},
          true}});
}

TEST_CASE("a head that does not come in time is 408; one that stops in mid-line reaches nobody") {
    hostile_stage s(
        {.settings = "limits: {header_timeout: 200ms, body_timeout: 200ms, idle_timeout: 5s}\n"});
    play_all(s,
             {{"GET / HTTP/1.1\r\nHost: a\r\nX: ", {408}, true},
              {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", {408}, true},
              {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
               {408},
               true}});
}
