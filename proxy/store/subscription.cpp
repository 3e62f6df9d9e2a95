#include "proxy/store/subscription.hpp"

#include "proxy/store/backoff.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"

#include <boost/asio/write.hpp>

#include <string_view>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

}  // namespace

subscription::subscription(executor const& ex,
                           std::shared_ptr<redis_process> process,
                           event_sink sink,
                           std::function<void()> lost)
    : ex_(ex),
      process_(std::move(process)),
      sink_(std::move(sink)),
      lost_(std::move(lost)),
      rest_(ex),
      socket_(ex),
      beat_(ex) {
    append_command(ping_, "PING"sv);
}

void subscription::start() {
    spawn(ex_, "event subscription", run(shared_from_this()));
}

void subscription::stop() {
    stopped_ = true;
    error_code ignored;
    socket_.close(ignored);
    beat_.cancel();
    rest_.cancel();
}

task<void> subscription::run(std::shared_ptr<subscription> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    backoff pause;
    while (!stopped_) {
        co_await serve();
        ++connection_;
        error_code ignored;
        socket_.close(ignored);
        beat_.cancel();
        if (stopped_) {
            break;
        }
        if (std::exchange(is_subscribed_, false)) {
            lost_();
            pause.reset();
        }
        rest_.expires_after(pause.next(process_->ids.next().low));
        auto [ec] = co_await rest_.async_wait(as_tuple);
        (void)ec;
    }
}

task<void> subscription::serve() {
    auto const& settings = process_->settings;
    auto const failed = co_await connect(socket_, settings.where, settings.connect_timeout());
    if (failed || stopped_) {
        co_return;
    }
    std::string out;
    auto skipped = append_greeting(out, settings.where, "sidecache-events");
    append_command(out, "SUBSCRIBE"sv, names::events);
    auto [written, sent] = co_await asio::async_write(socket_, asio::buffer(out), as_tuple);
    (void)sent;
    if (written) {
        co_return;
    }
    heard_ = std::chrono::steady_clock::now();
    schedule_ping(connection_);
    resp_reader reader;
    reply_set replies;
    for (;;) {
        auto const room = reader.prepare();
        auto const buffer = asio::buffer(room.data(), room.size());
        auto [ec, n] = co_await socket_.async_read_some(buffer, as_tuple);
        if (ec || stopped_) {
            co_return;
        }
        heard_ = std::chrono::steady_clock::now();
        reader.commit(n);
        for (;;) {
            auto const status = reader.next(replies);
            if (status == resp_reader::status::broken) {
                co_return;
            }
            if (status == resp_reader::status::partial) {
                break;
            }
            bool const of_greeting = skipped > 0;
            skipped -= of_greeting ? 1U : 0U;
            // Of the greeting's replies AUTH's error would show at SUBSCRIBE.
            bool const fine = of_greeting || deliver(replies[0]);
            replies.clear();
            if (!fine || stopped_) {
                co_return;
            }
        }
    }
}

bool subscription::deliver(reply const& r) {
    if (r.size() < 2) {
        return false;  // an error: not permitted, not authenticated
    }
    auto const kind = r[0].text();
    if (kind == "message" && r.size() == 3) {
        sink_(r[2].text());
    } else if (kind == "subscribe") {
        is_subscribed_ = true;
        lost_();  // whatever was said before
    }
    return true;
}

void subscription::schedule_ping(std::uint64_t connection) {
    auto const lease = process_->settings.lease;
    beat_.expires_after(lease / 2);
    beat_.async_wait([self = shared_from_this(), connection, lease](error_code ec) {
        if (ec || self->stopped_ || connection != self->connection_) {
            return;
        }
        // At most one PING is under way, so silence for a lease means that it was not answered.
        auto const silence = std::chrono::steady_clock::now() - self->heard_;
        if (silence > lease + lease / 2) {
            error_code ignored;
            self->socket_.close(ignored);
            return;
        }
        if (!self->is_writing_) {
            self->is_writing_ = true;
            asio::async_write(self->socket_,
                              asio::buffer(self->ping_),
                              [self](error_code, std::size_t) { self->is_writing_ = false; });
        }
        self->schedule_ping(connection);
    });
}

}  // namespace sidecache::store
