#include "tests/support/tcp_relay.hpp"

#include "tests/support/sockets.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sidecache::tests {
namespace {

using clock = std::chrono::steady_clock;

struct piece {
    clock::time_point due;
    std::string bytes;
};

/// One direction of one connection.
struct lane {
    std::deque<piece> waiting;
    bool source_ended = false;
    bool ended = false;  // FIN has been passed on
};

struct pair_of_sockets {
    file_descriptor client, target;
    lane up, down;
    bool broken = false;
};

void reset_on_close(file_descriptor const& s) {
    linger const now{1, 0};
    ::setsockopt(s.value(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

struct mood {
    std::chrono::milliseconds delay{0};
    bool hold_up = false, hold_down = false, refuse = false;
    unsigned cuts = 0;
};

}  // namespace

struct tcp_relay::impl {
    std::uint16_t target_port = 0;
    file_descriptor listener, wake;
    std::mutex mutex;
    mood wanted;
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> accepted{0}, from_clients{0};
    std::thread thread;

    void nudge() {
        std::uint64_t const one = 1;
        [[maybe_unused]] auto const n = ::write(wake.value(), &one, sizeof one);
    }

    mood current() {
        std::lock_guard const lock(mutex);
        return wanted;
    }

    template <class Change>
    void change(Change const& how) {
        {
            std::lock_guard const lock(mutex);
            how(wanted);
        }
        nudge();
    }

    void run();
    void accept_one(std::list<pair_of_sockets>& pairs, mood const& m);
};

namespace {

/// Takes what `from` has; false when the connection broke.
bool take(file_descriptor const& from,
          lane& into,
          mood const& m,
          std::atomic<std::uint64_t>* count) {
    std::array<char, 65536> buffer{};
    auto const n = ::recv(from.value(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (n == 0) {
        into.source_ended = true;
        return true;
    }
    if (count != nullptr) {
        *count += static_cast<std::uint64_t>(n);
    }
    into.waiting.push_back(
        {clock::now() + m.delay, std::string(buffer.data(), static_cast<std::size_t>(n))});
    return true;
}

/// Delivers what is due; false when the connection broke. `next` is lowered to the next due time.
bool give(file_descriptor const& to,
          lane& from,
          bool held,
          std::optional<clock::time_point>& next) {
    while (!from.waiting.empty() && !held) {
        auto& first = from.waiting.front();
        if (first.due > clock::now()) {
            next = next ? std::min(*next, first.due) : first.due;
            return true;
        }
        auto const n =
            ::send(to.value(), first.bytes.data(), first.bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        first.bytes.erase(0, static_cast<std::size_t>(n));
        if (!first.bytes.empty()) {
            return true;  // poll says when there is room
        }
        from.waiting.pop_front();
    }
    if (from.waiting.empty() && from.source_ended && !from.ended) {
        ::shutdown(to.value(), SHUT_WR);
        from.ended = true;
    }
    return true;
}

bool ready_to_send(lane const& l, bool held) {
    return !held && !l.waiting.empty() && l.waiting.front().due <= clock::now();
}

}  // namespace

void tcp_relay::impl::accept_one(std::list<pair_of_sockets>& pairs, mood const& m) {
    file_descriptor client(::accept4(listener.value(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) {
        return;
    }
    ++accepted;
    reset_on_close(client);
    if (m.refuse) {
        return;
    }
    try {
        auto target = connect_to(target_port);
        reset_on_close(target);
        pairs.push_back({std::move(client), std::move(target), {}, {}, false});
    } catch (std::runtime_error const&) {
        // Nobody listens there: the client meets a reset, as it would without the relay.
        client.close();
    }
}

void tcp_relay::impl::run() {
    std::list<pair_of_sockets> pairs;
    unsigned cuts_done = 0;
    while (!stop) {
        mood m = current();
        if (m.refuse || m.cuts != cuts_done) {
            pairs.clear();
            cuts_done = m.cuts;
        }
        std::optional<clock::time_point> next;
        for (auto& p : pairs) {
            p.broken = !give(p.target, p.up, m.hold_up, next) ||
                       !give(p.client, p.down, m.hold_down, next) || (p.up.ended && p.down.ended);
        }
        pairs.remove_if([](auto const& p) { return p.broken; });

        std::vector<pollfd> fds{{listener.value(), POLLIN, 0}, {wake.value(), POLLIN, 0}};
        for (auto& p : pairs) {
            auto const events = [](lane const& in, lane const& out, bool held) {
                return static_cast<short>((in.source_ended ? 0 : POLLIN) |
                                          (ready_to_send(out, held) ? POLLOUT : 0));
            };
            auto const client = events(p.up, p.down, m.hold_down);
            auto const target = events(p.down, p.up, m.hold_up);
            fds.push_back({client != 0 ? p.client.value() : -1, client, 0});
            fds.push_back({target != 0 ? p.target.value() : -1, target, 0});
        }
        int wait = -1;
        if (next) {
            auto const left =
                std::chrono::ceil<std::chrono::milliseconds>(*next - clock::now()).count();
            wait = static_cast<int>(std::max<std::int64_t>(0, left));
        }
        ::poll(fds.data(), fds.size(), wait);
        m = current();  // what arrived after a change is treated by it
        std::size_t i = 2;
        for (auto& p : pairs) {
            if (fds[i].revents != 0 && !p.up.source_ended) {
                p.broken = !take(p.client, p.up, m, &from_clients);
            }
            if (fds[i + 1].revents != 0 && !p.down.source_ended) {
                p.broken = p.broken || !take(p.target, p.down, m, nullptr);
            }
            i += 2;
        }
        pairs.remove_if([](auto const& p) { return p.broken; });
        if (fds[1].revents != 0) {
            std::uint64_t count = 0;
            [[maybe_unused]] auto const n = ::read(wake.value(), &count, sizeof count);
        }
        if (fds[0].revents != 0) {
            accept_one(pairs, m);
        }
    }
}

tcp_relay::tcp_relay(std::uint16_t target_port) : impl_(std::make_unique<impl>()) {
    impl_->target_port = target_port;
    impl_->listener = listen_on(0);
    impl_->wake = file_descriptor(::eventfd(0, EFD_CLOEXEC));
    impl_->thread = std::thread([state = impl_.get()] { state->run(); });
}

tcp_relay::~tcp_relay() {
    impl_->stop = true;
    impl_->nudge();
    impl_->thread.join();
}

std::uint16_t tcp_relay::port() const {
    return local_port(impl_->listener);
}

void tcp_relay::delay(std::chrono::milliseconds each_way) {
    impl_->change([&](mood& m) { m.delay = each_way; });
}
void tcp_relay::hold_requests(bool on) {
    impl_->change([&](mood& m) { m.hold_up = on; });
}
void tcp_relay::hold_replies(bool on) {
    impl_->change([&](mood& m) { m.hold_down = on; });
}
void tcp_relay::refuse(bool on) {
    impl_->change([&](mood& m) { m.refuse = on; });
}
void tcp_relay::cut() {
    impl_->change([](mood& m) { ++m.cuts; });
}
std::uint64_t tcp_relay::connections() const {
    return impl_->accepted;
}
std::uint64_t tcp_relay::bytes_from_clients() const {
    return impl_->from_clients;
}

}  // namespace sidecache::tests
