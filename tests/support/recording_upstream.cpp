#include "tests/support/recording_upstream.hpp"

#include "tests/support/sockets.hpp"
#include "tests/support/strict_request.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace sidecache::tests {

recording_upstream::recording_upstream(answerer answer)
    : listener_(listen_on(0)), port_(local_port(listener_)), answer_(std::move(answer)) {
    if (!answer_) {
        answer_ = [](std::string_view method, std::string_view) {
            std::string const head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
            return method == "HEAD" ? head : head + "ok";
        };
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("pipe2");
    }
    wake_read_ = file_descriptor(ends[0]);
    wake_write_ = file_descriptor(ends[1]);
    thread_ = std::thread([this] { run(); });
}

recording_upstream::~recording_upstream() {
    wake_write_.close();
    thread_.join();
}

std::vector<std::string> recording_upstream::take() {
    std::lock_guard const lock(mutex_);
    return std::exchange(requests_, {});
}

std::vector<std::string> recording_upstream::leftovers() {
    std::lock_guard const lock(mutex_);
    auto out = std::exchange(ended_, {});
    for (auto const& c : open_) {
        if (!c.held.empty()) {
            out.push_back(c.held);
        }
    }
    return out;
}

void recording_upstream::run() {
    for (;;) {
        std::vector<pollfd> fds{{wake_read_.value(), POLLIN, 0}, {listener_.value(), POLLIN, 0}};
        for (auto const& c : open_) {  // only this thread changes it
            fds.push_back({c.socket.value(), POLLIN, 0});
        }
        if (::poll(fds.data(), fds.size(), -1) < 0) {
            continue;
        }
        if (fds[0].revents != 0) {
            return;
        }
        std::lock_guard const lock(mutex_);
        for (std::size_t i = 2; i < fds.size(); ++i) {
            if (fds[i].revents != 0) {
                read(open_[i - 2]);
            }
        }
        std::erase_if(open_, [](connection const& c) { return !c.socket; });
        if (fds[1].revents != 0) {
            open_.push_back(
                {file_descriptor(::accept4(listener_.value(), nullptr, nullptr, SOCK_CLOEXEC)),
                 {}});
        }
    }
}

void recording_upstream::read(connection& from) {
    std::array<char, 65'536> piece{};
    auto const count = ::recv(from.socket.value(), piece.data(), piece.size(), 0);
    if (count <= 0) {
        if (!from.held.empty()) {
            ended_.push_back(std::move(from.held));
        }
        from.socket.close();
        return;
    }
    from.held.append(piece.data(), static_cast<std::size_t>(count));
    for (auto next = read_strictly(from.held); next.what == strict_request::verdict::complete;
         next = read_strictly(from.held)) {
        requests_.push_back(from.held.substr(0, next.size));
        from.held.erase(0, next.size);
        auto const bytes = answer_(next.method, next.target);
        if (bytes.empty() ||
            ::send(from.socket.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
            from.socket.close();
            return;
        }
    }
}

}  // namespace sidecache::tests
