// What the load generator of bench/load counts and asks.
#include "bench/load/latencies.hpp"
#include "bench/load/requests.hpp"
#include "bench/load/response_reader.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

using namespace load;
using state = response_reader::state;

TEST_CASE("a quantile is less than 1.6 % off, over nine powers of ten") {
    for (std::int64_t const size : {1LL, 50LL, 999LL, 123'456LL, 9'876'543LL, 1'234'567'890LL}) {
        auto const all = std::make_unique<latencies>();
        for (int i = 1; i <= 1'000; ++i) {
            all->add(size * i);
        }
        for (double const part : {0.5, 0.9, 0.99, 0.999}) {
            auto const exact = static_cast<double>(size) * part;  // of 1000 steps, in microseconds
            CAPTURE(size);
            CAPTURE(part);
            CHECK(all->quantile_us(part) == doctest::Approx(exact).epsilon(0.017));
        }
        CHECK(all->total() == 1'000);
        CHECK(all->most_us() == doctest::Approx(static_cast<double>(size)));
    }
}

TEST_CASE("no samples, no quantile") {
    auto const none = std::make_unique<latencies>();
    CHECK(none->quantile_us(0.99) == 0);
}

TEST_CASE("an answer ends where its framing says, however it is cut") {
    struct row {
        std::string_view text;
        int status;
    };
    for (row const& r : {
             row{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200},
             row{"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404},
             row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n"
                 "0123456789abcdef\r\n0\r\n\r\n",
                 200},
             row{"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n", 304},
         }) {
        for (std::size_t cut = 1; cut < r.text.size(); ++cut) {
            response_reader reader;
            reader.begin();
            reader.take(r.text.substr(0, cut));
            REQUIRE(reader.now() != state::done);
            REQUIRE(reader.now() != state::broken);
            reader.take(r.text.substr(cut));
            CHECK(reader.now() == state::done);
            CHECK(reader.status() == r.status);
        }
    }
}

TEST_CASE("what nobody looks at is skipped without being copied") {
    response_reader reader;
    reader.begin();
    reader.take("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n12345");
    CHECK(reader.to_skip() == 999'995);
    reader.skipped(999'995);
    CHECK(reader.now() == state::done);
}

TEST_CASE("an answer without any length cannot be kept alive") {
    response_reader reader;
    reader.begin();
    reader.take("HTTP/1.1 200 OK\r\n\r\n");
    CHECK(reader.now() == state::broken);
}

TEST_CASE("the same seed asks for the same, skewed as told, with its writes") {
    request_options o;
    o.path = "/products/{}";
    o.keys = 100;
    o.skew = 1;
    o.writes = 0.1;
    requests first(o);
    requests second(o);
    std::map<std::string_view, int> reads;
    int writes = 0;
    constexpr int asked = 50'000;
    for (int i = 0; i < asked; ++i) {
        auto const request = first.next();
        REQUIRE(request == second.next());
        if (request.starts_with("PATCH ")) {
            ++writes;
            CHECK(request.ends_with("\r\n\r\n{\"name\": \"bench\"}"));
        } else {
            ++reads[request];
        }
    }
    CHECK(writes > asked / 12);
    CHECK(writes < asked / 8);
    int most = 0;
    for (auto const& [request, count] : reads) {
        most = std::max(most, count);
    }
    // With exponent 1 the first of 100 keys has 1/H(100) = 19 % of the requests.
    CHECK(most > asked * 0.9 * 0.15);
    CHECK(most < asked * 0.9 * 0.24);
}

TEST_CASE("in order, each key comes once a round") {
    request_options o;
    o.path = "/products/{}";
    o.first = 7;
    o.keys = 3;
    o.in_order = true;
    requests all(o);
    CHECK(all.in_a_round() == 3);
    for (char const* path : {"GET /products/7 ", "GET /products/8 ", "GET /products/9 "}) {
        CHECK(all.next().starts_with(path));
    }
}
