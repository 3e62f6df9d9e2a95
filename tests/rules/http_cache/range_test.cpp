#include "rules/http_cache/range.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::rules;
using namespace sidecache::rules::http_cache;
using lines = std::vector<field>;

namespace {

constexpr unix_milliseconds now = 784'111'777'000;

/// "0-1,5-9", "416" or "200".
std::string answer(lines const& asked,
                   lines const& stored = {},
                   std::uint64_t size = 11,
                   std::string_view method = "GET",
                   unsigned status = 200) {
    request const r{.method = method,
                    .target = "/a",
                    .host = "h",
                    .fields = asked,
                    .has_body = false,
                    .identity = std::nullopt};
    auto const a = evaluate_range(r, status, stored, size, now);
    if (a.what == range_answer::kind::whole) {
        return "200";
    }
    std::string out = a.what == range_answer::kind::unsatisfiable ? "416" : "";
    for (auto const& each : a.ranges) {
        out +=
            (out.empty() ? "" : ",") + std::to_string(each.first) + "-" + std::to_string(each.last);
    }
    return out;
}

}  // namespace

TEST_CASE("RFC 9110 section 14.1.2: byte ranges of eleven bytes") {
    struct row {
        std::string_view range;
        std::string_view expected;
    };
    for (auto const& [range, expected] : std::vector<row>{
             {"bytes=0-1", "0-1"},
             {"Bytes=0-1", "0-1"},
             {"bytes=1-", "1-10"},
             {"bytes=-1", "10-10"},
             {"bytes=-100", "0-10"},
             {"bytes=0-100", "0-10"},
             {"bytes=10-10", "10-10"},
             {"bytes=0-99999999999999999999999", "0-10"},
             {"bytes=0-0,-1", "0-0,10-10"},
             {"bytes= 0-1 , 4-5", "0-1,4-5"},
             {"bytes=0-1, 20-30", "0-1"},
             // nothing of it is there
             {"bytes=11-", "416"},
             {"bytes=20-30, 40-", "416"},
             {"bytes=-0", "416"},
             {"bytes=99999999999999999999999-", "416"},
             // ignored
             {"items=0-1", "200"},
             {"bytes=", "200"},
             {"bytes 0-1", "200"},
             {"bytes=5-2", "200"},
             {"bytes=a-b", "200"},
             {"bytes=1", "200"},
             {"bytes=--1", "200"},
             {"bytes=0-1, x", "200"},
             {"bytes=0-,0-,0-", "200"},  // overlapping, more than the whole
             {"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,0-0,1-1,2-2,3-3,4-4,5-5,6-6", "200"},
         }) {
        CAPTURE(range);
        CHECK(answer({{"Range", range}}) == expected);
    }
    CHECK(answer({}) == "200");
    CHECK(answer({{"Range", "bytes=0-1"}, {"Range", "bytes=2-3"}}) == "200");
    CHECK(answer({{"Range", "bytes=0-1"}}, {}, 11, "HEAD") == "200");
    CHECK(answer({{"Range", "bytes=0-1"}}, {}, 11, "GET", 404) == "200");
    CHECK(answer({{"Range", "bytes=0-"}}, {}, 0) == "416");
}

TEST_CASE("RFC 9110 section 13.1.5: If-Range by a strong validator only") {
    lines const stored{{"ETag", "\"a\""},
                       {"Last-Modified", "Sat, 05 Nov 1994 08:49:37 GMT"},
                       {"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}};
    auto const with = [&](std::string_view condition, lines const& of) {
        return answer({{"Range", "bytes=0-1"}, {"If-Range", condition}}, of);
    };
    CHECK(with("\"a\"", stored) == "0-1");
    CHECK(with("\"b\"", stored) == "200");
    CHECK(with("W/\"a\"", stored) == "200");
    CHECK(with("\"a\"", {{"ETag", "W/\"a\""}}) == "200");
    CHECK(with("Sat, 05 Nov 1994 08:49:37 GMT", stored) == "0-1");
    CHECK(with("Sat, 05 Nov 1994 08:49:38 GMT", stored) == "200");
    CHECK(with("nonsense", stored) == "200");
    lines const just_now{{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"},
                         {"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}};
    CHECK(with("Sun, 06 Nov 1994 08:49:37 GMT", just_now) == "200");
}

TEST_CASE("RFC 9110 section 14.4 and 14.6: what the parts look like") {
    CHECK(content_range(byte_range{0, 1}, 11) == "bytes 0-1/11");
    CHECK(content_range(std::nullopt, 11) == "bytes */11");
    std::vector<byte_range> const two{{0, 1}, {10, 10}};
    CHECK(multipart("0123456789A", two, "text/plain", "BOUND") ==
          "\r\n--BOUND\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/11\r\n\r\n01"
          "\r\n--BOUND\r\nContent-Type: text/plain\r\nContent-Range: bytes 10-10/11\r\n\r\nA"
          "\r\n--BOUND--\r\n");
}
