// Content of responses that is cut short, too long, wrongly framed, or not there to be.
#include "tests/e2e/wire.hpp"
#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";

/// gzip of `size` equal bytes behind `text`.
std::string packed(std::string_view text, std::size_t size) {
    std::string plain(text);
    plain.append(size, ' ');
    std::string out(plain.size() / 500 + 1'000, '\0');
    z_stream stream{};
    REQUIRE(::deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(plain.data());
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
}

/// The most memory that the proxy has had so far, in KiB.
std::size_t peak(wire& stage) {
    std::ifstream status("/proc/" + std::to_string(stage.proxy.server().pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) {
            return std::stoul(line.substr(6));
        }
    }
    return 0;
}

/// Everything that the client's connection brings until it ends, however it ends.
std::string everything(http_client& client) {
    std::string all;
    try {
        for (auto some = client.receive_some(); !some.empty(); some = client.receive_some()) {
            all += some;
        }
    } catch (http_error const&) {
        // A reset: that is how framing that cannot say "cut short" says it.
    }
    return all;
}

/// The client sees that its answer is not whole; of a write it sees that there was none.
void is_broken_off(request_under_way& request, int status = 502) {
    if (request.how() == way::mutation) {
        auto const answer = request.answer();
        REQUIRE(answer);
        CHECK(answer->status == status);
        return;
    }
    auto const seen = everything(request.client());
    CAPTURE(seen);
    CHECK((seen.empty() || seen.starts_with("HTTP/1.1 200 OK\r\n")));
    CHECK_FALSE(holds(seen, "forged"));
    auto const content = seen.substr(std::min(seen.find("\r\n\r\n"), seen.size()));
    if (holds(seen, "Content-Length: ")) {
        CHECK(content.size() < 4 + 10);
    } else {
        CHECK_FALSE(holds(content, "\r\n0\r\n"));
    }
}

constexpr way with_content[] = {way::fill, way::joined, way::pass, way::mutation};

}  // namespace

TEST_CASE("content that is cut short is never stored, and the client sees that it is not whole") {
    std::string const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string const table[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123456789",
        "HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n123456789",
        chunked,
        chunked + "5",
        chunked + "5\r",
        chunked + "5\r\n",
        chunked + "5\r\nhalf",
        chunked + "5\r\nwhole",
        chunked + "5\r\nwhole\r\n",
        chunked + "5\r\nwhole\r\n0",
        chunked + "5\r\nwhole\r\n0\r\n",
        chunked + "5\r\nwhole\r\n0\r\nTrailer: x\r\n",
        chunked + "5\r\nwhole\r\n0\r\n\r",
        chunked + "5;ext=1\r\nwhole\r\n7fffffffffffff\r\nsome",
    };
    wire stage;
    int id = 0;
    for (auto const& bytes : table) {
        for (bool const by_reset : {false, true}) {
            for (auto const how : with_content) {
                CAPTURE(bytes);
                CAPTURE(by_reset);
                CAPTURE(std::string(name(how)));
                request_under_way request(stage, how, ++id);
                request.upstream().send(bytes);
                if (by_reset) {
                    request.upstream().abort();
                } else {
                    request.upstream().close();
                }
                // A reset may overtake the head: then there is no answer, which is a 502.
                if (by_reset && how != way::mutation && request.client().readable(15s)) {
                    auto const seen = everything(request.client());
                    CHECK((seen.empty() || seen.starts_with("HTTP/1.1 200 OK\r\n") ||
                           seen.starts_with("HTTP/1.1 502 ")));
                    CHECK_FALSE(holds(seen, "\r\n0\r\n"));
                } else {
                    is_broken_off(request);
                }
                request.leaves_nothing_behind();
            }
        }
    }
}

TEST_CASE("content that stops coming is cut short after upstream.timeout") {
    wire stage({.upstream = ", timeout: 400ms"});
    int id = 0;
    for (auto const how : with_content) {
        CAPTURE(std::string(name(how)));
        request_under_way request(stage, how, ++id);
        request.upstream().send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        is_broken_off(request, 504);
        CHECK(request.upstream().read_some() == "");
        request.leaves_nothing_behind();
    }
}

TEST_CASE("chunks that are none break the answer off") {
    std::string const table[] = {
        "zz\r\nforged",
        "-1\r\n",
        "+4\r\ngood\r\n0\r\n\r\n",
        "0x4\r\ngood\r\n0\r\n\r\n",
        " 4\r\ngood\r\n0\r\n\r\n",
        "\r\n4\r\ngood\r\n0\r\n\r\n",
        "4\ngood\r\n0\r\n\r\n",
        "4\r\ngood\n0\r\n\r\n",
        "4\r\ngoodX\r\n0\r\n\r\n",
        "4\r\ngood0\r\n\r\n",
        "4\r\r\ngood\r\n0\r\n\r\n",
        "4 4\r\ngood\r\n0\r\n\r\n",
        "4;\r\ngood\r\n0\r\n\r\n",
        "4;a=\x01\r\ngood\r\n0\r\n\r\n",
        "4;a=\n\r\ngood\r\n0\r\n\r\n",
        "4;" + std::string(20'000, 'a') + "\r\ngood\r\n0\r\n\r\n",
        "11111111111111111\r\ngood\r\n0\r\n\r\n",
        "ffffffffffffffff\r\ngood\r\n0\r\n\r\n",
        "00000000000000000000000000000000000004\r\ngood\r\n0\r\n\r\n",
        "4\r\ngood\r\n0\r\nContent-Length: 9\r\n\r\n",
        "4\r\ngood\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "4\r\ngood\r\n0\r\nno colon\r\n\r\n",
        "4\r\ngood\r\n0\r\n folded: 1\r\n\r\n",
        "4\r\ngood\r\n0\r\nX: a\rb\r\n\r\n",
        "4\r\ngood\r\n0\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n",
    };
    wire stage;
    int id = 0;
    for (auto const& bytes : table) {
        for (auto const how : with_content) {
            CAPTURE(bytes.substr(0, 60));
            CAPTURE(std::string(name(how)));
            request_under_way request(stage, how, ++id);
            try {
                request.upstream().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                        bytes);
            } catch (std::runtime_error const&) {
                // It has seen enough before the end of it.
            }
            is_broken_off(request);
            request.leaves_nothing_behind();
        }
    }
}

TEST_CASE("chunks with extensions and trailers are content, and the trailers are dropped") {
    wire stage;
    int id = 0;
    for (auto const how : with_content) {
        CAPTURE(std::string(name(how)));
        request_under_way request(stage, how, ++id);
        request.upstream().send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\nConnection: close"
            "\r\n\r\n1;a=b ; c=\"d\"\r\ng\r\n003\r\nood\r\n000\r\nDigest: x\r\nSet-Cookie: "
            "forged=1\r\n\r\n");
        auto const answer = request.answer();
        REQUIRE(answer);
        CHECK(answer->status == 200);
        CHECK(answer->body == "good");
        CHECK(answer->trailers.empty());
        CHECK_FALSE(answer->field("Trailer"));
        if (how == way::fill) {
            auto const hit = stage.proxy.get(request.target());
            CHECK(holds(hit["Cache-Status"], "; hit;"));
            CHECK(hit.body == "good");
            CHECK_FALSE(hit.field("Set-Cookie"));
        }
    }
}

TEST_CASE("bytes behind an answer are nobody's: the connection is not used again") {
    struct {
        way how;
        std::string answer;
        std::string surplus;
    } const table[] = {
        {way::fill, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", std::string(forged)},
        {way::fill, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", "\r\n"},
        {way::fill, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", "x"},
        {way::fill,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
         std::string(forged)},
        {way::joined, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", std::string(forged)},
        {way::pass, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", std::string(forged)},
        {way::pass, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", std::string(forged)},
        {way::pass, "HTTP/1.1 204 No Content\r\n\r\n", std::string(forged)},
        {way::pass, "HTTP/1.1 204 No Content\r\n\r\n", "content"},
        {way::pass, "HTTP/1.1 304 Not Modified\r\n\r\n", std::string(forged)},
        {way::pass, "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", std::string(forged)},
        {way::fill, "HTTP/1.1 204 No Content\r\n\r\n", std::string(forged)},
        {way::fill, "HTTP/1.1 304 Not Modified\r\n\r\n", std::string(forged)},
        {way::head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", std::string(forged)},
        {way::head, "HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n", std::string(forged)},
        {way::head, "HTTP/1.1 200 OK\r\n\r\n", std::string(forged)},
        {way::mutation, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", std::string(forged)},
        {way::mutation, "HTTP/1.1 204 No Content\r\n\r\n", std::string(forged)},
    };
    wire stage;
    int id = 0;
    for (auto const& row : table) {
        for (bool const at_once : {true, false}) {
            CAPTURE(row.answer);
            CAPTURE(row.surplus);
            CAPTURE(at_once);
            request_under_way request(stage, row.how, ++id);
            request.upstream().send(at_once ? row.answer + row.surplus : row.answer);
            auto const answer = request.answer();
            REQUIRE(answer);
            CHECK(std::to_string(answer->status) == row.answer.substr(9, 3));
            CHECK_FALSE(holds(answer->body, "forged"));
            if (!at_once) {
                // While it lies in the pool; or it is closed already.
                try {
                    request.upstream().send(row.surplus);
                } catch (std::runtime_error const&) {
                    CHECK_FALSE(holds(row.answer, "good"));
                }
            }
            // On the same client connection, which is as good as before.
            auto& client = request.client();
            client.send("GET", "/p/next");
            auto next = stage.asked("GET /p/next");
            next.send(good_answer);
            CHECK(client.receive().body == "good");
        }
    }
}

TEST_CASE("content that must not be there but is announced: the connection is in doubt at once") {
    wire stage;
    int id = 0;
    struct {
        way how;
        std::string answer;
    } const table[] = {
        {way::pass, "HTTP/1.1 204 No Content\r\nContent-Length: 46\r\n\r\n"},
        {way::pass, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {way::pass, "HTTP/1.1 304 Not Modified\r\nContent-Length: 46\r\n\r\n"},
        {way::fill, "HTTP/1.1 204 No Content\r\nContent-Length: 46\r\n\r\n"},
        {way::fill, "HTTP/1.1 304 Not Modified\r\nContent-Length: 46\r\n\r\n"},
        {way::head, "HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n"},
        {way::head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {way::mutation, "HTTP/1.1 204 No Content\r\nContent-Length: 46\r\n\r\n"},
    };
    for (auto const& row : table) {
        CAPTURE(row.answer);
        request_under_way request(stage, row.how, ++id);
        request.upstream().send(row.answer);
        auto const answer = request.answer();
        REQUIRE(answer);
        CHECK(std::to_string(answer->status) == row.answer.substr(9, 3));
        CHECK(answer->body == "");
        CHECK(request.upstream().read_some() == "");
    }
}

TEST_CASE("205 with content is passed on as it is framed, and not stored") {
    wire stage;
    request_under_way request(stage, way::fill, 1);
    request.upstream().send(
        "HTTP/1.1 205 Reset Content\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngood");
    auto const answer = request.answer();
    REQUIRE(answer);
    CHECK(answer->status == 205);
    CHECK(answer->body == "good");
    CHECK(holds((*answer)["Cache-Status"], "detail=status"));
    http_client next(stage.proxy.port());
    next.send("GET", request.target());
    auto upstream = stage.asked("GET " + request.target());
    upstream.send(good_answer);
    CHECK(next.receive().body == "good");
}

TEST_CASE("an answer that ends with its connection is served whole and never stored") {
    // RFC 9112 section 8: it looks the same when the backend has died in the middle of it.
    wire stage;
    int id = 0;
    for (std::string const head : {"HTTP/1.1 200 OK\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n",
                                   "HTTP/1.0 200 OK\r\n\r\n",
                                   "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"}) {
        for (auto const how : with_content) {
            CAPTURE(head);
            CAPTURE(std::string(name(how)));
            request_under_way request(stage, how, ++id);
            request.upstream().send(head + "good");
            request.upstream().close();
            auto const answer = request.answer();
            REQUIRE(answer);
            CHECK(answer->status == 200);
            CHECK(answer->body == "good");
            if (how == way::fill) {
                CHECK(holds((*answer)["Cache-Status"], "fwd=miss; key="));
                CHECK(holds((*answer)["Cache-Status"], "detail=truncated"));
                // Nor is the next one, which asks for itself.
                http_client next(stage.proxy.port());
                next.send("GET", request.target());
                auto upstream = stage.asked("GET " + request.target());
                upstream.send(good_answer);
                CHECK(next.receive().body == "good");
            }
            if (how == way::joined) {
                request.leaves_nothing_behind();
            }
        }
    }
    SUBCASE("a reset is no end") {
        request_under_way request(stage, way::pass, ++id);
        request.upstream().send("HTTP/1.1 200 OK\r\n\r\nhalf");
        CHECK(holds(request.client().receive_some(), "HTTP/1.1 200 OK"));
        request.upstream().abort();
        CHECK_FALSE(holds(everything(request.client()), "\r\n0\r\n\r\n"));
    }
}

TEST_CASE("an answer that comes before its request was sent: served, and the connection is gone") {
    wire stage;
    SUBCASE("to a write that streams") {
        http_client client(stage.proxy.port());
        std::string const rest(8 << 20, 'x');
        client.send_raw("PATCH /c/1 HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                        std::to_string(rest.size() + 4) + "\r\n\r\nhalf");
        auto upstream = stage.backend.accept();
        upstream.read_head();
        upstream.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        SUBCASE("by an upstream that takes the rest all the same") {
            std::jthread const sender([&] { client.send_raw(rest); });
            upstream.read(rest.size() + 4);
        }
        SUBCASE("by one that closes") {
            upstream.close();
            try {
                client.send_raw(rest);
            } catch (http_error const&) {
                // Closed here as well, behind the answer.
            }
        }
        CHECK(client.receive("PATCH").status == 413);
    }
    SUBCASE("to a read with content") {
        http_client client(stage.proxy.port());
        client.send_raw("GET /p/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
        auto upstream = stage.backend.accept();
        upstream.read_head();
        upstream.send(good_and_kept);
        CHECK(client.receive("GET").body == "good");
        std::string rest;
        for (auto some = upstream.read_some(); !some.empty(); some = upstream.read_some()) {
            rest += some;
        }
        CHECK_FALSE(holds(rest, "GET"));
    }
    http_client next(stage.proxy.port());
    next.send("GET", "/p/next");
    auto upstream = stage.asked("GET /p/next");
    upstream.send(good_answer);
    CHECK(next.receive().body == "good");
}

TEST_CASE("an answer to nobody on an idle connection is dropped with it") {
    wire stage;
    int id = 0;
    for (std::string_view const surplus :
         {forged, std::string_view("\r\n"), std::string_view("x")}) {
        CAPTURE(surplus);
        request_under_way request(stage, way::pass, ++id);
        request.upstream().send(good_and_kept);
        REQUIRE(request.answer());
        request.upstream().send(surplus);
        // Whoever comes next, whatever he asks.
        http_client next(stage.proxy.port());
        next.send("GET", "/c/" + std::to_string(++id));
        auto upstream = stage.asked("GET /c/" + std::to_string(id));
        upstream.send(good_answer);
        CHECK(next.receive().body == "good");
    }
}

TEST_CASE("a coding that the content does not have is passed on and stored as it came") {
    wire stage;
    request_under_way request(stage, way::fill, 1);
    request.upstream().send(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\nConnection: "
        "close\r\n\r\ngood");
    auto const answer = request.answer();
    REQUIRE(answer);
    CHECK(answer->body == "good");
    auto const hit = stage.proxy.get(request.target());
    CHECK(hit.body == "good");
    CHECK(hit["Content-Encoding"] == "gzip");
}

TEST_CASE("JSON in a write's answer is read through its coding, or the purge widens") {
    wire stage({.more = "  - {name: made, on: \"POST /c\", vars: {x: response.x}, patterns: "
                        "[\"c:{x}*\"]}\n"});
    stage.fills_anew("/c/1");
    stage.fills_anew("/c/2");
    auto const before = peak(stage);
    std::string content;
    bool readable = false;
    SUBCASE("packed as it says: only what it names goes") {
        content = packed(R"({"x": 1})", 10);
        readable = true;
    }
    SUBCASE("not packed at all") {
        content = R"({"x": 1})";
    }
    SUBCASE("cut off") {
        content = packed(R"({"x": 1})", 1'000);
        content.resize(content.size() - 9);
    }
    SUBCASE("a bomb") {
        content = packed(R"({"x": 1})", 200U << 20);
        REQUIRE(content.size() < 1 << 20);
    }
    http_client client(stage.proxy.port());
    client.send("POST", "/c", {}, "{}");
    auto upstream = stage.asked("POST /c");
    upstream.send(
        "HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nConnection: close\r\n"
        "Content-Length: " +
        std::to_string(content.size()) + "\r\n\r\n" + content);
    auto const answer = client.receive();
    CHECK(answer.status == 201);
    CHECK(answer.body == content);
    CHECK(peak(stage) < before + (64U << 10));
    if (readable) {
        CHECK(holds(stage.proxy.get("/c/2")["Cache-Status"], "; hit;"));
    } else {
        stage.fills_anew("/c/2");
    }
    stage.fills_anew("/c/1");
}
