// The yardstick, and the backend behind every cache: what answering a request costs when nothing is
// decided. One thread, one epoll, canned answers for whatever ends in an empty line; no parsing but
// of a path's first letter, no allocation.
//
//   /lists/...    a body of 32 KiB
//   /slow/...     after 20 ms
//   /nostore/...  with Cache-Control: no-store
//   any other     a body of 1500 bytes, or as many as the first argument says
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>

namespace {

using clock_type = std::chrono::steady_clock;

std::string canned(std::size_t body, std::string_view cache_control) {
    // Some peers store nothing without a validator or a date of its own.
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: " +
           std::string(cache_control) +
           "\r\nLast-Modified: Mon, 02 Nov 2026 08:00:00 GMT\r\nContent-Length: " +
           std::to_string(body) + "\r\n\r\n" + std::string(body, 'x');
}

struct answers {
    std::string plain;
    std::string list = canned(32U << 10U, "max-age=3600");
    std::string uncacheable = canned(1500, "no-store");

    explicit answers(std::size_t size) : plain(canned(size, "max-age=3600")) {}

    std::string const& to(char first_of_path) const {
        switch (first_of_path) {
            case 'l':
                return list;
            case 'n':
                return uncacheable;
            default:
                return plain;
        }
    }
};

/// Answers that are to be given later, in order: each waits equally long.
class later {
public:
    void add(int fd) { waiting_.push_back({fd, clock_type::now() + delay}); }
    int timeout() const {
        if (waiting_.empty()) {
            return -1;
        }
        auto const rest = waiting_.front().due - clock_type::now();
        auto const whole = std::chrono::ceil<std::chrono::milliseconds>(rest).count();
        return whole > 0 ? static_cast<int>(whole) : 0;
    }
    void give(std::string const& answer) {
        while (!waiting_.empty() && waiting_.front().due <= clock_type::now()) {
            [[maybe_unused]] auto const n =
                ::send(waiting_.front().fd, answer.data(), answer.size(), MSG_NOSIGNAL);
            waiting_.pop_front();
        }
    }

private:
    static constexpr std::chrono::milliseconds delay{20};
    struct one {
        int fd;
        clock_type::time_point due;
    };
    std::deque<one> waiting_;
};

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

/// Requests come whole, and a write's content within its own segment: one read, one answer for each
/// empty line in it.
bool answer(int fd, answers const& all, later& slow) {
    std::array<char, 16384>
        buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read fills it
    auto const n = ::read(fd, buffer.data(), buffer.size());
    if (n <= 0) {
        return false;
    }
    std::string_view got(buffer.data(), static_cast<std::size_t>(n));
    for (auto end = got.find("\r\n\r\n"); end != std::string_view::npos;
         end = got.find("\r\n\r\n")) {
        auto const path = got.find('/');
        auto const first = path < end ? got[path + 1] : ' ';
        if (first == 's') {
            slow.add(fd);
        } else {
            auto const& bytes = all.to(first);
            for (std::size_t sent = 0; sent < bytes.size();) {
                auto const k = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
                if (k < 0) {
                    return false;
                }
                sent += static_cast<std::size_t>(k);
            }
        }
        got.remove_prefix(end + 4);
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    answers const all(argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 1500);
    later slow;
    int const listener = listen_on_loopback();
    int const epoll = ::epoll_create1(0);
    watch(epoll, listener);
    std::array<epoll_event, 128> events{};
    for (;;) {
        int const n =
            ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), slow.timeout());
        slow.give(all.plain);
        for (int i = 0; i < n; ++i) {
            int const fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd != listener) {
                if (!answer(fd, all, slow)) {
                    ::close(fd);
                }
                continue;
            }
            // Blocking: what is sent is sent whole. Only what is readable is read.
            int const client = ::accept4(listener, nullptr, nullptr, 0);
            int const on = 1;
            ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            if (client >= 0) {
                watch(epoll, client);
            }
        }
    }
}
