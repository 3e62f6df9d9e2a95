// The head of an answer is read by a parser of our own. Whatever Beast's parser says of the same
// bytes, ours says too: over the fuzzers' corpora, and over heads made of pieces that are right,
// odd or wrong. `compare_with_beast` aborts where they differ, and prints the bytes.
#include "tests/support/beast_response.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

using namespace sidecache::tests;

namespace {

constexpr std::size_t max_header = 4'096;

std::string read_file(std::filesystem::path const& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

template <std::size_t Size>
std::string_view one_of(char const* const (&list)[Size], std::mt19937& chance) {
    return list[chance() % Size];
}

constexpr char const* status_lines[] = {
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 204 \r\n",
    "HTTP/1.1 304 Not\tModified \r\n",
    "HTTP/1.1 103 Early Hints\r\n",
    "HTTP/1.1 599 \xc3\xa4\r\n",
    "HTTP/1.1 600 X\r\n",
    "HTTP/1.1 099 X\r\n",
    "HTTP/1.1 200\r\n",
    "HTTP/1.2 200 OK\r\n",
    "HTTP/2.0 200 OK\r\n",
    "HTTP/1.1  200 OK\r\n",
    "HTTP/1.1 2000 OK\r\n",
    "http/1.1 200 OK\r\n",
    "\r\n",
};

constexpr char const* names[] = {
    "Content-Type",
    "X",
    "Content-Length",
    "content-length",
    "Transfer-Encoding",
    "Connection",
    "connECTION",
    "Proxy-Connection",
    "Keep-Alive",
    "TE",
    "Upgrade",
    "Date",
    "",
    "X Y",
    "X ",
    "\xc3\xa4",
    "X-1~!#$",
    " X",
    "Trailer",
    "Proxy",
};

constexpr char const* colons[] = {": ", ": ", ": ", ":", ":\t", ":  ", ": \t ", "", " : "};

constexpr char const* values[] = {
    "text/plain; charset=utf-8",
    "1",
    "12",
    "0",
    "1, 1",
    "+1",
    "-1",
    "1 1",
    "01",
    "",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "chunked",
    "Chunked",
    "gzip, chunked",
    "chunked, chunked",
    "identity",
    "close",
    "Keep-Alive",
    "keep-alive, X",
    ",, close ,",
    "close X",
    "clo@se",
    "\"close\"",
    "close;q=1",
    "upgrade",
    "a\tb",
    "tab\t",
    "blank ",
    "\x7f",
    "a long value that is longer than one word\x7f",
    "\xff\x80\xfe",
    "a long value with a \x01 in it",
    "12345678",
    "1234567\t",
    "a\rb",
    "a\nb",
};

constexpr char const* ends[] = {
    "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", " \r\n", "\n", "\r", "\r\n ", "\r\n\t"};

std::string make_head(std::mt19937& chance) {
    std::string out(one_of(status_lines, chance));
    for (auto fields = chance() % 5; fields > 0; --fields) {
        out += one_of(names, chance);
        out += one_of(colons, chance);
        out += one_of(values, chance);
        out += one_of(ends, chance);
    }
    out += one_of(ends, chance);
    return out + "content";
}

/// One byte more, one byte less, or another byte.
void damage(std::string& bytes, std::mt19937& chance) {
    constexpr std::string_view odd("\r\n\0 \t:,\x7f\x80zA1", 12);
    auto const at = chance() % bytes.size();
    auto const byte = odd[chance() % odd.size()];
    switch (chance() % 3) {
        case 0:
            bytes[at] = byte;
            break;
        case 1:
            bytes.insert(at, 1, byte);
            break;
        default:
            bytes.erase(at, 1);
            break;
    }
}

}  // namespace

TEST_CASE("heads of answers are read as Beast reads them: the corpora") {
    std::size_t compared = 0;
    // What precedes the answer's bytes in each input says how the fuzzer is to deliver them.
    struct {
        char const* folder;
        std::size_t before;
    } const corpora[] = {{"http_response", 1}, {"exchange", 3}};
    for (auto const& corpus : corpora) {
        auto const folder =
            std::filesystem::path(SOURCE_FOLDER) / "tests/fuzz/corpus" / corpus.folder;
        for (auto const& entry : std::filesystem::directory_iterator(folder)) {
            auto const bytes = read_file(entry.path());
            if (bytes.size() <= corpus.before) {
                continue;
            }
            auto const answer = std::string_view(bytes).substr(corpus.before);
            for (std::size_t size = 0; size <= answer.size(); ++size) {
                compare_with_beast(answer.substr(0, size), max_header, 1 + size % 7);
                ++compared;
            }
        }
    }
    CHECK(compared > 100);
}

TEST_CASE("heads of answers are read as Beast reads them: made up") {
    auto const seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 chance(seed);
    std::size_t complete = 0;
    for (int i = 0; i < 40'000; ++i) {
        auto bytes = make_head(chance);
        for (auto times = chance() % 3; times > 0 && !bytes.empty(); --times) {
            damage(bytes, chance);
        }
        compare_with_beast(bytes, max_header, 1 + chance() % 40);
        complete += read_with_beast(bytes, max_header).what == beast_response::verdict::complete;
    }
    CHECK(complete > 1'000);
}

TEST_CASE("heads of answers at their limit") {
    for (std::size_t size = max_header - 4; size < max_header + 4; ++size) {
        std::string bytes = "HTTP/1.1 200 OK\r\nX: \r\n\r\n";
        bytes.insert(bytes.size() - 4, std::string(size - bytes.size(), 'x'));
        for (std::size_t const piece : {std::size_t{1}, std::size_t{100}, std::size_t{10'000}}) {
            compare_with_beast(bytes, max_header, piece);
            compare_with_beast(bytes + "content", max_header, piece);
            compare_with_beast(bytes.substr(0, bytes.size() - 1), max_header, piece);
        }
    }
}
