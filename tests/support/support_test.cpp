#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sockets.hpp"
#include "tests/support/tcp_relay.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <thread>

using namespace sidecache::tests;
using namespace std::chrono_literals;

TEST_CASE("a process: its lines, its outputs and how it ended") {
    process p({.argv = {"sh", "-c", "echo one; echo two >&2; read x; echo $GREETING; exit 3"},
               .environment = {{"GREETING", "hello"}}});
    CHECK(p.wait_for_line("two") == "two");
    CHECK(p.wait() == exit_status{3, 0});
    CHECK(p.standard_error() == "two\n");
    CHECK(p.standard_output() == "one\nhello\n");

    SUBCASE("a line that never comes is an error that shows what came instead") {
        CHECK_THROWS_WITH_AS(
            p.wait_for_line("three"), doctest::Contains("hello"), std::runtime_error);
    }
    SUBCASE("a program that is not there cannot be started") {
        CHECK_THROWS(process({.argv = {"/no/such/program"}}));
    }
}

TEST_CASE("a process is stopped, continued, killed, and gone with its object") {
    pid_t pid = 0;
    {
        process p({.argv = {"cat", "/dev/zero"}, .environment = {}, .directory = "/"});
        pid = p.pid();
        p.pause();
        CHECK(p.running());
        p.resume();
        p.terminate();
        CHECK(p.wait() == exit_status{0, SIGTERM});
        process q({.argv = {"sh", "-c", "echo up; exec cat /dev/zero >/dev/null"}});
        q.wait_for_line("up");
        pid = q.pid();
        CHECK(q.cpu_time() >= 0us);
    }
    CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("redis-server: commands, and what survives a kill") {
    redis_server redis({"--maxmemory", "50mb"});
    CHECK(redis.cli({"SET", "a", "1"}) == "OK");
    CHECK(redis.cli({"CONFIG", "GET", "maxmemory"}) == "maxmemory\n52428800");
    redis.snapshot();
    redis.cli({"SET", "b", "2"});
    CHECK(redis.keys() == std::vector<std::string>{"a", "b"});
    CHECK(redis.calls("set") == 2);
    CHECK_THROWS(redis.command({"LPUSH", "a", "x"}));
    redis.restart();
    CHECK(redis.keys() == std::vector<std::string>{"a"});
}

TEST_CASE("the relay delays, holds, refuses and cuts") {
    redis_server redis;
    tcp_relay relay(redis.port());
    auto const s = connect_to(relay.port());
    auto const ping = [&] { send_all(s, "PING\r\n"); };
    auto const pong = [&](std::chrono::milliseconds patience) {
        std::array<char, 64> b{};
        return wait_readable(s, patience) && ::read(s.value(), b.data(), b.size()) > 0;
    };
    ping();
    CHECK(pong(5s));

    SUBCASE("a delay, each way") {
        relay.delay(30ms);
        auto const start = std::chrono::steady_clock::now();
        ping();
        CHECK(pong(5s));
        CHECK(std::chrono::steady_clock::now() - start >= 60ms);
    }
    SUBCASE("requests that do not get there, for now") {
        relay.hold_requests(true);
        auto const before = redis.calls("ping");
        ping();
        CHECK_FALSE(pong(30ms));
        CHECK(redis.calls("ping") == before);
        relay.hold_requests(false);
        CHECK(pong(5s));
    }
    SUBCASE("replies that do not come back, for now") {
        relay.hold_replies(true);
        auto const before = redis.calls("ping");
        ping();
        CHECK(eventually([&] { return redis.calls("ping") == before + 1; }));
        CHECK_FALSE(pong(10ms));
        relay.hold_replies(false);
        CHECK(pong(5s));
    }
    SUBCASE("cut: an error or the end on the old connection, a new one works") {
        relay.cut();
        CHECK_FALSE(pong(5s));
        auto const again = connect_to(relay.port());
        send_all(again, "PING\r\n");
        CHECK(wait_readable(again, 5s));
    }
}

TEST_CASE("the HTTP client reads lengths, chunks, interim answers and answers to the end") {
    auto const listener = listen_on(0);
    std::jthread const server([&] {
        for (int i = 0; i < 2; ++i) {
            file_descriptor const c(::accept(listener.value(), nullptr, nullptr));
            std::array<char, 4096> b{};
            while (::read(c.value(), b.data(), b.size()) > 0) {
                std::string_view const got(b.data());
                if (got.starts_with("GET /chunked")) {
                    send_all(
                        c,
                        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: t\r\n\r\n");
                } else if (got.starts_with("GET /length")) {
                    send_all(c, "HTTP/1.1 404 Not Found\r\nContent-LENGTH: 2\r\n\r\nno");
                } else {
                    send_all(c, "HTTP/1.1 200 OK\r\n\r\nto the end");
                    break;
                }
                b.fill(0);
            }
        }
    });
    http_client client(local_port(listener));
    auto const chunked = client.get("/chunked");
    CHECK(chunked.body == "abcde");
    CHECK(chunked.interims == std::vector<int>{103});
    CHECK(chunked.trailers == http_fields{{"T", "t"}});
    auto const length = client.get("/length");
    CHECK(length.status == 404);
    CHECK(length["content-length"] == "2");
    CHECK(length.body == "no");
    CHECK(client.get("/end").body == "to the end");
    CHECK_FALSE(client.connected());
    CHECK(client.get("/length").body == "no");
    CHECK_THROWS_AS(http_client(free_port()).get("/"), http_error);
}
