// Clients that are slow, many, gone or greedy: what each costs, and what the others notice of it.
#include "tests/e2e/wire.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

using namespace sidecache::tests;
using namespace std::chrono_literals;

namespace {

using steady = std::chrono::steady_clock;

/// Figures of memory count without sanitizers, which keep what has been freed.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool measures_memory = false;
#else
constexpr bool measures_memory = true;
#endif

/// Bytes of the proxy that are in memory now.
std::size_t resident(wire& stage) {
    std::ifstream statm("/proc/" + std::to_string(stage.proxy.server().pid()) + "/statm");
    std::size_t total = 0;
    std::size_t pages = 0;
    statm >> total >> pages;
    return pages * 4'096;
}

std::size_t open_files(wire& stage) {
    std::size_t count = 0;
    for (auto const& entry : std::filesystem::directory_iterator(
             "/proc/" + std::to_string(stage.proxy.server().pid()) + "/fd")) {
        count += entry.exists() ? 1 : 0;
    }
    return count;
}

/// Returns when nothing of the proxy's connections is left but what it had before.
bool lets_go(wire& stage, std::size_t files_before) {
    return eventually([&] { return open_files(stage) <= files_before; });
}

/// Writes until the other side takes nothing for `still`, or closes. Returns how much went out.
std::size_t pour(file_descriptor const& socket,
                 std::string const& piece,
                 std::chrono::milliseconds still = 300ms) {
    std::size_t sent = 0;
    auto last = steady::now();
    while (steady::now() - last < still) {
        auto const n = ::send(socket.value(),
                              piece.data() + sent % piece.size(),
                              piece.size() - sent % piece.size(),
                              MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            sent += static_cast<std::size_t>(n);
            last = steady::now();
        } else if (errno != EAGAIN && errno != EINTR) {
            break;
        } else {
            std::this_thread::yield();
        }
    }
    return sent;
}

/// As `http_client` would send it: two hosts never share an entry.
std::string get(std::string const& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
}

/// A client whose kernel takes little for it, and that reads nothing of it.
file_descriptor reluctant(wire& stage) {
    auto socket = connect_to(stage.proxy.port());
    int const small = 4'096;
    ::setsockopt(socket.value(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    return socket;
}

/// `/c/1` is in the cache from here on, with a body of that size.
void fill_first(wire& stage, std::size_t size) {
    http_client client(stage.proxy.port());
    client.send("GET", "/c/1");
    auto upstream = stage.asked("GET /c/1");
    upstream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                  std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
    CHECK(client.receive().body.size() == size);
    CHECK(holds(stage.proxy.get("/c/1")["Cache-Status"], "; hit;"));
}

}  // namespace

TEST_CASE("a head has header_timeout in all, in whatever pieces it comes: 408") {
    wire stage({.more = "limits: {header_timeout: 500ms}\n"});
    for (std::string const piece : {"X: y\r\n", "x", "\r\n"}) {
        CAPTURE(piece);
        http_client client(stage.proxy.port());
        client.send_raw(piece == "\r\n" ? "\r\n" : "GET / HTTP/1.1\r\nA: b");
        auto const began = steady::now();
        try {
            while (!client.readable(20ms)) {
                client.send_raw(piece);
                REQUIRE(steady::now() - began < 10s);
            }
        } catch (http_error const&) {
            // Closed; the answer is on the way.
        }
        CHECK(client.receive("GET").status == 408);
    }
    CHECK_FALSE(stage.backend.connecting(0ms));
}

TEST_CASE("content that stops coming: 408") {
    wire stage({.more = "limits: {body_timeout: 400ms}\n"});
    SUBCASE("of a write: the backend hears nothing of it, and nothing is marked") {
        http_client client(stage.proxy.port());
        client.send_raw("PATCH /c/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
        CHECK(client.receive("PATCH").status == 408);
        CHECK_FALSE(stage.backend.connecting(0ms));
        stage.fills_anew("/c/1");
    }
    SUBCASE("of a large write: the backend has a part of it, so nobody knows") {
        http_client client(stage.proxy.port());
        client.send_raw("PATCH /c/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\nhalf");
        auto upstream = stage.backend.accept();
        upstream.read_head();
        CHECK(upstream.read(4) == "half");
        CHECK(client.receive("PATCH").status == 408);
        CHECK(upstream.read_some() == "");
        http_client reader(stage.proxy.port());
        reader.send("GET", "/c/1");
        auto again = stage.asked("GET /c/1");
        again.send(good_answer);
        CHECK(holds(reader.receive()["Cache-Status"], "detail=marked"));
    }
    SUBCASE("of a read with content") {
        http_client client(stage.proxy.port());
        client.send_raw("GET /c/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
        auto upstream = stage.backend.accept();
        upstream.read_head();
        CHECK(client.receive("GET").status == 408);
    }
}

TEST_CASE("clients that stop reading a large answer: bounded memory, and then the end") {
    wire stage({.more = "limits: {write_timeout: 8s}\n"});
    constexpr std::size_t count = 40;
    fill_first(stage, 1'000'000);
    auto const files = open_files(stage);
    std::string const piece(1 << 20, 'x');
    std::vector<file_descriptor> clients;
    std::vector<upstream_connection> upstreams;
    std::size_t bound = 0;
    std::size_t poured = 0;
    auto before = resident(stage);
    SUBCASE("passed through: a piece each") {
        bound = 160 << 10;
        for (std::size_t i = 0; i < count; ++i) {
            clients.push_back(reluctant(stage));
            send_all(clients.back(), get("/p/" + std::to_string(i)));
            auto& upstream = upstreams.emplace_back(stage.backend.accept());
            upstream.read_head();
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        }
        for (auto& u : upstreams) {
            poured += pour(u.socket(), piece);
        }
    }
    SUBCASE("a fill that is longer than max_object from the start: a piece each") {
        bound = 256 << 10;
        for (std::size_t i = 0; i < count; ++i) {
            clients.push_back(reluctant(stage));
            send_all(clients.back(), get("/c/large" + std::to_string(i)));
            auto& upstream = upstreams.emplace_back(stage.backend.accept());
            upstream.read_head();
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        }
        for (auto& u : upstreams) {
            poured += pour(u.socket(), piece);
        }
    }
    SUBCASE("a fill that turns out to be longer: max_object and what a string grows by") {
        bound = 2'500 << 10;
        std::string const chunk = "100000\r\n" + piece + "\r\n";
        for (std::size_t i = 0; i < count; ++i) {
            clients.push_back(reluctant(stage));
            send_all(clients.back(), get("/c/chunked" + std::to_string(i)));
            auto& upstream = upstreams.emplace_back(stage.backend.accept());
            upstream.read_head();
            upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        }
        for (auto& u : upstreams) {
            poured += pour(u.socket(), chunk);
        }
    }
    SUBCASE("hits: what was read from the store") {
        bound = 1'300 << 10;
        // More than the kernel takes for somebody who does not read.
        std::string twenty;
        for (int i = 0; i < 20; ++i) {
            twenty += get("/c/1");
        }
        for (std::size_t i = 0; i < count; ++i) {
            clients.push_back(reluctant(stage));
            send_all(clients.back(), twenty);
        }
        stage.settle();
        poured = count * 20'000'000;
    }
    REQUIRE(poured > 0);
    auto const grown = std::max(resident(stage), before) - before;
    MESSAGE("memory per client that does not read: " << grown / count / 1024 << " KiB (poured "
                                                     << poured / count / 1024 << " KiB each)");
    CHECK((!measures_memory || grown / count < bound));
    // Everybody else is served meanwhile, and in the end the places are free.
    CHECK(stage.proxy.get("/c/1").status == 200);
    upstreams.clear();
    CHECK(lets_go(stage, files));
}

TEST_CASE("no more than max_connections are served, whichever worker they came to") {
    wire stage({.more = "limits: {max_connections: 3}\n", .workers = 4});
    std::deque<http_client> clients;
    for (int i = 0; i < 12; ++i) {
        clients.emplace_back(stage.proxy.port()).send("GET", "/p/" + std::to_string(i));
    }
    std::deque<upstream_connection> upstreams;
    for (int i = 0; i < 3; ++i) {
        upstreams.push_back(stage.backend.accept());
        upstreams.back().read_head();
    }
    CHECK_FALSE(stage.backend.connecting(500ms));
    // The admin port is not among them.
    CHECK(stage.proxy.admin("GET", "/livez").status == 200);
    // Each place that becomes free is the next one's: all are served in the end.
    int served = 0;
    while (served < 12) {
        upstreams.front().send(good_answer);
        upstreams.pop_front();
        REQUIRE(eventually([&] {
            for (auto& c : clients) {
                if (c.connected() && c.readable(0ms)) {
                    CHECK(c.receive().body == "good");
                    c.close();
                    return true;
                }
            }
            return false;
        }));
        ++served;
        if (served <= 9) {
            upstreams.push_back(stage.backend.accept());
            upstreams.back().read_head();
            CHECK_FALSE(stage.backend.connecting(0ms));
        }
    }
}

TEST_CASE("10,000 idle connections") {
    constexpr std::size_t count = 10'000;
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max != RLIM_INFINITY && files.rlim_max < count * 4 / 3 + 200) {
        MESSAGE("SKIPPED: the hard limit of open files is "
                << files.rlim_max << ", and " << count * 4 / 3 + 200 << " are needed");
        return;
    }
    files.rlim_cur = std::max<rlim_t>(files.rlim_cur, count + 500);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
    wire stage({.more = "limits: {idle_timeout: 5m, header_timeout: 5m}\n", .workers = 2});
    fill_first(stage, 100);
    auto const before = resident(stage);
    auto const files_before = open_files(stage);
    std::deque<http_client> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.emplace_back(stage.proxy.port()).connect();
    }
    CHECK(eventually([&] { return open_files(stage) >= count; }, 20s));
    auto const connected = resident(stage);
    for (auto& c : clients) {
        c.send("GET", "/c/1");
    }
    for (auto& c : clients) {
        REQUIRE(c.receive().status == 200);
    }
    auto const used = resident(stage);
    MESSAGE("memory per idle connection: " << (connected - before) / count
                                           << " bytes before its first request, "
                                           << (used - before) / count << " behind it");
    CHECK((!measures_memory || (used - before) / count < 16'384));
    // They cost next to no time either, and nobody else waits for them.
    auto const cpu = stage.proxy.server().cpu_time();
    auto const began = steady::now();
    CHECK_FALSE(clients.front().readable(1s));
    auto const spent = stage.proxy.server().cpu_time() - cpu;
    MESSAGE("processor time while they are idle: "
            << std::chrono::duration_cast<std::chrono::milliseconds>(spent).count() << " ms of "
            << std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - began).count()
            << " ms");
    CHECK(spent < (steady::now() - began) / 2);
    CHECK(stage.proxy.get("/c/1").status == 200);
    clients.clear();
    CHECK(lets_go(stage, files_before));
}

TEST_CASE("a client that goes away in the middle of an answer") {
    wire stage;
    fill_first(stage, 100);
    auto const files = open_files(stage);
    std::string const half(200'000, 'h');
    SUBCASE("of a fill: it goes on, is stored, and its connection is used again") {
        http_client client(stage.proxy.port());
        client.send("GET", "/c/2");
        auto upstream = stage.asked("GET /c/2");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + half);
        CHECK(client.readable(15s));
        client.abort();
        stage.settle();
        upstream.send(half);
        CHECK(eventually([&] { return holds(stage.proxy.get("/c/2")["Cache-Status"], "; hit;"); }));
        CHECK(stage.proxy.get("/c/2").body.size() == 400'000);
        http_client next(stage.proxy.port());
        next.send("GET", "/p/next");
        CHECK(upstream.read_head().starts_with("GET /p/next "));
        upstream.send(good_answer);
        CHECK(next.receive().body == "good");
    }
    SUBCASE("of a fill that others wait for: they get it") {
        http_client client(stage.proxy.port());
        client.send("GET", "/c/2");
        auto upstream = stage.asked("GET /c/2");
        http_client joined(stage.proxy.port());
        joined.send("GET", "/c/2");
        stage.settle();
        upstream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 400000\r\n\r\n" +
                      half);
        CHECK(client.readable(15s));
        client.abort();
        stage.settle();
        upstream.send(half);
        CHECK(joined.receive().body.size() == 400'000);
    }
    SUBCASE("of one that is too large to be stored: the upstream is let go") {
        http_client client(stage.proxy.port());
        client.send("GET", "/c/2");
        auto upstream = stage.asked("GET /c/2");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + half);
        CHECK(client.readable(15s));
        client.abort();
        pour(upstream.socket(), half);
        CHECK(eventually([&] { return pour(upstream.socket(), half, 50ms) == 0; }));
    }
    SUBCASE("of a pass-through: the upstream is let go") {
        http_client client(stage.proxy.port());
        client.send("GET", "/p/2");
        auto upstream = stage.asked("GET /p/2");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + half);
        CHECK(client.readable(15s));
        client.abort();
        pour(upstream.socket(), half);
        CHECK(eventually([&] { return pour(upstream.socket(), half, 50ms) == 0; }));
    }
    SUBCASE("of a write: it and its invalidation are carried to their end") {
        http_client client(stage.proxy.port());
        client.send("PATCH", "/c/1", {}, "{}");
        auto upstream = stage.backend.accept();
        upstream.read_head();
        client.abort();
        stage.settle();
        upstream.send(good_answer);
        CHECK(eventually(
            [&] { return stage.proxy.metric("sidecache_purges_total", {"phase=\"end\""}) == 1; }));
        stage.fills_anew("/c/1");
    }
    CHECK(lets_go(stage, files));
}

TEST_CASE("a client that goes away in the middle of its request") {
    wire stage;
    fill_first(stage, 100);
    auto const files = open_files(stage);
    http_client client(stage.proxy.port());
    SUBCASE("in the head") {
        client.send_raw("PATCH /c/1 HTTP/1.1\r\nHos");
        client.abort();
        CHECK_FALSE(stage.backend.connecting(100ms));
    }
    SUBCASE("in the content of a write: the backend hears nothing of it, nothing is purged") {
        client.send_raw("PATCH /c/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
        SUBCASE("by reset") {
            client.abort();
        }
        SUBCASE("by an end") {
            client.shutdown_send();
        }
        CHECK_FALSE(stage.backend.connecting(100ms));
        CHECK(holds(stage.proxy.get("/c/1")["Cache-Status"], "; hit;"));
        client.close();
    }
    SUBCASE("in the content of a large write: the backend sees that it is not whole") {
        client.send_raw("PATCH /c/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\nhalf");
        auto upstream = stage.backend.accept();
        upstream.read_head();
        CHECK(upstream.read(4) == "half");
        client.abort();
        CHECK(upstream.read_some() == "");
        // It may have done something with the half: a change, and its mark stays.
        http_client reader(stage.proxy.port());
        reader.send("GET", "/c/1");
        auto again = stage.asked("GET /c/1");
        again.send(good_answer);
        CHECK(holds(reader.receive()["Cache-Status"], "detail=marked"));
    }
    SUBCASE("in chunked content: no last chunk is made up") {
        client.send_raw(
            "GET /c/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
        auto upstream = stage.backend.accept();
        upstream.read_head();
        client.abort();
        std::string all;
        for (auto some = upstream.read_some(); !some.empty(); some = upstream.read_some()) {
            all += some;
        }
        CHECK_FALSE(holds(all, "0\r\n\r\n"));
    }
    CHECK(lets_go(stage, files));
}

TEST_CASE("a client that has said all it had to say is answered nevertheless") {
    wire stage;
    fill_first(stage, 100);
    http_client client(stage.proxy.port());
    SUBCASE("a hit") {
        client.send("GET", "/c/1");
        client.shutdown_send();
        CHECK(client.receive().body.size() == 100);
    }
    SUBCASE("several at once, the last from the backend") {
        client.send("GET", "/c/1");
        client.send("GET", "/c/1");
        client.send("GET", "/c/2");
        client.shutdown_send();
        auto upstream = stage.asked("GET /c/2");
        upstream.send(good_answer);
        CHECK(client.receive().body.size() == 100);
        CHECK(client.receive().body.size() == 100);
        CHECK(client.receive().body == "good");
    }
    SUBCASE("a write") {
        client.send("PATCH", "/c/1", {}, "{}");
        client.shutdown_send();
        auto upstream = stage.backend.accept();
        upstream.read_head();
        upstream.send(good_answer);
        CHECK(client.receive().body == "good");
    }
    CHECK(client.receive_until_closed() == "");
}

TEST_CASE("connections that come and go, at every point of a request") {
    wire stage({.workers = 2});
    fill_first(stage, 20'000);
    auto const files = open_files(stage);
    auto const before = resident(stage);
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        http_client(stage.proxy.port()).connect();
        http_client half(stage.proxy.port());
        half.send_raw("GET /c/1 HTT");
        half.abort();
        http_client asked(stage.proxy.port());
        asked.send("GET", "/c/1");
        asked.abort();
        http_client answered(stage.proxy.port());
        CHECK(answered.get("/c/1").body.size() == 20'000);
        http_client cut(stage.proxy.port());
        cut.send("GET", "/c/1");
        cut.receive_some();
        cut.close();
    }
    CHECK(lets_go(stage, files));
    auto const grown = std::max(resident(stage), before) - before;
    MESSAGE("grown by " << grown / 1024 << " KiB over 1500 connections");
    CHECK((!measures_memory || grown < (8U << 20)));
    CHECK(holds(stage.proxy.get("/c/1")["Cache-Status"], "; hit;"));
}

TEST_CASE("a client that asks and asks and never reads") {
    wire stage({.more = "limits: {write_timeout: 1s}\n"});
    fill_first(stage, 50'000);
    auto const files = open_files(stage);
    auto const before = resident(stage);
    std::string requests;
    for (int i = 0; i < 1'000; ++i) {
        requests += get("/c/1");
    }
    auto const socket = reluctant(stage);
    auto const asked = pour(socket, requests);
    auto const grown = std::max(resident(stage), before) - before;
    MESSAGE((asked / get("/c/1").size())
            << " requests without an answer read cost " << grown / 1024 << " KiB");
    CHECK((!measures_memory || grown < (4U << 20)));
    CHECK(stage.proxy.get("/c/1").status == 200);
    CHECK(lets_go(stage, files));
}

TEST_CASE("no file descriptors left: no busy loop, and it recovers by itself") {
    wire stage;
    fill_first(stage, 100);
    http_client early(stage.proxy.port());
    CHECK(early.get("/c/1").status == 200);
    auto const files = open_files(stage);
    // Only the soft limit: the hard one could not be raised again.
    rlimit old{};
    REQUIRE(::prlimit(stage.proxy.server().pid(), RLIMIT_NOFILE, nullptr, &old) == 0);
    rlimit const few{files + 5, old.rlim_max};
    REQUIRE(::prlimit(stage.proxy.server().pid(), RLIMIT_NOFILE, &few, nullptr) == 0);
    std::deque<http_client> clients;
    for (int i = 0; i < 30; ++i) {
        clients.emplace_back(stage.proxy.port()).send("GET", "/c/1");
    }
    int served = 0;
    CHECK(eventually([&] {
        served = static_cast<int>(
            std::count_if(clients.begin(), clients.end(), [](auto& c) { return c.readable(0ms); }));
        return served >= 4;
    }));
    CHECK(served < 30);
    // Who is connected goes on.
    CHECK(early.get("/c/1").status == 200);
    auto const cpu = stage.proxy.server().cpu_time();
    auto const began = steady::now();
    CHECK_FALSE(clients.back().readable(1s));
    auto const spent = stage.proxy.server().cpu_time() - cpu;
    CHECK(spent < (steady::now() - began) / 4);
    SUBCASE("when others leave, the next ones are served") {
        for (auto& c : clients) {
            CHECK(c.receive().status == 200);
            c.close();
        }
    }
    SUBCASE("when more are allowed") {
        REQUIRE(::prlimit(stage.proxy.server().pid(), RLIMIT_NOFILE, &old, nullptr) == 0);
        for (auto& c : clients) {
            CHECK(c.receive().status == 200);
        }
    }
    clients.clear();
    http_client next(stage.proxy.port());
    next.send("GET", "/p/1");
    auto upstream = stage.asked("GET /p/1");
    upstream.send(good_answer);
    CHECK(next.receive().body == "good");
}

TEST_CASE("few descriptors: clients wait for each other, and the backend is reached all the same") {
    temp_dir folder;
    auto const script =
        folder.write("few", "#!/bin/sh\nulimit -n 128\nexec " + sidecache_program() + " \"$@\"\n");
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    wire stage({.program = script});
    CHECK(
        eventually([&] { return holds(stage.proxy.server().output(), "\"served_at_once\":96"); }));
    fill_first(stage, 100);
    std::deque<http_client> clients;
    for (int i = 0; i < 120; ++i) {
        clients.emplace_back(stage.proxy.port()).send("GET", "/c/1");
    }
    auto const served = [&] {
        return std::count_if(
            clients.begin(), clients.end(), [](auto& c) { return c.readable(0ms); });
    };
    CHECK(eventually([&] { return served() == 96; }));
    CHECK_FALSE(clients.back().readable(300ms));
    CHECK(clients.front().receive().status == 200);
    clients.front().send("GET", "/p/1");
    auto upstream = stage.asked("GET /p/1");
    upstream.send(good_answer);
    CHECK(clients.front().receive().body == "good");
    while (!clients.empty()) {
        CHECK((clients.size() == 120 || clients.front().receive().status == 200));
        clients.pop_front();
    }
}
