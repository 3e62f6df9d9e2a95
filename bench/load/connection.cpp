#include "bench/load/connection.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace load {

std::int64_t now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

connection::connection(std::uint16_t port)
    : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    if (descriptor_ < 0 || ::connect(descriptor_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) {
        std::perror("connect");
        std::exit(3);
    }
    int const on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

connection::~connection() {
    ::close(descriptor_);
}

void connection::send(std::string_view request, std::int64_t due) {
    due_ = due;
    reader_.begin();
    // A request is smaller than any socket's buffer; what fails shows at the next read.
    [[maybe_unused]] auto const sent =
        ::send(descriptor_, request.data(), request.size(), MSG_NOSIGNAL);
}

connection::progress connection::receive() {
    static thread_local std::array<char, 16'384> buffer;
    for (;;) {
        auto const skip = reader_.to_skip();
        // What nobody looks at is not copied either: the generator shall not be the bottleneck.
        auto const n = skip > 0 ? ::recv(descriptor_, nullptr, skip, MSG_TRUNC | MSG_DONTWAIT)
                                : ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return progress::waiting;
        }
        if (n <= 0) {
            return progress::broken;
        }
        if (skip > 0) {
            reader_.skipped(static_cast<std::uint64_t>(n));
        } else {
            reader_.take({buffer.data(), static_cast<std::size_t>(n)});
        }
        if (reader_.now() == response_reader::state::done) {
            return progress::answered;
        }
        if (reader_.now() == response_reader::state::broken) {
            return progress::broken;
        }
    }
}

}  // namespace load
