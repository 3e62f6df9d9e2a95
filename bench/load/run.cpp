#include "bench/load/run.hpp"

#include "bench/load/connection.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>

namespace load {
namespace {

double cpu_seconds() {
    rusage u{};
    ::getrusage(RUSAGE_SELF, &u);
    auto const of = [](timeval const& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return of(u.ru_utime) + of(u.ru_stime);
}

/// Connections and the epoll that watches them.
class crowd {
public:
    crowd(std::vector<std::uint16_t> const& ports, std::size_t count)
        : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        for (std::size_t i = 0; i < count; ++i) {
            all_.push_back(std::make_unique<connection>(ports[i % ports.size()]));
            watch(i);
        }
    }
    ~crowd() { ::close(epoll_); }
    crowd(crowd const&) = delete;
    crowd& operator=(crowd const&) = delete;

    std::size_t size() const { return all_.size(); }
    connection& operator[](std::size_t i) { return *all_[i]; }
    void renew(std::size_t i, std::uint16_t port) {
        all_[i] = std::make_unique<connection>(port);
        watch(i);
    }
    /// Those with news. Waits at most `nanoseconds`.
    template <class Each>
    void wait(std::int64_t nanoseconds, Each each) {
        timespec const limit{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
        std::array<epoll_event, 128> events{};
        int const n =
            ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
        for (int i = 0; i < n; ++i) {
            each(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64));
        }
    }

private:
    void watch(std::size_t i) {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.u64 = i;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, all_[i]->descriptor(), &e);
    }

    int epoll_;
    std::vector<std::unique_ptr<connection>> all_;
};

bool is_success(int status) {
    return status >= 200 && status < 300;
}

}  // namespace

figures run(run_options const& o, requests& what) {
    figures out;
    crowd all(o.ports, o.connections);
    auto const cpu0 = cpu_seconds();
    auto const begin = now();
    auto const end = begin + static_cast<std::int64_t>(o.seconds * 1e9);
    auto const step = o.rate > 0 ? 1e9 / o.rate : 0;
    std::uint64_t asked = 0;
    std::deque<std::size_t> idle;

    auto const may_ask = [&] { return o.most == 0 || asked < o.most; };
    auto const ask = [&](std::size_t i, std::int64_t due) {
        all[i].send(what.next(), due);
        ++asked;
    };
    // At a rate: whatever is due goes out while there are connections to send it on.
    auto const send_due = [&](std::int64_t at) {
        while (!idle.empty() && may_ask()) {
            auto const due = begin + static_cast<std::int64_t>(static_cast<double>(asked) * step);
            if (due > at) {
                return due - at;
            }
            ask(idle.front(), due);
            idle.pop_front();
        }
        return std::int64_t{10'000'000};
    };
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (step > 0) {
            idle.push_back(i);
        } else if (may_ask()) {
            ask(i, now());
        }
    }
    auto at = now();
    while (at < end && (o.most == 0 || out.answered + out.errors < o.most)) {
        auto const rest = step > 0 ? send_due(at) : std::int64_t{10'000'000};
        all.wait(std::min(rest, end - at), [&](std::size_t i) {
            auto const progress = all[i].receive();
            if (progress == connection::progress::waiting) {
                return;
            }
            auto const answered = now();
            if (progress == connection::progress::broken || !is_success(all[i].status())) {
                ++out.errors;
            } else {
                ++out.answered;
                out.took.add(answered - all[i].due());
            }
            if (progress == connection::progress::broken) {
                all.renew(i, o.ports[i % o.ports.size()]);
            }
            if (step > 0) {
                idle.push_back(i);
            } else if (may_ask()) {
                ask(i, answered);
            }
        });
        at = now();
    }
    out.seconds = static_cast<double>(at - begin) / 1e9;
    out.busy = (cpu_seconds() - cpu0) / out.seconds;
    return out;
}

stampede_figures stampede(stampede_options const& o, requests& what) {
    stampede_figures out;
    crowd all(o.ports, o.connections);
    std::vector<std::int64_t> answered(o.connections);
    for (std::size_t round = 0; round < o.rounds; ++round) {
        std::ranges::fill(answered, 0);
        auto const request = what.next();
        for (std::size_t i = 0; i < all.size(); ++i) {
            all[i].send(request, now());
        }
        auto const limit = now() + 10'000'000'000;
        for (std::size_t left = all.size(); left > 0;) {
            if (now() > limit) {
                std::fputs("a stampede was not answered within 10 s\n", stderr);
                std::exit(3);
            }
            all.wait(100'000'000, [&](std::size_t i) {
                auto const progress = all[i].receive();
                if (progress == connection::progress::waiting) {
                    return;
                }
                answered[i] = now();
                --left;
                if (progress == connection::progress::broken || !is_success(all[i].status())) {
                    ++out.errors;
                }
                if (progress == connection::progress::broken) {
                    all.renew(i, o.ports[i % o.ports.size()]);
                }
            });
        }
        auto const first = std::ranges::min_element(answered);
        auto const server = static_cast<std::size_t>(first - answered.begin()) % o.ports.size();
        for (std::size_t i = 0; i < answered.size(); ++i) {
            auto& which = i % o.ports.size() == server ? out.same : out.other;
            which.add(answered[i] - *first);
        }
    }
    return out;
}

}  // namespace load
