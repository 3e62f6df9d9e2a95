#include "proxy/store/resp_reader.hpp"
#include "proxy/store/resp_writer.hpp"
#include "tests/support/resp_oracle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

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

TEST_CASE("the command of a read is the same, written in one go") {
    for (std::size_t const many : {0U, 1U, 3U, 120U}) {
        for (std::size_t const long_ : {0U, 1U, 9U, 10U, 99U, 100U, 5'000U}) {
            std::vector<std::string> names;
            std::string const key(long_, 'k');
            std::string expected = "+what waits\r\n";
            std::string out = expected;
            start_command(expected, 2 + many);
            append_word(expected, "MGET"sv);
            append_word(expected, std::string_view(key));
            for (std::size_t i = 0; i < many; ++i) {
                names.push_back(std::string(i * 7 % 130, 'n'));
                append_word(expected, "sidecache:tag:"sv, names.back());
            }
            append_mget(out, key, "sidecache:tag:", names);
            CHECK(out == expected);
        }
    }
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

TEST_CASE("the examples of the protocol's documentation, cut anywhere, and what comes near them") {
    // https://redis.io/docs/reference/protocol-spec: RESP2's types, and what a client must refuse.
    auto const complete = resp_reader::status::partial;  // of everything that has come
    auto const broken = resp_reader::status::broken;
    struct {
        std::string_view bytes;
        std::string_view replies;  // type, number, elements, text
        resp_reader::status end;
    } const rows[] = {
        {"+OK\r\n"sv, "+0,0,OK\n"sv, complete},
        {"-Error message\r\n"sv, "-0,0,Error message\n"sv, complete},
        {"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"sv,
         "-0,0,WRONGTYPE Operation against a key holding the wrong kind of value\n"sv,
         complete},
        {":0\r\n:1000\r\n"sv, ":0,0,\n:1000,0,\n"sv, complete},
        {"$5\r\nhello\r\n"sv, "$0,0,hello\n"sv, complete},
        {"$0\r\n\r\n"sv, "$0,0,\n"sv, complete},
        {"$-1\r\n"sv, "_0,0,\n"sv, complete},
        {"*0\r\n"sv, "*0,0,\n"sv, complete},
        {"*-1\r\n"sv, "_0,0,\n"sv, complete},
        {"*2\r\n$5\r\nhello\r\n$5\r\nworld\r\n"sv, "*0,2,\n$0,0,hello\n$0,0,world\n"sv, complete},
        {"*3\r\n:1\r\n:2\r\n:3\r\n"sv, "*0,3,\n:1,0,\n:2,0,\n:3,0,\n"sv, complete},
        {"*3\r\n$5\r\nhello\r\n$-1\r\n$5\r\nworld\r\n"sv,
         "*0,3,\n$0,0,hello\n_0,0,\n$0,0,world\n"sv,
         complete},
        {"*2\r\n*-1\r\n+x\r\n"sv, "*0,2,\n_0,0,\n+0,0,x\n"sv, complete},
        // A text holds any byte; a line any but its end.
        {"$6\r\n\r\n\0\r\n*\r\n"sv, "$0,0,\r\n\0\r\n*\n"sv, complete},
        {"+a\rb\nc\r\r\n"sv, "+0,0,a\rb\nc\r\n"sv, complete},
        {":9223372036854775807\r\n"sv, ":9223372036854775807,0,\n"sv, complete},
        {":-9223372036854775808\r\n"sv, ":-9223372036854775808,0,\n"sv, complete},
        {":9223372036854775808\r\n"sv, ""sv, broken},
        {":-9223372036854775809\r\n"sv, ""sv, broken},
        {":18446744073709551617\r\n"sv, ""sv, broken},
        {":99999999999999999999999\r\n"sv, ""sv, broken},
        {":+1\r\n"sv, ""sv, broken},
        {":01\r\n"sv, ""sv, broken},
        {":-0\r\n"sv, ""sv, broken},
        {":-\r\n"sv, ""sv, broken},
        {":\r\n"sv, ""sv, broken},
        {": 1\r\n"sv, ""sv, broken},
        {":1 \r\n"sv, ""sv, broken},
        {"$05\r\nhello\r\n"sv, ""sv, broken},
        {"$-2\r\n"sv, ""sv, broken},
        {"*-2\r\n"sv, ""sv, broken},
        {"$4\r\nhello\r\n"sv, ""sv, broken},  // its length is not its length
        {"$5\r\nhello\n\r"sv, ""sv, broken},
        {"*1\r\n*0\r\n"sv, ""sv, broken},
        {"*65\r\n"sv, ""sv, broken},
        {"$2000001\r\n"sv, ""sv, broken},
        {"\r\n"sv, ""sv, broken},
        {"%1\r\n"sv, ""sv, broken},  // RESP3, which is not asked for
        {"+OK\r\n?"sv, "+0,0,OK\n"sv, broken},
        // Begun, and not there yet.
        {"+O"sv, ""sv, complete},
        {":1\r"sv, ""sv, complete},
        {"$9223372036854775807"sv, ""sv, complete},
        {"$5\r\nhello\r"sv, ""sv, complete},
        {"*2\r\n:1\r\n"sv, ""sv, complete},
    };
    resp_limits const limits{64, 2'000'000};
    for (auto const& row : rows) {
        CAPTURE(row.bytes);
        auto const theirs = tests::read_by_hiredis(row.bytes, limits);
        for (std::size_t piece = 1; piece <= row.bytes.size(); ++piece) {
            CAPTURE(piece);
            auto const m = tests::read_ours(row.bytes, piece, limits);
            CHECK(m.replies == row.replies);
            CHECK(m.end == row.end);
            CHECK(tests::agree(m, theirs));
        }
    }
}

TEST_CASE("what hiredis reads is what we read: generated streams, damaged, cut at every byte") {
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 chance(seed);
    auto const below = [&](std::size_t n) { return chance() % n; };
    auto const element = [&](std::string& out) {
        switch (below(6)) {
            case 0:
                out += "+" + std::string(below(8), 's') + "\r\n";
                break;
            case 1:
                out += "-ERR " + std::string(below(8), 'e') + "\r\n";
                break;
            case 2:
                out += ":" + std::to_string(static_cast<int>(chance())) + "\r\n";
                break;
            case 3:
                out += below(2) == 0 ? "$-1\r\n" : "*-1\r\n";
                break;
            default: {
                auto const size = below(5) == 0 ? below(400) : below(12);
                out += "$" + std::to_string(size) + "\r\n" + std::string(size, 't') + "\r\n";
            }
        }
    };
    resp_limits const limits{64, 100'000};
    constexpr std::string_view odd = "\r\n$*:+-0123456789 ?\0x"sv;
    for (int round = 0; round < 300; ++round) {
        std::string stream;
        for (auto replies = 1 + below(5); replies-- > 0;) {
            if (below(2) == 0) {
                auto elements = below(6);
                stream += "*" + std::to_string(elements) + "\r\n";
                while (elements-- > 0) {
                    element(stream);
                }
            } else {
                element(stream);
            }
        }
        for (auto damage = below(3); damage-- > 0;) {
            auto const at = below(stream.size());
            switch (below(3)) {
                case 0:
                    stream[at] = odd[below(odd.size())];
                    break;
                case 1:
                    stream.insert(at, 1, odd[below(odd.size())]);
                    break;
                default:
                    stream.erase(at, 1 + below(3));
            }
            if (stream.empty()) {
                stream = "+";
            }
        }
        CAPTURE(stream);
        auto const theirs = tests::read_by_hiredis(stream, limits);
        REQUIRE(tests::agree(tests::read_ours(stream, stream.size(), limits), theirs));
        for (std::size_t piece = 1; piece < 40; ++piece) {
            CAPTURE(piece);
            REQUIRE(tests::agree(tests::read_ours(stream, piece, limits), theirs));
        }
        for (std::size_t cut = 1; cut < stream.size(); ++cut) {
            // Its beginning alone: as far as hiredis gets, and never further.
            auto const part = std::string_view(stream).substr(0, cut);
            REQUIRE(tests::agree(tests::read_ours(part, cut, limits),
                                 tests::read_by_hiredis(part, limits)));
        }
    }
}

TEST_CASE("what hiredis reads is what we read: the corpus of the fuzz target, cut at every byte") {
    resp_limits const limits{64, 100'000};
    std::size_t files = 0;
    for (auto const& file : std::filesystem::directory_iterator(SIDECACHE_RESP_CORPUS)) {
        CAPTURE(file.path().string());
        std::ifstream in(file.path(), std::ios::binary);
        std::string const stream{std::istreambuf_iterator<char>(in), {}};
        REQUIRE(stream.size() > 1);
        auto const bytes = std::string_view(stream).substr(1);  // behind how the target cuts it
        for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
            auto const part = bytes.substr(0, cut);
            auto const theirs = tests::read_by_hiredis(part, limits);
            CHECK(tests::agree(tests::read_ours(part, cut, limits), theirs));
            CHECK(tests::agree(tests::read_ours(bytes, cut, limits),
                               tests::read_by_hiredis(bytes, limits)));
        }
        ++files;
    }
    CHECK(files >= 7);
}

TEST_CASE("texts stay where they are while somebody holds them, whatever is read meanwhile") {
    resp_reader reader;
    std::vector<reply_set> sets;
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i) {
        texts.push_back(std::string(static_cast<std::size_t>(i) * 37 % 3'000, 'a') +
                        std::to_string(i));
        auto const& text = texts.back();
        auto const size = std::to_string(text.size());
        feed(reader, "*2\r\n$" + size + "\r\n" + text + "\r\n");
        reply_set set;
        REQUIRE(reader.next(set) == resp_reader::status::partial);
        feed(reader, "$" + size + "\r\n" + text);
        REQUIRE(reader.next(set) == resp_reader::status::partial);
        feed(reader, "\r\n");
        REQUIRE(reader.next(set) == resp_reader::status::complete);
        sets.push_back(std::move(set));
    }
    for (std::size_t i = 0; i < sets.size(); ++i) {
        CHECK(sets[i][0][0].text() == texts[i]);
        CHECK(sets[i][0][1].text() == texts[i]);
    }
}

TEST_CASE("a text that is held outlives its reply and its connection") {
    held_text text;
    held_text none;
    {
        resp_reader reader;
        reply_set set;
        feed(reader, "*2\r\n$4\r\nheld\r\n$-1\r\n");
        REQUIRE(reader.next(set) == resp_reader::status::complete);
        text = set[0][0].held();
        none = set[0][1].held();
        CHECK(text->data() == set[0][0].text().data());
        set.clear();
        feed(reader, "+overwritten\r\n");
        REQUIRE(reader.next(set) == resp_reader::status::complete);
    }
    CHECK(*text == "held");
    CHECK(*text.own() == "held");
    CHECK(none == nullptr);
    CHECK(none.own() == nullptr);
}

TEST_CASE("who holds texts for long costs a bounded number of chunks") {
    resp_reader reader;
    reply_set set;
    std::vector<held_text> slow;
    std::size_t copies = 0;
    for (int i = 0; i < 2'000; ++i) {
        auto const body = std::to_string(i) + std::string(3'000, 'b');
        feed(reader, "$" + std::to_string(body.size()) + "\r\n" + body + "\r\n");
        REQUIRE(reader.next(set) == resp_reader::status::complete);
        slow.push_back(set[0].held());
        copies += slow.back()->data() == set[0].text().data() ? 0U : 1U;
        set.clear();
        REQUIRE(slow.back()->starts_with(std::to_string(i) + "b"));
    }
    CHECK(copies > 1'000);
    CHECK(copies < 1'900);
    for (int i = 0; i < 2'000; ++i) {
        CHECK(slow[static_cast<std::size_t>(i)]->starts_with(std::to_string(i) + "b"));
    }
    // When they have gone, texts stay where they are again.
    slow.clear();
    feed(reader, "$2\r\nhi\r\n");
    REQUIRE(reader.next(set) == resp_reader::status::complete);
    CHECK(set[0].held()->data() == set[0].text().data());
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
    SUBCASE("a text that announces more than the limit of bytes") {
        resp_reader reader({16, 1000});
        reply_set set;
        feed(reader, "*2\r\n$1001\r\n");
        CHECK(reader.next(set) == resp_reader::status::broken);
    }
    SUBCASE("a line beyond the limit of bytes") {
        resp_reader reader({16, 1000});
        reply_set set;
        feed(reader, "+" + std::string(900, 'x'));
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
