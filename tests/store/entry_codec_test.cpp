#include "proxy/store/entry_codec.hpp"

#include "proxy/store/checksum.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace sidecache;
using namespace sidecache::store;

namespace {

std::string unhex(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    return out;
}

struct sample {
    rules::tag_list tags;
    std::vector<generation> generations;
    std::vector<std::pair<std::string, std::string>> vary;
    entry_to_store e;

    sample() {
        tags.add("path:/products/1");
        generations = {{0x0102030405060708, 0x1112131415161718}};
        e.full_key = "product:1";
        e.server = {0x2122232425262728, 0x3132333435363738};
        e.tags = &tags;
        e.fetched_at = 1'764'000'000'000;
        e.initial_age = 7;
        e.ttl_ms = 600'000;
        e.status = 200;
        e.head = "HTTP/1.1 200 OK\r\n";
        e.body = "{}";
    }
    std::string encode() {
        e.generations = generations;
        e.vary = vary;
        return encode_entry(e);
    }
};

boost::system::error_code decode(std::string bytes, entry& into) {
    return decode_entry(std::make_shared<std::string const>(std::move(bytes)), into);
}

boost::system::error_code decode(std::string bytes) {
    entry e;
    return decode(std::move(bytes), e);
}

/// The checksum made right over changed bytes, so that what stands behind it is looked at.
std::string with_checksum(std::string bytes) {
    auto sum = XXH3_64bits(bytes.data() + 12, bytes.size() - 12);
    for (std::size_t i = 4; i < 12; ++i, sum >>= 8) {
        bytes[i] = static_cast<char>(sum & 0xFF);
    }
    return bytes;
}

}  // namespace

TEST_CASE("the checksum is XXH3-64, whatever the processor computes it with") {
    std::string bytes;
    for (int i = 0; i < 3'000; ++i) {
        CHECK(checksum(bytes) == XXH3_64bits(bytes.data(), bytes.size()));
        bytes += static_cast<char>(i * 131 >> 3);
    }
}

TEST_CASE("golden: the bytes of an entry, version 1") {
    sample s;
    auto const bytes = s.encode();
    auto const expected = unhex(
        "53434531"          // SCE1
        "14566ec476daf18c"  // XXH3-64 of all that follows
        "00e897b69a010000"  // fetched_at
        "c027090000000000"  // ttl
        "07000000"          // age it arrived with
        "c8000000"          // status
        "2827262524232221"
        "3837363534333231"  // server
        "09000000"          // size of the key
        "01000000"          // tags
        "00000000"          // varied fields
        "11000000"          // size of the head
        "02000000"          // size of the body
        "70726f647563743a31"
        "10000000"
        "706174683a2f70726f64756374732f31"
        "0807060504030201"
        "1817161514131211"
        "485454502f312e3120323030204f4b0d0a"
        "7b7d");
    CHECK(bytes.size() == 136);
    CHECK(bytes == expected);
    CHECK(with_checksum(bytes) == bytes);
}

TEST_CASE("an entry comes back as it was stored") {
    sample s;
    s.tags.add("product:1*");
    s.generations.push_back({5, 6});
    s.vary = {{"accept-encoding", "gzip"}, {"accept-language", ""}};
    entry e;
    REQUIRE_FALSE(decode(s.encode(), e));
    CHECK(e.full_key == "product:1");
    CHECK(e.server == s.e.server);
    REQUIRE(e.tags.size() == 2);
    CHECK(e.tags[0].tag == "path:/products/1");
    CHECK(e.tags[0].gen == s.generations[0]);
    CHECK(e.tags[1].tag == "product:1*");
    CHECK(e.tags[1].gen == s.generations[1]);
    REQUIRE(e.vary.size() == 2);
    CHECK(e.vary[0].first == "accept-encoding");
    CHECK(e.vary[0].second == "gzip");
    CHECK(e.vary[1].second.empty());
    CHECK(e.fetched_at == s.e.fetched_at);
    CHECK(e.initial_age == 7);
    CHECK(e.ttl_ms == 600'000);
    CHECK(e.status == 200);
    CHECK(e.head == s.e.head);
    CHECK(e.body == "{}");

    SUBCASE("and the same object takes the next one") {
        sample other;
        other.e.body = "[]";
        REQUIRE_FALSE(decode(other.encode(), e));
        CHECK(e.tags.size() == 1);
        CHECK(e.vary.empty());
        CHECK(e.body == "[]");
    }
}

TEST_CASE("the body lies in the stored bytes as it is") {
    sample s;
    s.e.body = R"({"id":1,"name":"Lamp"})";
    CHECK(s.encode().ends_with(R"({"id":1,"name":"Lamp"})"));
}

TEST_CASE("what is not a whole entry is refused with its reason") {
    sample s;
    auto const good = s.encode();
    CHECK(decode("") == entry_error::not_an_entry);
    CHECK(decode("hello") == entry_error::not_an_entry);
    CHECK(decode("SCE") == entry_error::truncated);
    CHECK(decode("SCE1") == entry_error::truncated);
    CHECK(decode("SCE2" + good.substr(4)) == entry_error::version);
    CHECK(decode(good + "x") == entry_error::checksum);
    for (std::size_t size = 4; size < good.size(); ++size) {
        CAPTURE(size);
        auto const ec = decode(good.substr(0, size));
        CHECK(ec == (size < 72 ? entry_error::truncated : entry_error::checksum));
    }
    for (std::size_t i = 4; i < good.size(); ++i) {
        CAPTURE(i);
        auto bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        CHECK(decode(bad) == entry_error::checksum);
    }
}

TEST_CASE("lengths that do not fit are refused although the checksum is right") {
    sample s;
    auto const good = s.encode();
    REQUIRE_FALSE(decode(with_checksum(good)));
    for (std::size_t const field : {52U, 56U, 60U, 64U, 68U, 81U}) {
        for (auto const value : {0xFFFFFFFFU, 0x7FFFFFFFU, 0x00010000U, 3U}) {
            CAPTURE(field);
            CAPTURE(value);
            auto bad = good;
            for (std::size_t i = 0; i < 4; ++i) {
                bad[field + i] = static_cast<char>(value >> (8 * i));
            }
            CHECK(decode(with_checksum(bad)) == entry_error::malformed);
        }
    }
}

TEST_CASE("age counts from the fetch, and never backwards") {
    entry e;
    e.fetched_at = 100'000;
    e.initial_age = 7;
    e.ttl_ms = 60'000;
    CHECK(e.age_seconds(100'000) == 7);
    CHECK(e.age_seconds(100'999) == 7);
    CHECK(e.age_seconds(101'000) == 8);
    CHECK(e.age_seconds(50'000) == 7);
    CHECK(e.ttl_left_ms(100'000) == 60'000);
    CHECK(e.ttl_left_ms(50'000) == 60'000);
    CHECK(e.ttl_left_ms(160'001) == -1);
    e.ttl_ms = std::numeric_limits<std::uint64_t>::max();
    CHECK(e.ttl_left_ms(100'000) > 0);
    // Whatever somebody has stored: no overflow.
    e.fetched_at = std::numeric_limits<unix_ms>::min();
    CHECK(e.age_seconds(1'764'000'000'000) > 9'000'000'000'000'000);
    e.ttl_ms = 0;
    CHECK(e.ttl_left_ms(1'764'000'000'000) < 0);
    e.fetched_at = std::numeric_limits<unix_ms>::max();
    CHECK(e.age_seconds(1'764'000'000'000) == 7);
}
