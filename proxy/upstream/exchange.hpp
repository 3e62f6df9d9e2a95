#pragma once

#include "proxy/async/task.hpp"
#include "proxy/http/forwarded.hpp"
#include "proxy/http/message.hpp"

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <memory>
#include <string_view>

namespace sidecache::upstream {

enum class failure {
    none,
    connect,    ///< nobody listens, or connecting took longer than `connect_timeout`: nothing was
                ///< sent
    timeout,    ///< the deadline of the whole exchange passed
    broken,     ///< the connection broke before the response's head was complete
    truncated,  ///< ... or before its content was
    malformed,  ///< not HTTP, or framing that could be read in two ways
};
std::string_view name(failure f);

/// Whether a request may be sent again over a fresh connection when a pooled one turns out to have
/// been closed by the upstream meanwhile (RFC 9112 section 9.3.1).
enum class repeat {
    safe,   ///< a safe method whose body, if any, is at hand: may be repeated
    never,  ///< goes over a connection that is known to be fresh, once (protocol.md section 3.4)
};

/// One request to the upstream and its streamed response. Gives its connection back to the pool
/// only when the response was complete and unambiguous. One worker only.
class exchange {
public:
    virtual ~exchange() = default;

    /// Sends a head (already stripped of hop-by-hop fields; framing fields are written here) with
    /// the whole content: Content-Length is that of `body`, whatever `head.body` says, and none is
    /// written for `framing::none` and an empty body. `head` and `body` outlive the exchange: with
    /// `repeat::safe` they may be sent again, as late as in `read_head`.
    virtual task<failure> send(http::request_head const& head, std::string_view body) = 0;
    /// As `send` of what `http::prepare_upstream_request` makes of a request without content that
    /// asks for no upgrade, where an idle connection may be used and is there: then without
    /// waiting, and neither argument has to stay. False: nothing was sent, and `send` does it.
    virtual bool send_now(http::request_head const& /*from*/, http::arrival const& /*how*/) {
        return false;
    }
    /// As `send`, but framed by `head.body`, and the content follows with `write_body`... and
    /// `finish_body`. Never repeated. Writes `Expect: 100-continue` when `head.expects_continue`.
    /// One coroutine may write content while another reads the answer.
    virtual task<failure> send_head(http::request_head const& head) = 0;
    virtual task<failure> write_body(asio::const_buffer some) = 0;
    virtual task<failure> finish_body() = 0;

    /// Reads the next head: an interim one (1xx but 101) or the final one. `into` is overwritten;
    /// it holds end-to-end fields only (http/hop_by_hop), but for a 101.
    virtual task<failure> read_head(http::response_head& into) = 0;
    /// A head to read into, whose storage is used again after this exchange.
    virtual http::response_head& room_for_head() = 0;
    /// Reads some content; size 0 and failure::none: complete.
    struct chunk {
        failure why = failure::none;
        std::size_t size = 0;
    };
    virtual task<chunk> read_body(asio::mutable_buffer out) = 0;

    /// What of the content has arrived already, without waiting and without a copy: valid until the
    /// next call. Empty: nothing, or nobody knows; then `read_body`. `complete`: that was all.
    struct ready {
        std::string_view bytes;
        bool complete = false;
    };
    virtual ready take_ready() { return {}; }

    /// The caller waits for its client to send more content, which the upstream cannot help: the
    /// deadline stands still until the next `write_body` or `finish_body`.
    virtual void await_content() {}
    /// Begins the deadline anew: for streams passed through, whose length nobody knows.
    virtual void extend(std::chrono::milliseconds deadline) = 0;

    /// Breaks it off: whatever waits for it ends with `failure::broken`.
    virtual void abort() = 0;

    /// Whether the request's first byte went out on the connection in use.
    virtual bool sent_anything() const = 0;
    /// After a 101: the connection itself, and what was read behind the head.
    virtual tcp_socket release(std::string& already_read) = 0;
};

/// Connections to the one upstream, kept alive between requests. One a worker; one worker only.
class client {
public:
    virtual ~client() = default;
    /// `deadline` bounds the whole exchange, connecting and slow trickling included.
    virtual std::unique_ptr<exchange> open(repeat how, std::chrono::milliseconds deadline) = 0;
    virtual std::size_t idle() const = 0;
};

}  // namespace sidecache::upstream
