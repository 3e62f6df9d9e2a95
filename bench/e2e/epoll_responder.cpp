// The yardstick: what answering a request costs when nothing is decided. One thread, one epoll, a
// canned answer for whatever ends in an empty line; no parsing, no allocation.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string canned(std::size_t body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body) + "\r\n\r\n" + std::string(body, 'x');
}

int listen_on_loopback() {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&a), size) != 0 ||
        ::listen(fd, 512) != 0 || ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) != 0) {
        std::perror("listen");
        std::exit(1);
    }
    std::printf("listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
    std::fflush(stdout);
    return fd;
}

void watch(int epoll, int fd) {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.fd = fd;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

/// Requests of a load generator come whole: one read, one answer for each empty line in it.
bool answer(int fd, std::string_view response) {
    std::array<char, 16384>
        buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read fills it
    auto const n = ::read(fd, buffer.data(), buffer.size());
    if (n <= 0) {
        return false;
    }
    std::string_view got(buffer.data(), static_cast<std::size_t>(n));
    for (auto end = got.find("\r\n\r\n"); end != std::string_view::npos;
         end = got.find("\r\n\r\n")) {
        if (::write(fd, response.data(), response.size()) < 0) {
            return false;
        }
        got.remove_prefix(end + 4);
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    auto const response = canned(argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 1500);
    int const listener = listen_on_loopback();
    int const epoll = ::epoll_create1(0);
    watch(epoll, listener);
    std::array<epoll_event, 128> events{};
    for (;;) {
        int const n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < n; ++i) {
            int const fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd != listener) {
                if (!answer(fd, response)) {
                    ::close(fd);
                }
                continue;
            }
            int const client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
            int const on = 1;
            ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            if (client >= 0) {
                watch(epoll, client);
            }
        }
    }
}
