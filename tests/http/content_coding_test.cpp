#include "proxy/http/content_coding.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <string>
#include <string_view>

using namespace sidecache::http;

namespace {

constexpr int gzip = 15 + 16;
constexpr int zlib = 15;
constexpr int raw = -15;

std::string deflated(std::string_view text, int window) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(text.size() + 100, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

constexpr std::string_view json = R"({"id": "42", "name": "chair"})";

}  // namespace

TEST_CASE("codings that are undone") {
    CHECK(decode_content("gzip", deflated(json, gzip), 1'000) == json);
    CHECK(decode_content("X-Gzip", deflated(json, gzip), 1'000) == json);
    CHECK(decode_content("deflate", deflated(json, zlib), 1'000) == json);
    CHECK(decode_content("deflate", deflated(json, raw), 1'000) == json);
    CHECK(decode_content("identity", json, 1'000) == json);
    CHECK(decode_content("", json, 1'000) == json);
    CHECK(decode_content("deflate, gzip", deflated(deflated(json, zlib), gzip), 1'000) == json);
    CHECK(decode_content("gzip", deflated("", gzip), 1'000) == "");
}

TEST_CASE("several gzip members are one content (RFC 1952 section 2.2)") {
    CHECK(decode_content("gzip", deflated("ab", gzip) + deflated("cd", gzip), 1'000) == "abcd");
}

TEST_CASE("what cannot be undone") {
    auto const whole = deflated(json, gzip);
    CHECK_FALSE(decode_content("br", "x", 1'000));
    CHECK_FALSE(decode_content("gzip", json, 1'000));
    CHECK_FALSE(decode_content("gzip", "", 1'000));
    CHECK_FALSE(decode_content("gzip", whole + "x", 1'000));
    CHECK_FALSE(decode_content("gzip, gzip, gzip, gzip, gzip", whole, 1'000));
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        CAPTURE(cut);
        CHECK_FALSE(decode_content("gzip", std::string_view(whole).substr(0, cut), 1'000));
    }
}

TEST_CASE("a bomb stops at the limit") {
    std::string const zeros(10 << 20, '\0');
    auto const bomb = deflated(zeros, gzip);
    CHECK(bomb.size() < 20'000);
    CHECK_FALSE(decode_content("gzip", bomb, 1 << 20));
    CHECK(decode_content("gzip", deflated(std::string(1'000, 'x'), gzip), 1'000));
    CHECK_FALSE(decode_content("gzip", deflated(std::string(1'001, 'x'), gzip), 1'000));
}
