#include "proxy/store/link.hpp"

#include "proxy/store/tls.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace sidecache::store {

namespace {

/// Bytes that may wait to be written: beyond, a server that does not read is as good as gone.
constexpr std::size_t most_waiting = 64ULL << 20;

}  // namespace

link::link(stream way, std::chrono::milliseconds patience)
    : way_(std::move(way)), timer_(way_.get_executor()), pipeline_(patience, most_waiting) {}

void link::start(std::function<void()> closed) {
    closed_ = std::move(closed);
    read();
}

void link::submit(std::size_t count, time_point deadline, waiter w) {
    pipeline_.submit(count, deadline, std::move(w));
    if (!open_) {
        fail_all();
        return;
    }
    if (pipeline_.is_full()) {
        broke("the server takes nothing any more");  // what waits would be late anyway
        return;
    }
    if (!armed_ || deadline < *armed_) {
        arm();
    }
    if (!flush_posted_ && !is_writing_) {
        flush_posted_ = true;
        asio::post(way_.get_executor(), [self = shared_from_this()] {
            self->flush_posted_ = false;
            self->flush();
        });
    }
}

void link::flush() {
    if (!open_ || is_writing_ || !pipeline_.has_output()) {
        return;
    }
    pipeline_.take_output(writing_);
    is_writing_ = true;
    asio::async_write(
        way_, asio::buffer(writing_), [self = shared_from_this()](error_code ec, std::size_t) {
            self->is_writing_ = false;
            if (ec) {
                self->broke(describe_break(ec));
            } else {
                self->flush();
            }
        });
}

void link::read() {
    auto const room = pipeline_.prepare();
    way_.async_read_some(asio::buffer(room.data(), room.size()),
                         [self = shared_from_this()](error_code ec, std::size_t n) {
                             if (ec || !self->open_) {
                                 self->broke(self->read_error(ec));
                                 return;
                             }
                             self->has_heard_ = true;
                             self->pipeline_.commit(n);
                             self->on_bytes();
                         });
}

void link::on_bytes() {
    // Whoever is resumed here may ask again, or close the connection.
    while (open_) {
        auto done = pipeline_.next();
        if (!done) {
            break;
        }
        std::move(done->waiter)(done->error, std::move(done->replies));
    }
    if (!open_) {
        return;
    }
    if (pipeline_.is_broken()) {
        broke("what the server sent is not the Redis protocol" +
              std::string(way_.is_secure() ? "" : ": is it a TLS port (rediss://)?"));
        return;
    }
    read();
}

void link::arm() {
    armed_ = pipeline_.next_deadline();
    if (!armed_ || !open_) {
        return;
    }
    timer_.expires_at(*armed_);
    timer_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec) {  // otherwise it was set anew, or the connection is closed
            self->on_timer();
        }
    });
}

void link::on_timer() {
    armed_.reset();
    if (!open_) {
        return;
    }
    auto const now = std::chrono::steady_clock::now();
    std::vector<machine::outcome> over;
    pipeline_.expire(now, over);
    auto const stalled = pipeline_.has_stalled(now);
    for (auto& o : over) {
        std::move(o.waiter)(o.error, std::move(o.replies));
    }
    if (stalled) {
        broke("the server has fallen silent");
    } else if (!armed_) {
        arm();
    }
}

/// A plain word to a TLS port is answered by a hang-up, with or without an alert before it.
std::string link::read_error(error_code ec) const {
    auto why = describe_break(ec);
    if (!has_heard_ && !way_.is_secure()) {
        why += " without a word: is it a TLS port (rediss://)?";
    }
    return why;
}

void link::broke(std::string why) {
    if (open_) {
        why_ = std::move(why);
        close();
    }
}

void link::close() {
    if (!open_) {
        return;
    }
    open_ = false;
    way_.close();
    timer_.cancel();
    fail_all();
}

void link::fail_all() {
    std::vector<machine::outcome> over;
    pipeline_.fail(store_error::unreachable, over);
    // Not from here: whoever closes or asks is in the middle of something.
    auto tell = [over = std::move(over), closed = std::exchange(closed_, nullptr)]() mutable {
        if (closed) {
            closed();
        }
        for (auto& o : over) {
            std::move(o.waiter)(o.error, std::move(o.replies));
        }
    };
    asio::post(way_.get_executor(), std::move(tell));
}

}  // namespace sidecache::store
