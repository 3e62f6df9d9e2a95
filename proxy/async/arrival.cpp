#include "proxy/async/arrival.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sidecache {

namespace {

/// What Asio keeps of a socket for its reactor. A protected member, which a derived class may name.
struct opened : tcp_socket {
    static auto& data_of(tcp_socket& socket) {
        return (socket.*(&opened::impl_)).get_implementation().reactor_data_;
    }
};

/// Whether the kernel has said that nothing is left to read, not even the end of the stream.
bool nothing_is_left(msghdr const& m) {
    auto const* const c = CMSG_FIRSTHDR(&m);
    if (c == nullptr || c->cmsg_level != SOL_TCP || c->cmsg_type != TCP_CM_INQ) {
        return false;
    }
    int left = 0;
    std::memcpy(&left, CMSG_DATA(c), sizeof left);
    return left == 0;
}

}  // namespace

arrival::arrival(tcp_socket& socket, taker* first)
    : socket_(socket),
      taker_(first),
      reactor_(asio::use_service<asio::detail::reactor>(socket.get_executor().context())),
      operation_(std::make_unique<operation>(*this)) {}

arrival::~arrival() {
    if (is_reading_) {
        operation_->owner = nullptr;
        (void)operation_.release();
    }
}

void arrival::open() {
    int const on = 1;
    // Where it is not known the reads say nothing, and each is tried beforehand.
    (void)::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_INQ, &on, sizeof on);
}

void arrival::watch(std::span<char> room) {
    start(room);
}

void arrival::wait(std::span<char> room, of what, waiter w) {
    if (news_) {
        auto tell = [w = std::move(w), o = *std::exchange(news_, std::nullopt)]() mutable {
            std::move(w)(o);
        };
        asio::post(socket_.get_executor(), std::move(tell));
        return;
    }
    if (what == of::the_rest && !is_reading_) {
        prepare(room);
        if (operation::perform_read(operation_.get()) != operation::not_done) {
            auto tell = [this, w = std::move(w)]() mutable {
                waiter_.emplace(std::move(w));
                completed();
            };
            asio::post(socket_.get_executor(), std::move(tell));
            return;
        }
    }
    waiter_.emplace(std::move(w));
    if (!is_reading_) {
        start(room);
    }
}

void arrival::prepare(std::span<char> room) {
    operation_->room = room;
    operation_->descriptor = socket_.native_handle();
    operation_->ec_ = {};
    operation_->bytes_transferred_ = 0;
}

void arrival::start(std::span<char> room) {
    is_reading_ = true;
    prepare(room);
    reactor_.start_op(asio::detail::reactor::read_op,
                      operation_->descriptor,
                      opened::data_of(socket_),
                      operation_.get(),
                      true,
                      true);
}

asio::detail::reactor_op::status arrival::operation::perform_read(reactor_op* base) {
    auto& o = *static_cast<operation*>(base);
    iovec place{o.room.data(), o.room.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    for (;;) {
        msghdr m{};
        m.msg_iov = &place;
        m.msg_iovlen = 1;
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        auto const count = ::recvmsg(o.descriptor, &m, 0);
        if (count > 0) {
            o.bytes_transferred_ = static_cast<std::size_t>(count);
            return nothing_is_left(m) ? done_and_exhausted : done;
        }
        if (count == 0) {
            o.ec_ = asio::error::eof;
            return done_and_exhausted;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return not_done;
        }
        if (errno != EINTR) {
            o.ec_ = error_code(errno, boost::system::system_category());
            return done;
        }
    }
}

void arrival::operation::complete_read(void* loop,
                                       asio::detail::operation* base,
                                       error_code const& /*of the loop*/,
                                       std::size_t /*of the loop*/) {
    auto* const done = static_cast<operation*>(base);
    auto* const owner = done->owner;
    if (owner == nullptr) {
        delete done;
    } else if (loop != nullptr) {
        owner->completed();
    } else {
        // The loop is being destroyed, and with the waiter its coroutine, and perhaps `owner`.
        owner->is_reading_ = false;
        auto const gone = std::exchange(owner->waiter_, std::nullopt);
    }
}

void arrival::completed() {
    outcome const o{operation_->ec_, operation_->bytes_transferred_};
    is_reading_ = false;
    if (taker_ != nullptr && !o.error) {
        if (auto const room = taker_->took(o.size); !room.empty()) {
            start(room);
            return;
        }
    }
    if (!waiter_) {
        news_ = o;
        return;
    }
    auto woken = std::move(*waiter_);
    waiter_.reset();
    std::move(woken)(o);
}

}  // namespace sidecache
