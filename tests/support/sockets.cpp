#include "tests/support/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace sidecache::tests {
namespace {

[[noreturn]] void fail(char const* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    return a;
}

file_descriptor make_socket() {
    file_descriptor s(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!s) {
        fail("socket");
    }
    return s;
}

bool try_connect(file_descriptor const& s, std::uint16_t port) {
    auto const a = loopback(port);
    if (::connect(s.value(), reinterpret_cast<sockaddr const*>(&a), sizeof a) != 0) {
        return false;
    }
    int const on = 1;
    ::setsockopt(s.value(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

}  // namespace

std::uint16_t free_port() {
    return local_port(listen_on(0));
}

file_descriptor listen_on(std::uint16_t port, int backlog) {
    auto s = make_socket();
    int const on = 1;
    ::setsockopt(s.value(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    auto const a = loopback(port);
    if (::bind(s.value(), reinterpret_cast<sockaddr const*>(&a), sizeof a) != 0) {
        fail("bind");
    }
    if (::listen(s.value(), backlog) != 0) {
        fail("listen");
    }
    return s;
}

std::uint16_t local_port(file_descriptor const& socket) {
    sockaddr_in a{};
    socklen_t size = sizeof a;
    if (::getsockname(socket.value(), reinterpret_cast<sockaddr*>(&a), &size) != 0) {
        fail("getsockname");
    }
    return ntohs(a.sin_port);
}

file_descriptor connect_to(std::uint16_t port) {
    auto s = make_socket();
    if (!try_connect(s, port)) {
        fail("connect");
    }
    return s;
}

bool accepts_connections(std::uint16_t port) {
    return try_connect(make_socket(), port);
}

void send_all(file_descriptor const& socket, std::string_view bytes) {
    while (!bytes.empty()) {
        auto const n = ::send(socket.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            fail("send");
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

bool wait_readable(file_descriptor const& socket, std::chrono::milliseconds patience) {
    pollfd fd{socket.value(), POLLIN, 0};
    for (;;) {
        int const n = ::poll(&fd, 1, static_cast<int>(patience.count()));
        if (n >= 0) {
            return n > 0;
        }
        if (errno != EINTR) {
            fail("poll");
        }
    }
}

}  // namespace sidecache::tests
