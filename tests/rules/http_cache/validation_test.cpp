#include "rules/http_cache/validation.hpp"

#include "rules/http_cache/head_lines.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sidecache::rules;
using namespace sidecache::rules::http_cache;
using lines = std::vector<field>;

namespace {

constexpr std::string_view modified = "Sat, 05 Nov 1994 08:49:37 GMT";

std::string text(std::vector<field> const& fields) {
    std::string out;
    for (auto const& f : fields) {
        out += std::string(f.name) + ": " + std::string(f.value) + "\n";
    }
    return out;
}

}  // namespace

TEST_CASE("RFC 9111 section 4.3.1: a validation asks with every validator that is stored") {
    lines const both{{"ETag", "\"abc\""}, {"Last-Modified", modified}};
    CHECK(text(condition_of(validators_of(both), false)) ==
          "If-None-Match: \"abc\"\nIf-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT\n");
    lines const weak{{"ETag", "W/\"abc\""}};
    CHECK(text(condition_of(validators_of(weak), false)) == "If-None-Match: W/\"abc\"\n");
    lines const dated{{"Last-Modified", modified}};
    CHECK(text(condition_of(validators_of(dated), false)) ==
          "If-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT\n");
    CHECK_FALSE(validators_of(lines{}).any());

    SUBCASE("what a purge has made invalid only by a tag that stands for the very bytes") {
        CHECK(may_validate(validators_of(both), true));
        CHECK(text(condition_of(validators_of(both), true)) == "If-None-Match: \"abc\"\n");
        CHECK_FALSE(may_validate(validators_of(weak), true));
        CHECK_FALSE(may_validate(validators_of(dated), true));
        CHECK_FALSE(may_validate(validators_of(lines{{"ETag", "abc"}}), true));
        CHECK(may_validate(validators_of(weak), false));
    }
    SUBCASE("a tag of our own means nothing to the origin") {
        auto const own = own_entity_tag(1, 0xabc);
        CHECK(own == "\"sidecache-00000000000000010000000000000abc\"");
        lines const ours{{"ETag", own}, {"Last-Modified", modified}};
        CHECK(text(condition_of(validators_of(ours), false)) ==
              "If-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT\n");
        CHECK_FALSE(may_validate(validators_of(ours), true));
    }
}

TEST_CASE("RFC 9111 section 4.3.4: which stored response a 304 is about") {
    auto const strong = validators_of(lines{{"ETag", "\"a\""}, {"Last-Modified", modified}});
    CHECK(is_about(lines{{"ETag", "\"a\""}}, strong));
    CHECK_FALSE(is_about(lines{{"ETag", "\"b\""}}, strong));
    CHECK(is_about(lines{{"ETag", "W/\"a\""}}, strong));
    CHECK(is_about(lines{}, strong));
    auto const dated = validators_of(lines{{"Last-Modified", modified}});
    CHECK(is_about(lines{{"Last-Modified", modified}}, dated));
    CHECK_FALSE(is_about(lines{{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}}, dated));
    CHECK(is_about(lines{{"ETag", "\"new\""}}, dated));
}

TEST_CASE("RFC 9111 section 3.2: updating what is stored") {
    lines const stored{{"Date", "old"},
                       {"Content-Type", "text/plain"},
                       {"Content-Encoding", "gzip"},
                       {"Content-Length", "5"},
                       {"X-A", "1"},
                       {"X-A", "2"},
                       {"X-B", "1"},
                       {"ETag", "\"a\""}};
    lines const newer{{"Date", "new"},
                      {"Content-Length", "10"},
                      {"Content-Encoding", "br"},
                      {"Content-Range", "bytes 0-1/2"},
                      {"X-A", "3"},
                      {"Cache-Control", "max-age=5"}};
    CHECK(text(updated_fields(stored, newer)) ==
          "Content-Type: text/plain\n"
          "Content-Encoding: gzip\n"
          "Content-Length: 5\n"
          "X-B: 1\n"
          "ETag: \"a\"\n"
          "Date: new\n"
          "X-A: 3\n"
          "Cache-Control: max-age=5\n");
}

TEST_CASE("RFC 9111 section 4.3.5: a HEAD that tells of another representation") {
    lines const stored{{"ETag", "\"a\""}, {"Last-Modified", modified}};
    CHECK_FALSE(head_differs(stored, 5, stored, 5));
    CHECK_FALSE(head_differs(stored, 5, lines{}, std::nullopt));
    CHECK(head_differs(stored, 5, lines{{"ETag", "\"b\""}}, 5));
    CHECK(head_differs(stored, 5, lines{{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}}, 5));
    CHECK(head_differs(stored, 5, stored, 6));
}

TEST_CASE("the lines of a stored head") {
    std::vector<field> out;
    read_head_lines("HTTP/1.1 200 OK\r\nA: 1\r\nb:x: y\r\nEmpty: \r\n", out);
    CHECK(text(out) == "A: 1\nb: x: y\nEmpty: \n");
    read_head_lines("HTTP/1.1 200 OK\r\n", out);
    CHECK(out.empty());
    read_head_lines("", out);
    CHECK(out.empty());
    read_head_lines("HTTP/1.1 200 OK\r\nno colon\r\nlast: 1", out);
    CHECK(text(out) == "last: 1\n");
}
