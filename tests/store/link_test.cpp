#include "proxy/store/link.hpp"

#include "proxy/store/resp_writer.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace sidecache;
using namespace sidecache::store;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

/// A link whose server is the test.
struct wire {
    asio::io_context io{1};
    int peer = -1;
    std::shared_ptr<sidecache::store::link> on;
    bool closed = false;
    std::vector<std::string> ended;  // outcomes in the order in which callers got them

    wire() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        peer = ends[1];
        stream_socket socket(io.get_executor());
        socket.assign(asio::generic::stream_protocol(AF_UNIX, 0), ends[0]);
        on = std::make_shared<sidecache::store::link>(stream(std::move(socket)), 50ms);
        on->start([this] { closed = true; });
    }
    ~wire() {
        on->close();
        io.restart();
        io.run();
        if (peer >= 0) {
            ::close(peer);
        }
    }

    static task<void> ask_one(wire& w, std::string word, std::chrono::milliseconds patience) {
        append_command(w.on->commands(), std::string_view(word));
        auto const until = std::chrono::steady_clock::now() + patience;
        auto [error, replies] = co_await w.on->ask(1, until);
        w.ended.push_back(word + "=" +
                          (error == store_error::ok ? std::string(replies[0].text())
                                                    : make_error_code(error).message()));
    }
    void ask(std::string word, std::chrono::milliseconds patience = 10s) {
        auto const failed = [](std::exception_ptr e) { CHECK(e == nullptr); };
        asio::co_spawn(io, ask_one(*this, std::move(word), patience), failed);
    }
    /// Everything that can be done without waiting.
    void settle() {
        io.restart();
        io.poll();
    }
    std::string received() {
        char bytes[4096];
        auto const n = ::recv(peer, bytes, sizeof bytes, MSG_DONTWAIT);
        return n > 0 ? std::string(bytes, static_cast<std::size_t>(n)) : std::string();
    }
    void reply(std::string_view bytes) {
        REQUIRE(::send(peer, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    }
    template <class Condition>
    void run_until(Condition const& condition) {
        io.restart();
        auto const until = std::chrono::steady_clock::now() + 10s;
        while (!condition()) {
            REQUIRE(std::chrono::steady_clock::now() < until);
            io.run_one_for(10ms);
        }
    }
};

}  // namespace

TEST_CASE("commands of one turn of the loop go out in one write") {
    wire w;
    w.ask("A");
    w.ask("B");
    w.ask("C");
    w.settle();
    CHECK(w.received() == "*1\r\n$1\r\nA\r\n*1\r\n$1\r\nB\r\n*1\r\n$1\r\nC\r\n");
    w.reply("+a\r\n+b\r\n+c\r\n");
    w.run_until([&] { return w.ended.size() == 3; });
    CHECK(w.ended == std::vector<std::string>{"A=a", "B=b", "C=c"});
}

TEST_CASE("a deadline ends its caller only; its late reply goes to nobody") {
    wire w;
    w.ask("slow", 5ms);
    w.ask("patient");
    w.run_until([&] { return w.ended.size() == 1; });
    CHECK(w.ended[0] == "slow=the store did not reply in time");
    w.reply("+late\r\n+mine\r\n");
    w.run_until([&] { return w.ended.size() == 2; });
    CHECK(w.ended[1] == "patient=mine");
    CHECK(w.on->is_open());
}

TEST_CASE("an earlier deadline is kept although a later one was there first") {
    wire w;
    w.ask("patient", 10s);
    w.settle();
    w.ask("hasty", 5ms);
    w.run_until([&] { return !w.ended.empty(); });
    CHECK(w.ended[0].starts_with("hasty="));
}

TEST_CASE("when the connection ends, so does everybody's wait") {
    wire w;
    w.ask("A");
    w.ask("B");
    w.settle();
    SUBCASE("the server closes it") {
        ::close(w.peer);
        w.peer = -1;
    }
    SUBCASE("the server talks nonsense") {
        w.reply("nonsense\r\n");
    }
    SUBCASE("the server says what nobody has asked") {
        w.reply("+a\r\n+b\r\n+c\r\n");
    }
    SUBCASE("we close it") {
        w.on->close();
    }
    w.run_until([&] { return w.ended.size() == 2 && w.closed; });
    CHECK_FALSE(w.on->is_open());
    // And whoever asks now is told at once.
    w.ask("late");
    w.run_until([&] { return w.ended.size() == 3; });
    CHECK(w.ended[2] == "late=no connection to the store");
}

TEST_CASE("a server silent beyond its patience loses the connection") {
    wire w;
    w.ask("A", 5ms);
    w.run_until([&] { return w.closed; });
    CHECK(w.ended == std::vector<std::string>{"A=the store did not reply in time"});
}

TEST_CASE("whoever is resumed may ask again at once") {
    wire w;
    auto const twice = [](wire& on) -> task<void> {
        co_await wire::ask_one(on, "first", 10s);
        co_await wire::ask_one(on, "second", 10s);
    };
    auto const failed = [](std::exception_ptr e) { CHECK(e == nullptr); };
    asio::co_spawn(w.io, twice(w), failed);
    w.settle();
    w.reply("+1\r\n");
    w.run_until([&] { return w.ended.size() == 1; });
    w.settle();
    w.reply("+2\r\n");
    w.run_until([&] { return w.ended.size() == 2; });
    CHECK(w.ended == std::vector<std::string>{"first=1", "second=2"});
}
