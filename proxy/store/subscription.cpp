#include "proxy/store/subscription.hpp"

#include "proxy/store/backoff.hpp"
#include "proxy/store/redis_names.hpp"
#include "proxy/store/resp_writer.hpp"
#include "proxy/store/spawn.hpp"
#include "proxy/telemetry/log.hpp"

#include <boost/asio/write.hpp>

#include <string_view>
#include <utility>

namespace sidecache::store {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t all_channels = 2;

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
      way_(ex),
      beat_(ex) {
    append_command(ping_, "PING"sv);
}

void subscription::start() {
    spawn(ex_, "event subscription", run(shared_from_this()));
}

void subscription::stop() {
    stopped_ = true;
    way_.close();
    beat_.cancel();
    rest_.cancel();
}

task<void> subscription::run(std::shared_ptr<subscription> self) {
    // `self` keeps this alive for as long as the coroutine runs.
    backoff pause;
    while (!stopped_) {
        co_await serve();
        ++connection_;
        way_.close();
        beat_.cancel();
        if (std::exchange(stands_, false)) {
            process_->members.unsubscribed(boot_clock::now());
            if (!stopped_) {
                lost_();
            }
            pause.reset();
        }
        if (stopped_) {
            break;
        }
        rest_.expires_after(pause.next(process_->ids.next().low));
        auto [ec] = co_await rest_.async_wait(as_tuple);
        (void)ec;
    }
}

// Who answers has to be asked first: a subscriber may ask nothing but PING. The first PING goes
// with it: what is published after the SUBSCRIBE comes before its PONG.
void subscription::append_opening(std::string& out, credentials const& who) {
    greeting_ = append_greeting(out, who, "sidecache-events");
    append_command(out, "INFO"sv, "server"sv);
    append_command(out, "INFO"sv, "replication"sv);
    append_command(
        out, "SUBSCRIBE"sv, names::events, prefixed{names::acks, process_->member.hex()});
    out += ping_;
    server_info_.reset();
    server_.reset();
    channels_ = 0;
}

task<void> subscription::serve() {
    way_ = stream(ex_);
    auto const dialled = co_await process_->dial.connect(way_);
    auto const who = process_->who();
    if (!dialled || !who || stopped_) {
        co_return;  // the commands' connection meets the same, and says so
    }
    std::string out;
    append_opening(out, *who);
    ping_sent_ = boot_clock::now();
    auto [written, sent] = co_await asio::async_write(way_, asio::buffer(out), as_tuple);
    (void)sent;
    if (written) {
        co_return;
    }
    schedule_beat(connection_);
    resp_reader reader;
    reply_set replies;
    for (;;) {
        auto const room = reader.prepare();
        auto const buffer = asio::buffer(room.data(), room.size());
        auto [ec, n] = co_await way_.async_read_some(buffer, as_tuple);
        if (ec || stopped_) {
            co_return;
        }
        reader.commit(n);
        for (;;) {
            auto const status = reader.next(replies);
            if (status == resp_reader::status::broken) {
                co_return;
            }
            if (status == resp_reader::status::partial) {
                break;
            }
            auto const fine = take(replies[0]);
            replies.clear();
            if (!fine || stopped_) {
                co_return;
            }
        }
    }
}

bool subscription::take(reply const& r) {
    return server_ ? deliver(r) : take_greeting(r);
}

bool subscription::take_greeting(reply const& r) {
    if (greeting_ > 0) {
        --greeting_;  // AUTH's error shows at INFO, CLIENT SETNAME may be forbidden
        return true;
    }
    if (!r.is_text()) {
        return false;
    }
    if (!server_info_) {
        server_info_ = std::string(r.text());
        return true;
    }
    auto const who = parse_identity(*server_info_, r.text());
    if (!who || !who->is_primary()) {
        return false;
    }
    server_ = who->hash();
    return true;
}

bool subscription::deliver(reply const& r) {
    if (r.is_error() && r.text() != refusal_) {
        refusal_ = r.text();
        log::warn("the store refuses the subscription to sidecache:*: writes are slow without it",
                  {{"error", r.text()}});
    }
    if (r.size() < 2) {
        return false;
    }
    auto const kind = r[0].text();
    if (kind == "message" && r.size() == 3) {
        sink_(r[2].text());
    } else if (kind == "subscribe") {
        stands_ = ++channels_ == all_channels;
        if (stands_) {
            process_->members.subscribed(*server_, boot_clock::now());
            lost_();  // whatever was said before
        }
    } else if (kind == "pong" && ping_sent_ && stands_) {
        process_->members.ponged(*std::exchange(ping_sent_, std::nullopt), boot_clock::now());
    }
    return true;
}

void subscription::schedule_beat(std::uint64_t connection) {
    beat_.expires_after(process_->settings.heartbeat());
    beat_.async_wait([self = shared_from_this(), connection](error_code ec) {
        if (ec || self->stopped_ || connection != self->connection_) {
            return;
        }
        if (!self->beat()) {
            self->way_.close();
            return;
        }
        self->schedule_beat(connection);
    });
}

bool subscription::beat() {
    // The commands have met another server: what is published goes there now.
    auto const present = process_->members.server();
    if (server_ && present && *present != *server_) {
        return false;
    }
    auto const now = boot_clock::now();
    if (ping_sent_) {
        auto const lease = process_->settings.lease;
        return now - *ping_sent_ <= lease + lease / 2;
    }
    if (is_writing_) {
        return true;
    }
    is_writing_ = true;
    ping_sent_ = now;
    asio::async_write(
        way_, asio::buffer(ping_), [self = shared_from_this()](error_code, std::size_t) {
            self->is_writing_ = false;
        });
    return true;
}

}  // namespace sidecache::store
