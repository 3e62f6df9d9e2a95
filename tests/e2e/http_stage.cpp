#include "tests/e2e/http_stage.hpp"

#include "proxy/async/scope.hpp"
#include "proxy/http/listener.hpp"
#include "proxy/upstream/pool.hpp"
#include "tests/support/sockets.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <sys/socket.h>

#include <condition_variable>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

namespace sidecache::tests {

namespace {

constexpr std::chrono::seconds patience{15};

}  // namespace

std::string upstream_connection::read_some() {
    if (!buffer_.empty()) {
        return std::exchange(buffer_, {});
    }
    if (!wait_readable(socket_, patience)) {
        throw std::runtime_error("the proxy sends nothing");
    }
    std::string piece(64 << 10, '\0');
    auto const count = ::recv(socket_.value(), piece.data(), piece.size(), 0);
    piece.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return piece;
}

std::string upstream_connection::read_until(std::string_view end) {
    std::string held;
    for (;;) {
        auto const at = held.find(end);
        if (at != std::string::npos) {
            buffer_ = held.substr(at + end.size());
            held.resize(at + end.size());
            return held;
        }
        auto const some = read_some();
        if (some.empty()) {
            throw std::runtime_error("the proxy closed behind: " + held);
        }
        held += some;
    }
}

std::string upstream_connection::read(std::size_t size) {
    std::string held;
    while (held.size() < size) {
        auto const some = read_some();
        if (some.empty()) {
            throw std::runtime_error("the proxy closed behind: " + held);
        }
        held += some;
    }
    buffer_ = held.substr(size);
    held.resize(size);
    return held;
}

void upstream_connection::send(std::string_view bytes) {
    send_all(socket_, bytes);
}

void upstream_connection::shutdown_send() {
    ::shutdown(socket_.value(), SHUT_WR);
}

void upstream_connection::abort() {
    linger const now{1, 0};
    ::setsockopt(socket_.value(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.close();
}

bool upstream_connection::readable(std::chrono::milliseconds for_so_long) const {
    return !buffer_.empty() || wait_readable(socket_, for_so_long);
}

raw_upstream::raw_upstream() : listener_(tests::listen_on(0)), port_(local_port(listener_)) {}

upstream_connection raw_upstream::accept() {
    if (!connecting(patience)) {
        throw std::runtime_error("the proxy does not connect");
    }
    return upstream_connection(file_descriptor(::accept(listener_.value(), nullptr, nullptr)));
}

bool raw_upstream::connecting(std::chrono::milliseconds for_so_long) const {
    return wait_readable(listener_, for_so_long);
}

struct http_proxy::parts final : http::handler {
    explicit parts(proxy_options chosen)
        : options(std::move(chosen)),
          ex(context.get_executor()),
          keep_running(asio::make_work_guard(context)),
          sweep(ex),
          housekeeping(ex),
          pool(ex, sweep, options.upstream) {
        auto made = http::listen_on(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0), true);
        port = made.value().local_endpoint().port();
        http::session_context const sessions{ex, sweep, options.limits, *this};
        clients.emplace(std::move(*made), sessions, connections);
        sweep.on_tick = [this] {
            pool.tick();
            clients->tick();
        };
        housekeeping.spawn("sweeper", sweep.run());
        clients->sessions().spawn("listener", clients->run());
        thread = std::thread([this] { context.run(); });
    }

    task<void> handle(http::downstream& client) override {
        if (options.handler) {
            co_await options.handler(client);
            co_return;
        }
        std::vector<rules::field> extra;
        for (auto const& [name, value] : options.extra) {
            extra.push_back({name, value});
        }
        upstream::pass_options how;
        how.deadline = options.upstream.timeout;
        how.how = options.how;
        how.extra = extra;
        how.fallback_host = "fallback";
        auto const outcome = co_await upstream::pass(client, pool, how);
        std::lock_guard const lock(mutex);
        outcomes.push_back(outcome);
        changed.notify_all();
    }

    bool answer_known(http::downstream& client, std::string_view head) override {
        return options.known && options.known(client, head);
    }

    task<void> join_all() {
        co_await clients->join();
        std::lock_guard const lock(mutex);
        is_joined = true;
        changed.notify_all();
    }

    task<void> end() {
        pool.abort();
        co_await clients->join();
        co_await pool.join();
        sweep.stop();
        keep_running.reset();
    }

    proxy_options options;
    asio::io_context context{1};
    executor ex;
    asio::executor_work_guard<executor> keep_running;
    sweeper sweep;
    scope housekeeping;
    upstream::pool pool;
    std::atomic<std::size_t> connections{0};
    std::optional<http::listener> clients;
    std::uint16_t port = 0;
    std::thread thread;

    std::mutex mutex;
    std::condition_variable changed;
    std::vector<upstream::pass_outcome> outcomes;  // under mutex
    bool is_joined = false;                        // under mutex
};

http_proxy::http_proxy(std::uint16_t upstream_port, proxy_options options) {
    options.upstream.address = {"127.0.0.1", upstream_port};
    parts_ = std::make_unique<parts>(std::move(options));
    port_ = parts_->port;
}

http_proxy::~http_proxy() {
    asio::post(parts_->context, [p = parts_.get()] {
        p->clients->drain();
        p->clients->abort();
        p->housekeeping.spawn("end", p->end());
    });
    parts_->thread.join();
}

std::vector<upstream::pass_outcome> http_proxy::outcomes(std::size_t count) {
    std::unique_lock lock(parts_->mutex);
    if (!parts_->changed.wait_for(
            lock, patience, [&] { return parts_->outcomes.size() >= count; })) {
        throw std::runtime_error("requests do not end");
    }
    return parts_->outcomes;
}

void http_proxy::drain() {
    asio::post(parts_->context, [p = parts_.get()] {
        p->clients->drain();
        p->housekeeping.spawn("join", p->join_all());
    });
}

bool http_proxy::joined(std::chrono::milliseconds for_so_long) {
    std::unique_lock lock(parts_->mutex);
    return parts_->changed.wait_for(lock, for_so_long, [&] { return parts_->is_joined; });
}

std::size_t http_proxy::connections() const {
    return parts_->connections;
}

std::size_t http_proxy::idle() {
    std::promise<std::size_t> count;
    auto result = count.get_future();
    asio::post(parts_->context, [&] { count.set_value(parts_->pool.idle()); });
    return result.get();
}

}  // namespace sidecache::tests
