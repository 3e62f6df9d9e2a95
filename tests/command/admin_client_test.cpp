#include "proxy/command/admin_client.hpp"

#include "tests/support/sockets.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>

/// What goes over the wire to an admin port.
namespace sidecache::command {
namespace {

using tests::file_descriptor;

/// Takes one connection, reads until the request ends with `last`, answers with `reply`, closes.
class one_answer {
public:
    one_answer(std::string last, std::string reply)
        : listener_(tests::listen_on(0)),
          port_(tests::local_port(listener_)),
          thread_(
              [this, last = std::move(last), reply = std::move(reply)] { serve(last, reply); }) {}

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    /// What came, once it has been answered.
    std::string request() {
        thread_.join();
        return request_;
    }

private:
    void serve(std::string const& last, std::string const& reply) {
        if (!tests::wait_readable(listener_, std::chrono::seconds(10))) {
            return;
        }
        file_descriptor const peer(::accept(listener_.value(), nullptr, nullptr));
        std::array<char, 4096> piece{};
        while (!request_.ends_with(last)) {
            auto const n = ::recv(peer.value(), piece.data(), piece.size(), 0);
            if (n <= 0) {
                return;
            }
            request_.append(piece.data(), static_cast<std::size_t>(n));
        }
        tests::send_all(peer, reply);
    }

    file_descriptor listener_;
    std::uint16_t port_;
    std::string request_;
    std::thread thread_;
};

TEST_CASE("a question without a body is a GET, with the token when there is one") {
    one_answer server("\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}\n");
    admin_address where;
    where.url = server.url();
    where.token = "secret";
    auto const got = ask_admin(where, "/stats", "");
    auto const asked = server.request();
    REQUIRE(std::holds_alternative<admin_reply>(got));
    CHECK(std::get<admin_reply>(got).status == 200);
    CHECK(std::get<admin_reply>(got).body == "{}\n");
    CHECK(asked.starts_with("GET /stats HTTP/1.1\r\n"));
    CHECK(asked.find("\r\nAuthorization: Bearer secret\r\n") != std::string::npos);
    CHECK(asked.find("\r\nHost: " + server.url().substr(7) + "\r\n") != std::string::npos);
}

TEST_CASE("a question with a body is a POST of JSON, and a refusal is a reply as well") {
    one_answer server("}",
                      "HTTP/1.1 400 Bad Request\r\nContent-Length: 13\r\n\r\n{\"error\":\"x\"}");
    admin_address where;
    where.url = server.url();
    auto const got = ask_admin(where, "/purge", R"({"pattern":"a"})");
    auto const asked = server.request();
    REQUIRE(std::holds_alternative<admin_reply>(got));
    CHECK(std::get<admin_reply>(got).status == 400);
    CHECK(asked.starts_with("POST /purge HTTP/1.1\r\n"));
    CHECK(asked.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
    CHECK(asked.find("\r\nContent-Length: 15\r\n") != std::string::npos);
    CHECK(asked.find("Authorization") == std::string::npos);
    CHECK(asked.ends_with("\r\n\r\n{\"pattern\":\"a\"}"));
}

TEST_CASE("who does not answer, or not in HTTP, is named") {
    admin_address where;
    where.url = "http://127.0.0.1:" + std::to_string(tests::free_port());
    auto const nobody = ask_admin(where, "/stats", "");
    REQUIRE(std::holds_alternative<std::string>(nobody));
    CHECK(std::get<std::string>(nobody) ==
          "no answer from the admin port at " + where.url +
              ": Connection refused; is sidecache running there? --admin URL names another one");

    one_answer server("\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n");
    where.url = server.url();
    auto const other = ask_admin(where, "/stats", "");
    server.request();
    REQUIRE(std::holds_alternative<std::string>(other));
    CHECK(
        std::get<std::string>(other).starts_with("no answer from the admin port at " + where.url));
}

TEST_CASE("an address or a token that cannot be sent is refused before anything is") {
    admin_address where;
    where.url = "127.0.0.1:9090";
    CHECK(std::get<std::string>(ask_admin(where, "/stats", "")) ==
          "127.0.0.1:9090 is not the URL of an admin port: write http://HOST:PORT");
    where = {};
    where.token = "a\r\nX-Evil: 1";
    CHECK(std::get<std::string>(ask_admin(where, "/stats", "")) ==
          "the token holds control characters");
}

}  // namespace
}  // namespace sidecache::command
