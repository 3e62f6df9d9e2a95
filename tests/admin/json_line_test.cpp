#include "proxy/telemetry/json_line.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <string>
#include <string_view>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using namespace sidecache::telemetry;

TEST_CASE("whatever a client sends becomes one JSON string on one line") {
    struct row {
        std::string_view input;
        std::string_view expected;
    };
    row const rows[] = {
        {"", R"("")"},
        {"/products/42", R"("/products/42")"},
        // RFC 8259 section 7: quotation mark, reverse solidus, control characters.
        {R"(a"b\c)", R"("a\"b\\c")"},
        {"a\r\nb\tc", R"("a\r\nb\tc")"},
        {"\0\x01\x1f\x7f"sv, R"("\u0000\u0001\u001f\u007f")"},
        {"\x1b[31mred", R"("\u001b[31mred")"},  // no escape sequence reaches a terminal
        // Well-formed UTF-8 stays as it is.
        {"caf\xC3\xA9", "\"caf\xC3\xA9\""},
        {"\xE2\x82\xAC", "\"\xE2\x82\xAC\""},
        {"\xF0\x9F\x9A\x80", "\"\xF0\x9F\x9A\x80\""},
        {"\xF4\x8F\xBF\xBF", "\"\xF4\x8F\xBF\xBF\""},  // U+10FFFF, the last one
        // RFC 3629 section 3: what is not becomes U+FFFD, byte by byte.
        {"\xFF", "\"\xEF\xBF\xBD\""},
        {"\x80", "\"\xEF\xBF\xBD\""},                                  // a lone tail
        {"\xC3", "\"\xEF\xBF\xBD\""},                                  // cut short
        {"\xC3(", "\"\xEF\xBF\xBD(\""},                                // a wrong tail
        {"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // overlong '/'
        {"\xE0\x80\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // overlong '/'
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // a surrogate
        {"\xF4\x90\x80\x80",
         "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // behind U+10FFFF
    };
    for (auto const& r : rows) {
        std::string out;
        append_json_string(out, r.input);
        CHECK(out == r.expected);
    }
}

TEST_CASE("any bytes give a line that a JSON parser takes") {
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 2'000; ++round) {
        std::string input(random() % 24, '\0');
        for (auto& c : input) {
            c = static_cast<char>(random());
        }
        std::string out;
        append_json_string(out, input);
        CHECK(out.find('\n') == std::string::npos);
        boost::json::error_code ec;
        auto const parsed = boost::json::parse(out, ec);
        REQUIRE_FALSE(ec);
        CHECK(parsed.is_string());
    }
}

TEST_CASE("a line holds its members in the order in which they were given") {
    std::string text;
    json_line line(
        text, std::chrono::system_clock::time_point(1'700'000'000'123'456us), "info", "hello");
    line.text("who", "you \"there\"");
    line.number("big", 18'446'744'073'709'551'615U);
    line.integer("small", -3);
    line.boolean("yes", true);
    line.seconds("took", 1'500'250us);
    line.seconds("little", 900ns);
    line.hex("key_hash", 0xAB);
    CHECK(line.close() ==
          R"({"time":"2023-11-14T22:13:20.123456Z","level":"info","msg":"hello",)"
          R"("who":"you \"there\"","big":18446744073709551615,"small":-3,"yes":true,)"
          R"("took":1.500250,"little":0.000000,"key_hash":"00000000000000ab"})");
}
