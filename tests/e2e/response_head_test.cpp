// Heads of responses that are not HTTP, could be read in two ways, do not end, or never come.
#include "tests/e2e/wire.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

/// The proxy has no use for the answer: a 502 that says so, on every way.
void is_refused(request_under_way& request, std::string_view why) {
    auto const answer = request.answer();
    REQUIRE(answer);
    CHECK(answer->status == 502);
    CHECK(answer->field("Cache-Control") == "no-store");
    CHECK_FALSE(answer->closes);
    switch (request.how()) {
        case way::fill:
        case way::joined:
            CHECK(holds((*answer)["Cache-Status"], "detail=" + std::string(why)));
            break;
        case way::mutation:
            CHECK(holds((*answer)["Cache-Status"], "detail=no_answer"));
            break;
        case way::pass:
        case way::head:
            break;
    }
}

}  // namespace

TEST_CASE("a response that is not HTTP is a 502, and its connection is gone") {
    std::string const table[] = {
        "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 -200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",  // RFC 9112 section 4 wants a space
        "HTTP/1.1 2e2 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2 200\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/11 200 OK\r\nContent-Length: 0\r\n\r\n",
        "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
        " HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "<html>hello</html>\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        std::string("\x16\x03\x01\0\x05hello\r\n\r\n", 14),
    };
    wire stage;
    int id = 0;
    for (auto const& bytes : table) {
        for (auto const how : every_way) {
            CAPTURE(bytes);
            CAPTURE(std::string(name(how)));
            request_under_way request(stage, how, ++id);
            request.upstream().send(bytes);
            is_refused(request, "malformed");
            CHECK(request.upstream().read_some() == "");
            request.leaves_nothing_behind();
        }
    }
}

TEST_CASE("a response whose length could be read in two ways is a 502") {
    // RFC 9112 section 6.3. Each holds what one reader takes for the next response.
    std::string const fields[] = {
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4\r\nContent-Length: 04",
        "Content-Length: 4, 5",
        "Content-Length: 4, 4",
        "Content-Length: ",
        "Content-Length: four",
        "Content-Length: +4",
        "Content-Length: -4",
        "Content-Length: 0x4",
        "Content-Length: 4 4",
        "Content-Length: 4;",
        "Content-Length: 9223372036854775808",
        "Content-Length: 99999999999999999999999",
        "Content-Length : 4",
        "Content-Length\t: 4",
        "Content-Length: 4\r\nTransfer-Encoding : chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: \x0b"
        "chunked",
        "Transfer-Encoding: ",
    };
    wire stage;
    int id = 0;
    for (auto const& lines : fields) {
        for (auto const how : every_way) {
            CAPTURE(lines);
            CAPTURE(std::string(name(how)));
            request_under_way request(stage, how, ++id);
            request.upstream().send("HTTP/1.1 200 OK\r\n" + lines +
                                    "\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
                                    "6\r\n\r\nforged");
            is_refused(request, "malformed");
            CHECK(request.upstream().read_some() == "");
            request.leaves_nothing_behind();
        }
    }
    SUBCASE("Transfer-Encoding in HTTP/1.0") {
        request_under_way request(stage, way::fill, ++id);
        request.upstream().send("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        is_refused(request, "malformed");
        request.leaves_nothing_behind();
    }
}

TEST_CASE("a field that would be several for another reader is a 502") {
    std::string const lines[] = {
        "X: a\rSet-Cookie: forged=1",
        "X: a\nSet-Cookie: forged=1",
        "X: a\r\r\nSet-Cookie: forged=1",
        std::string("X: a\0b", 6),
        "X: a\r\n folded",
        "X: a\r\n\tfolded",
        " X: folded into the status line",
        "X: a\x01",
        "X: a\x7f",
        "no colon",
        ": no name",
        "X : a",
        "X Y: a",
        "X\x80: a",
        "X(: a",
        std::string("X\0: a", 5),
    };
    wire stage;
    int id = 0;
    for (auto const& line : lines) {
        for (auto const how : every_way) {
            CAPTURE(line);
            CAPTURE(std::string(name(how)));
            request_under_way request(stage, how, ++id);
            request.upstream().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + line + "\r\n\r\n");
            is_refused(request, "malformed");
            CHECK(request.upstream().read_some() == "");
            request.leaves_nothing_behind();
        }
    }
}

TEST_CASE("unusual heads that mean one thing only are served and stored") {
    wire stage;
    int id = 0;
    for (std::string const head : {
             "HTTP/1.1 200 \r\nContent-Length: 4\r\n",
             "HTTP/1.1 200 A long reason: with, signs\xe2\x82\xac\r\nContent-Length: 4\r\n",
             "HTTP/1.1 200 OK\r\ncontent-length:4\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length:  \t 4 \t \r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 0000000000000000004\r\n",
             "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX:\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: caf\xc3\xa9\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nKeep-Alive: timeout=5\r\n",
         }) {
        CAPTURE(head);
        request_under_way request(stage, way::fill, ++id);
        request.upstream().send(head + "Connection: close\r\n\r\ngood");
        auto const answer = request.answer();
        REQUIRE(answer);
        CHECK(answer->status == 200);
        CHECK(answer->body == "good");
        auto const hit = stage.proxy.get(request.target());
        CHECK(hit.body == "good");
        CHECK(holds(hit["Cache-Status"], "; hit;"));
        CHECK(hit["Content-Length"] == "4");
    }
}

TEST_CASE("a connection that ends inside a head: 502, and the request is not sent again") {
    wire stage;
    int id = 0;
    std::string const whole = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    for (std::size_t const size : {0U, 1U, 8U, 12U, 17U, 19U, 30U, 36U, 37U}) {
        for (bool const by_reset : {false, true}) {
            for (auto const how : every_way) {
                CAPTURE(size);
                CAPTURE(by_reset);
                CAPTURE(std::string(name(how)));
                request_under_way request(stage, how, ++id);
                request.upstream().send(whole.substr(0, size));
                if (by_reset) {
                    request.upstream().abort();
                } else {
                    request.upstream().close();
                }
                is_refused(request, "broken");
                request.leaves_nothing_behind();
            }
        }
    }
}

TEST_CASE("heads up to 64 KiB are taken, larger ones and endless ones are a 502") {
    wire stage;
    int id = 0;
    auto const of_size = [](std::size_t size) {
        return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\nX: " +
               std::string(size, 'x') + "\r\n\r\ngood";
    };
    SUBCASE("a large one") {
        request_under_way request(stage, way::fill, ++id);
        request.upstream().send(of_size(65'000));
        auto const answer = request.answer();
        REQUIRE(answer);
        CHECK(answer->status == 200);
        CHECK((*answer)["X"].size() == 65'000);
        CHECK(stage.proxy.get(request.target())["X"].size() == 65'000);
    }
    SUBCASE("one that is too large") {
        for (auto const how : every_way) {
            CAPTURE(std::string(name(how)));
            request_under_way request(stage, how, ++id);
            request.upstream().send(of_size(66'000));
            is_refused(request, "malformed");
            request.leaves_nothing_behind();
        }
    }
    SUBCASE("many small fields") {
        request_under_way request(stage, way::fill, ++id);
        std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n";
        while (head.size() < 70'000) {
            head += "a:\r\n";
        }
        request.upstream().send(head);
        is_refused(request, "malformed");
        request.leaves_nothing_behind();
    }
    SUBCASE("one that never ends") {
        for (auto const how : {way::fill, way::pass, way::mutation}) {
            CAPTURE(std::string(name(how)));
            request_under_way request(stage, how, ++id);
            CHECK_THROWS([&] {
                request.upstream().send("HTTP/1.1 200 OK\r\n");
                for (;;) {
                    request.upstream().send("X: another field, and another one\r\n");
                }
            }());
            is_refused(request, "malformed");
            request.leaves_nothing_behind();
        }
    }
}

TEST_CASE("a head that trickles in has upstream.timeout in all: 504") {
    wire stage({.upstream = ", timeout: 600ms"});
    int id = 0;
    for (auto const how : every_way) {
        CAPTURE(std::string(name(how)));
        request_under_way request(stage, how, ++id);
        request.upstream().send("HTTP/1.1 200 OK\r\n");
        try {
            while (!request.client().readable(20ms)) {
                request.upstream().send("X: y\r\n");
            }
        } catch (std::runtime_error const&) {
            // The proxy has closed; its answer is on the way.
        }
        auto const answer = request.answer();
        REQUIRE(answer);
        CHECK(answer->status == 504);
        if (how != way::pass && how != way::head) {
            CHECK(holds((*answer)["Cache-Status"], "detail=timeout"));
        }
        request.leaves_nothing_behind();
    }
}

TEST_CASE("interim answers: some are nothing, a flood is a 502") {
    wire stage;
    int id = 0;
    std::string const hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    for (auto const how : every_way) {
        CAPTURE(std::string(name(how)));
        request_under_way few(stage, how, ++id);
        for (int i = 0; i < 32; ++i) {
            few.upstream().send(i % 2 == 0 ? hint : "HTTP/1.1 100 Continue\r\n\r\n");
        }
        few.upstream().send(how == way::head ? good_answer.substr(0, good_answer.find("good"))
                                             : good_answer);
        auto const answer = few.answer();
        REQUIRE(answer);
        CHECK(answer->status == 200);
        // Hints go to who asked through no rule, and a few of them to who set a fill off. Of a
        // write nobody hears before its end.
        std::size_t const hints = how == way::mutation                   ? 0
                                  : how == way::pass || how == way::head ? 16
                                                                         : 8;
        CHECK(answer->interims.size() == hints);

        request_under_way flood(stage, how, ++id);
        CHECK_THROWS([&] {
            for (;;) {
                flood.upstream().send(hint);
            }
        }());
        auto const refused = flood.answer();
        REQUIRE(refused);
        CHECK(refused->status == 502);
        flood.leaves_nothing_behind();
    }
}

TEST_CASE("an interim answer with content is a 502: where would the next one begin?") {
    wire stage;
    int id = 0;
    for (std::string const interim : {"HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\n",
                                      "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
                                      "HTTP/1.1 199 Odd\r\nContent-Length: x\r\n\r\n"}) {
        for (auto const how : every_way) {
            CAPTURE(interim);
            CAPTURE(std::string(name(how)));
            request_under_way request(stage, how, ++id);
            request.upstream().send(interim + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
            is_refused(request, "malformed");
            request.leaves_nothing_behind();
        }
    }
}

TEST_CASE("101 that nobody asked for is a 502") {
    wire stage;
    int id = 0;
    for (auto const how : every_way) {
        CAPTURE(std::string(name(how)));
        request_under_way request(stage, how, ++id);
        request.upstream().send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
        is_refused(request, "malformed");
        CHECK(request.upstream().read_some() == "");
        request.leaves_nothing_behind();
    }
    SUBCASE("and of a write none that was asked for either: its answer is held back") {
        http_client client(stage.proxy.port());
        client.send("PATCH", "/c/up", {{"Connection", "Upgrade"}, {"Upgrade", "x"}}, "{}");
        auto upstream = stage.backend.accept();
        CHECK_FALSE(holds(upstream.read_head(), "Upgrade"));
        upstream.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n");
        CHECK(client.receive().status == 502);
    }
}
