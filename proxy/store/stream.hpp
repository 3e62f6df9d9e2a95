#pragma once

#include "proxy/async/task.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <cstddef>
#include <memory>
#include <utility>

/// The bytes to and from a server: TCP and unix sockets as they are, or TLS over them.
namespace sidecache::store {

/// TCP and unix sockets alike.
using stream_socket = asio::basic_stream_socket<asio::generic::stream_protocol, executor>;

/// A completion handler of (error_code, bytes) whose type is forgotten; called once. For TLS alone:
/// the plain way keeps its types.
class io_handler {
public:
    template <class Handler>
    explicit io_handler(Handler h) : held_(std::make_unique<holder<Handler>>(std::move(h))) {}
    void operator()(error_code ec, std::size_t n) { std::exchange(held_, nullptr)->call(ec, n); }

private:
    struct base {
        virtual ~base() = default;
        virtual void call(error_code ec, std::size_t n) = 0;
    };
    template <class Handler>
    struct holder final : base {
        explicit holder(Handler h) : handler(std::move(h)) {}
        void call(error_code ec, std::size_t n) override { std::move(handler)(ec, n); }
        Handler handler;
    };
    std::unique_ptr<base> held_;
};

/// TLS on a connection, after its handshake (tls.hpp). Operations under way keep it alive.
class tls_session {
public:
    virtual ~tls_session() = default;
    /// Handlers are called from the loop, never from in here.
    virtual void read_some(asio::mutable_buffer into, io_handler done) = 0;
    virtual void write_some(asio::const_buffer from, io_handler done) = 0;
    /// Closes the socket below. A farewell (close_notify) is not sent: replies are framed, so none
    /// that was cut short is taken for whole.
    virtual void close() = 0;
};

/// One connection; an Asio AsyncReadStream and AsyncWriteStream. One thread.
class stream {
public:
    using executor_type = executor;

    explicit stream(executor const& ex) : socket_(ex) {}
    explicit stream(stream_socket socket) : socket_(std::move(socket)) {}

    executor get_executor() { return socket_.get_executor(); }
    /// The socket itself, until `secure`.
    stream_socket& socket() { return socket_; }
    /// From now on everything goes through `tls`, which owns the socket.
    void secure(std::shared_ptr<tls_session> tls) { tls_ = std::move(tls); }
    bool is_secure() const { return tls_ != nullptr; }

    void close() {
        if (tls_) {
            tls_->close();
        }
        error_code ignored;
        socket_.close(ignored);
    }

    template <class Token>
    auto async_read_some(asio::mutable_buffer into, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this, into](auto handler) {
                if (tls_) {
                    tls_->read_some(into, io_handler(std::move(handler)));
                } else {
                    socket_.async_read_some(into, std::move(handler));
                }
            },
            token);
    }
    template <class Buffers, class Token>
    auto async_write_some(Buffers const& from, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this, from](auto handler) {
                if (tls_) {
                    tls_->write_some(first_of(from), io_handler(std::move(handler)));
                } else {
                    socket_.async_write_some(from, std::move(handler));
                }
            },
            token);
    }

private:
    template <class Buffers>
    static asio::const_buffer first_of(Buffers const& all) {
        auto const end = asio::buffer_sequence_end(all);
        for (auto at = asio::buffer_sequence_begin(all); at != end; ++at) {
            if (asio::const_buffer const b(*at); b.size() > 0) {
                return b;
            }
        }
        return {};
    }

    stream_socket socket_;
    std::shared_ptr<tls_session> tls_;
};

}  // namespace sidecache::store
