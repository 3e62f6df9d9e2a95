#pragma once

#include "proxy/async/task.hpp"
#include "proxy/http/message.hpp"

#include <boost/asio/buffer.hpp>

#include <cstdint>
#include <string_view>

namespace sidecache::http {

struct refusal;

/// The client's side of one request: its head, its content, and the way to answer it. The session
/// owns it; a handler answers exactly once: `send`, or `start` + `write`... + `finish`, or
/// `send_prepared`, or `tunnel`. One worker only; references live as long as the call.
class downstream {
public:
    virtual request_head const& request() const = 0;
    /// The client's address without port ("127.0.0.1").
    virtual std::string_view peer() const = 0;

    /// Reads some of the request's content into `out`; 0 when it is complete. Sends 100 Continue
    /// first when the client waits for it. Errors: the client went away, framing, timeout.
    virtual task<result<std::size_t>> read_body(asio::mutable_buffer out) = 0;

    /// An answer at once. Content-Length is set from `body`; a HEAD request gets the head only.
    virtual task<error_code> send(response_head const& head, std::string_view body) = 0;

    /// A streamed answer: the head as `head.body` frames it (chunked for an unknown length; for
    /// HTTP/1.0 clients the connection closes instead), then content, then `finish`. An answer
    /// that is started and not finished is broken off visibly: the connection closes.
    virtual task<error_code> start(response_head const& head) = 0;
    /// `start`, and content that is there already, in one gathered write; with `is_all` it is
    /// finished, too. `first` may be empty.
    virtual task<error_code> start_with(response_head const& head,
                                        asio::const_buffer first,
                                        bool is_all) {
        auto failed = co_await start(head);
        if (!failed) {
            failed = co_await write(first);
        }
        if (!failed && is_all) {
            failed = co_await finish();
        }
        co_return failed;
    }
    /// `start_with` without a coroutine, where nothing has to be waited for. False: it could not do
    /// all of it; `start_with` the same then does the rest of it, or says what is wrong. `first`
    /// stays until it has.
    virtual bool start_now(response_head const& /*head*/,
                           asio::const_buffer /*first*/,
                           bool /*is_all*/) {
        return false;
    }
    virtual task<error_code> write(asio::const_buffer some) = 0;
    virtual task<error_code> finish() = 0;

    /// An interim answer (1xx) on the way to the final one; HTTP/1.0 clients get none.
    virtual task<error_code> interim(response_head const& head) = 0;

    /// A hit: one gathered write of a head rendered by the caller, up to and including its empty
    /// line, and a body (empty for HEAD). No copy is made; both outlive the call.
    virtual task<error_code> send_prepared(unsigned status,
                                           std::string_view head,
                                           std::string_view body) = 0;

    /// The request's head byte for byte, where it is at hand: until content is read.
    virtual std::string_view raw_head() const { return {}; }
    /// `send_prepared` without waiting, for a small answer: what the socket does not take at once
    /// is copied and goes out later. Both are done with when it returns. REQUIRES: `answer_known`.
    virtual void send_now(unsigned /*status*/,
                          std::string_view /*head*/,
                          std::string_view /*body*/) {}

    /// Whether this connection will be kept after the answer: what a prepared head must say in
    /// `Connection` when it is false.
    virtual bool keeps_alive() const = 0;
    virtual void close_after_answer() = 0;

    /// After a 101: sends that head, then relays bytes both ways between client and `upstream`
    /// until either side ends. `already_read` came from the upstream behind its head.
    virtual task<error_code> tunnel(response_head const& head,
                                    tcp_socket upstream,
                                    std::string_view already_read) = 0;

    /// What was sent so far, for the access log: 0 before an answer began.
    virtual unsigned status_sent() const = 0;
    virtual std::uint64_t bytes_sent() const = 0;
    /// An answer has begun: it is too late for another one.
    bool answered() const { return status_sent() != 0; }

protected:
    ~downstream() = default;
};

/// What a session calls for each request. Implementations catch nothing and throw nothing.
class handler {
public:
    virtual task<void> handle(downstream& client) = 0;
    /// Answers a request whose head is, byte for byte, one that was answered before, by `send_now`;
    /// false: not known, and nothing was done. Such a request has no content, keeps its connection
    /// and is not told otherwise; `client.request()` knows nothing of it. May throw nothing and
    /// wait for nothing.
    virtual bool answer_known(downstream& /*client*/, std::string_view /*head*/) { return false; }
    /// The session refuses a request by itself, before `handle`: the place to count it, and to say
    /// more in the head of its answer. `client.request()` holds what was understood of it, which
    /// may be nothing.
    virtual void refused(downstream const& /*client*/,
                         refusal const& /*why*/,
                         response_head& /*answer*/) {}

protected:
    ~handler() = default;
};

}  // namespace sidecache::http
