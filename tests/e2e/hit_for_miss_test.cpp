// What has lately proved to be for its own client only is not waited for: not in the process, and
// not behind a lock. The backend here is the test, one connection after the other.
#include "tests/support/http_client.hpp"
#include "tests/support/sidecache_process.hpp"
#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

using namespace sidecache::tests;

namespace {

using std::chrono::seconds;

bool says(http_response const& r, std::string_view part) {
    return r["Cache-Status"].find(part) != std::string::npos;
}

/// A request that has arrived; its connection is good for this one answer.
class arrived {
public:
    explicit arrived(file_descriptor const& listener) {
        if (!wait_readable(listener, seconds(20))) {
            throw std::runtime_error("no further request has come: they wait for each other");
        }
        socket_ = file_descriptor(::accept4(listener.value(), nullptr, nullptr, SOCK_CLOEXEC));
        std::string head;
        while (head.find("\r\n\r\n") == std::string::npos) {
            std::array<char, 4096> piece{};
            auto const n = ::recv(socket_.value(), piece.data(), piece.size(), 0);
            if (n <= 0) {
                throw std::runtime_error("no request");
            }
            head.append(piece.data(), static_cast<std::size_t>(n));
        }
    }
    void answer(std::string const& fields) const {
        send_all(
            socket_,
            "HTTP/1.1 200 OK\r\nConnection: close\r\n" + fields + "Content-Length: 2\r\n\r\nok");
    }

private:
    file_descriptor socket_;
};

}  // namespace

TEST_CASE("hit-for-miss: requests for what proved uncacheable reach the backend side by side") {
    auto const listener = listen_on(0);
    std::string const rules =
        "rules:\n"
        "  - {name: timed, match: \"GET /timed/{id}\", key: \"timed:{id}\", ttl: 1m, ttl_only: "
        "true}\n"
        "  - {name: locked, match: \"GET /locked/{id}\", key: \"locked:{id}\", ttl: 1m, ttl_only: "
        "true, lock: {key: \"locked:{id}:lock\", ttl: 30s, wait: 30s}}\n"
        "  - {name: rest, match: \"GET /{path*}\", ttl: origin}\n";
    sidecache_process const proxy(
        "listen: 127.0.0.1:0\nworkers: 1\nadmin: {listen: \"127.0.0.1:0\"}\n"
        "store: {url: \"memory://\"}\nupstream: {url: \"http://127.0.0.1:" +
        std::to_string(local_port(listener)) + "\"}\n" + rules);

    for (std::string const target : {"/timed/1", "/locked/1", "/rest/1"}) {
        CAPTURE(target);
        http_client first(proxy.port());
        first.send("GET", target);
        arrived(listener).answer("Cache-Control: no-store\r\n");
        CHECK(says(first.receive(), "detail=no_store"));

        // None is answered before all of them are here.
        std::vector<http_client> crowd;
        std::vector<arrived> here;
        for (int i = 0; i < 4; ++i) {
            crowd.emplace_back(proxy.port());
        }
        for (auto& c : crowd) {
            c.send("GET", target);
            here.emplace_back(listener);
        }
        for (auto const& each : here) {
            each.answer("Cache-Control: no-store\r\n");
        }
        for (auto& c : crowd) {
            auto const answer = c.receive();
            CHECK(answer.body == "ok");
            CHECK(says(answer, "detail=unstorable"));
        }
    }
}

TEST_CASE("those who wait for a response that turns out uncacheable go on side by side") {
    auto const listener = listen_on(0);
    sidecache_process const proxy(
        "listen: 127.0.0.1:0\nworkers: 1\nadmin: {listen: \"127.0.0.1:0\"}\n"
        "store: {url: \"memory://\"}\nupstream: {url: \"http://127.0.0.1:" +
        std::to_string(local_port(listener)) +
        "\"}\nrules:\n  - {name: rest, match: \"GET /{path*}\", ttl: origin}\n");
    http_client first(proxy.port());
    first.send("GET", "/a");
    arrived const filler(listener);
    std::vector<http_client> crowd;
    for (int i = 0; i < 4; ++i) {
        crowd.emplace_back(proxy.port());
        crowd.back().send("GET", "/a");
    }
    fetch(proxy.admin_port(), "GET", "/livez");  // its one worker has seen them all
    filler.answer("Cache-Control: private\r\n");
    CHECK(says(first.receive(), "detail=private"));
    std::vector<arrived> here;
    for (std::size_t i = 0; i < crowd.size(); ++i) {
        here.emplace_back(listener);
    }
    for (auto const& each : here) {
        each.answer("Cache-Control: private\r\n");
    }
    for (auto& c : crowd) {
        CHECK(c.receive().body == "ok");
    }
}
