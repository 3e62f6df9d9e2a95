// A whole exchange over real sockets: any bytes as an answer, in any pieces, ended by FIN or reset.
//
// What must hold, whatever the upstream sends:
// - the exchange ends as soon as the connection has;
// - what is reported as complete is what the same bytes mean when they are read in one piece;
// - a connection that goes back to the pool has nothing left to say: the next request over the pool
//   gets the answer that was given to it, never a rest of the first one.
#include "proxy/async/scope.hpp"
#include "proxy/http/content_reader.hpp"
#include "proxy/http/response_parser.hpp"
#include "proxy/upstream/http_exchange.hpp"

#include <arpa/inet.h>
#include <boost/asio/io_context.hpp>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

using namespace sidecache;
using namespace std::chrono_literals;

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

constexpr std::size_t max_content = 1 << 20;

struct outcome {
    bool done = false;
    upstream::failure why = upstream::failure::none;
    unsigned status = 0;
    std::string content;
};

task<void> run_exchange(upstream::pool& pool, http::request_head head, outcome& out) {
    auto exchange = pool.open(upstream::repeat::safe, 1h);
    out.why = co_await exchange->send(head, {});
    http::response_head answer;
    while (out.why == upstream::failure::none && answer.status < 200) {
        out.why = co_await exchange->read_head(answer);
    }
    out.status = answer.status;
    std::array<char, 61> piece;
    while (out.why == upstream::failure::none && out.content.size() < max_content) {
        auto const some = co_await exchange->read_body(asio::buffer(piece));
        out.why = some.why;
        if (some.size == 0) {
            break;
        }
        out.content.append(piece.data(), some.size);
    }
    exchange.reset();
    out.done = true;
}

/// What the bytes mean to somebody who has all of them before him.
outcome meaning(std::string_view bytes, bool is_head, bool by_reset) {
    outcome out;
    http::response_parser parser(64 << 10);
    http::response_head head;
    unsigned interims = 0;
    do {
        head.clear();
        auto const step = parser.parse(bytes, head);
        if (step.malformed || !step.complete || head.status == 101 || interims > 32) {
            out.why = upstream::failure::malformed;
            return out;
        }
        bytes.remove_prefix(step.consumed);
        ++interims;
    } while (head.status < 200);
    out.status = head.status;
    bool const none = is_head || head.status == 204 || head.status == 304;
    http::content_reader content;
    content.begin(none ? http::framing::none : head.body, head.content_length);
    std::array<char, 4'096> piece;
    while (!content.complete() && !bytes.empty()) {
        auto const step = content.put(bytes, piece);
        out.content.append(piece.data(), step.produced);
        bytes.remove_prefix(step.consumed);
        if (step.bad != http::content_reader::trouble::none) {
            out.why = upstream::failure::malformed;
            return out;
        }
    }
    bool const complete = content.complete() || (!by_reset && content.end_of_stream());
    out.why = complete ? upstream::failure::none : upstream::failure::truncated;
    return out;
}

/// The upstream's end: nobody's event loop.
class server {
public:
    server() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        require(::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
        require(::listen(listener_, 16) == 0);
        require(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
        port = ntohs(at.sin_port);
    }

    std::uint16_t port = 0;

    int accept() const {
        return ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }

private:
    int listener_;
};

void close_with_reset(int socket) {
    linger const now{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(socket);
}

bool has_request(int socket) {
    std::array<char, 4'096> scratch;
    return ::recv(socket, scratch.data(), scratch.size(), 0) > 0;
}

/// Or refused, by a connection that is gone.
bool all_delivered(int socket) {
    int left = 0;
    pollfd state{socket, 0, 0};
    return ::ioctl(socket, SIOCOUTQ, &left) != 0 || left == 0 || ::poll(&state, 1, 0) > 0;
}

void send_now(int socket, std::string_view bytes) {
    // The other side may have closed; what does not fit is not sent: inputs are small.
    (void)::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size < 3 || size > 60'000) {
        return 0;
    }
    static server const upstream_side;
    bool const is_head = (data[0] & 1U) != 0;
    bool const by_reset = (data[0] & 2U) != 0;
    std::size_t const piece = 1 + data[1] * (1U + (data[2] & 7U));
    std::string_view const bytes(reinterpret_cast<char const*>(data) + 3, size - 3);

    asio::io_context context{1};
    auto const turn = [&] {
        context.restart();
        while (context.poll() != 0) {
        }
    };
    // The kernel usually delivers over loopback at once, but has not promised to.
    auto const until = [&](auto const& condition) {
        auto const limit = std::chrono::steady_clock::now() + 10s;
        for (turn(); !condition(); turn()) {
            require(std::chrono::steady_clock::now() < limit);
        }
    };
    executor const ex = context.get_executor();
    sweeper sweep(ex);
    config::upstream settings;
    settings.address = {"127.0.0.1", upstream_side.port};
    upstream::pool pool(ex, sweep, settings);
    scope running(ex);

    http::request_head request;
    request.method = is_head ? "HEAD" : "GET";
    request.target = "/first";
    request.fields.add("Host", "a");
    outcome first;
    running.spawn("first", run_exchange(pool, request, first));
    int one = -1;
    until([&] { return (one = upstream_side.accept()) >= 0; });
    until([&] { return has_request(one); });
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        send_now(one, bytes.substr(at, piece));
        turn();
    }
    until([&] { return all_delivered(one); });
    bool const was_done = first.done;
    if (!was_done) {
        if (by_reset) {
            close_with_reset(one);
        } else {
            ::shutdown(one, SHUT_WR);
        }
        until([&] { return first.done; });
    }
    auto const expected = meaning(bytes, is_head, by_reset);
    require((first.why == upstream::failure::none) == (expected.why == upstream::failure::none));
    if (first.why == upstream::failure::none) {
        require(first.status == expected.status && first.content == expected.content);
    } else {
        require(pool.idle() == 0);
    }

    request.method = "GET";
    request.target = "/second";
    outcome second;
    running.spawn("second", run_exchange(pool, request, second));
    constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond";
    int two = -1;
    until([&] {
        two = upstream_side.accept();
        return two >= 0 || (was_done && has_request(one));
    });
    if (two >= 0) {
        until([&] { return has_request(two); });
    }
    send_now(two >= 0 ? two : one, answer);
    until([&] { return second.done; });
    require(second.why == upstream::failure::none && second.content == "second");
    if (two >= 0) {
        close_with_reset(two);
    }
    if (was_done || !by_reset) {
        close_with_reset(one);
    }
    pool.abort();
    turn();
    return 0;
}
