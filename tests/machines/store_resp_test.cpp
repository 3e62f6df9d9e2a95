#include "proxy/store/resp_reader.hpp"
#include "proxy/store/resp_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>

using namespace sidecache;
using namespace sidecache::store;
using namespace std::string_view_literals;

namespace {

void feed(resp_reader& r, std::string_view bytes) {
    while (!bytes.empty()) {
        auto const room = r.prepare();
        auto const n = std::min(room.size(), bytes.size());
        std::memcpy(room.data(), bytes.data(), n);
        r.commit(n);
        bytes.remove_prefix(n);
    }
}

}  // namespace

TEST_CASE("a command is an array of bulk strings") {
    std::string out;
    append_command(out, "GET"sv, "product:1"sv);
    CHECK(out == "*2\r\n$3\r\nGET\r\n$9\r\nproduct:1\r\n");
    out.clear();
    append_command(out,
                   "SET"sv,
                   prefixed{"sidecache:tag:", "a b\r\n"},
                   id128{0, 0xAB},
                   "PX"sv,
                   std::chrono::milliseconds(1500),
                   -7);
    CHECK(out ==
          "*6\r\n$3\r\nSET\r\n$19\r\nsidecache:tag:a b\r\n\r\n"
          "$32\r\n000000000000000000000000000000ab\r\n$2\r\nPX\r\n$4\r\n1500\r\n$2\r\n-7\r\n");
}

TEST_CASE("every kind of reply, in one piece and byte by byte") {
    std::string const long_text(5000, 'x');
    auto const stream =
        "+OK\r\n-ERR "
        "no\r\n:-42\r\n$-1\r\n$5\r\nhe\r\no\r\n*0\r\n*-1\r\n*3\r\n$2\r\nab\r\n$-1\r\n$5000\r\n" +
        long_text + "\r\n";
    for (bool const byte_by_byte : {false, true}) {
        CAPTURE(byte_by_byte);
        resp_reader reader;
        reply_set set;
        std::size_t complete = 0;
        if (byte_by_byte) {
            for (char const c : stream) {
                feed(reader, {&c, 1});
                complete += reader.next(set) == resp_reader::status::complete ? 1U : 0U;
            }
        } else {
            feed(reader, stream);
            while (reader.next(set) == resp_reader::status::complete) {
                ++complete;
            }
        }
        REQUIRE(complete == 8);
        REQUIRE(set.size() == 8);
        CHECK(set[0].is_status());
        CHECK(set[0].text() == "OK");
        CHECK(set[1].is_error());
        CHECK(set[1].text() == "ERR no");
        CHECK(set[2].number() == -42);
        CHECK(set[3].is_nil());
        CHECK(set[4].text() == "he\r\no");
        CHECK(set[5].is_array());
        CHECK(set[5].size() == 0);
        CHECK(set[6].is_nil());
        REQUIRE(set[7].size() == 3);
        CHECK(set[7][0].text() == "ab");
        CHECK(set[7][1].is_nil());
        CHECK(set[7][2].text() == long_text);
        CHECK(*set[7][2].shared_text() == long_text);
        CHECK(*set[7][0].shared_text() == "ab");
        CHECK(set[7][1].shared_text() == nullptr);

        set.clear();
        CHECK(set.size() == 0);
        feed(reader, "+again\r\n");
        CHECK(reader.next(set) == resp_reader::status::complete);
        CHECK(set[0].text() == "again");
    }
}

TEST_CASE("what is no RESP, or too much of it, is final") {
    for (auto const bytes : {"HTTP/1.1 200 OK\r\n"sv,
                             "$abc\r\n"sv,
                             ":12x\r\n"sv,
                             "*1\r\n*1\r\n:1\r\n"sv,
                             "*70000\r\n"sv}) {
        CAPTURE(bytes);
        resp_reader reader;
        reply_set set;
        feed(reader, bytes);
        CHECK(reader.next(set) == resp_reader::status::broken);
        feed(reader, "+OK\r\n");
        CHECK(reader.next(set) == resp_reader::status::broken);
    }
    SUBCASE("a text beyond the limit of bytes") {
        resp_reader reader({16, 1000});
        reply_set set;
        feed(reader, "$5000\r\n" + std::string(900, 'x'));
        CHECK(reader.next(set) == resp_reader::status::partial);
        feed(reader, std::string(200, 'x'));
        CHECK(reader.next(set) == resp_reader::status::broken);
    }
}

TEST_CASE("a large reply passes through, and its buffer is not kept") {
    resp_reader reader;
    reply_set set;
    std::string const body(3'000'000, 'b');
    feed(reader, "$3000000\r\n" + body + "\r\n+next\r\n");
    REQUIRE(reader.next(set) == resp_reader::status::complete);
    CHECK(*set[0].shared_text() == body);
    REQUIRE(reader.next(set) == resp_reader::status::complete);
    CHECK(reader.next(set) == resp_reader::status::partial);
    CHECK(reader.prepare().size() < 1'000'000);
}
