#pragma once

#include "config/model.hpp"
#include "proxy/http/downstream.hpp"
#include "proxy/upstream/pass.hpp"
#include "tests/support/file_descriptor.hpp"
#include "tests/support/http_client.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

/// What HTTP tests are played on: a client with raw bytes on one side, an upstream with raw bytes
/// on the other, and between them the real listener, sessions and pool on a thread of their own.
namespace sidecache::tests {

/// One connection that the proxy has opened to the upstream; the test plays the server.
class upstream_connection {
public:
    explicit upstream_connection(file_descriptor socket) : socket_(std::move(socket)) {}

    /// Reads up to and with `end`; what comes behind stays. Throws after some seconds, or when the
    /// connection ends before.
    std::string read_until(std::string_view end);
    /// A request's head.
    std::string read_head() { return read_until("\r\n\r\n"); }
    std::string read(std::size_t size);
    /// "" when the connection has ended.
    std::string read_some();
    void send(std::string_view bytes);
    /// FIN.
    void shutdown_send();
    void close() { socket_.close(); }
    file_descriptor const& socket() const { return socket_; }
    /// RST.
    void abort();
    /// Whether anything (or the end) has come, or comes within `patience`.
    bool readable(std::chrono::milliseconds patience) const;

private:
    file_descriptor socket_;
    std::string buffer_;
};

class raw_upstream {
public:
    raw_upstream();
    std::uint16_t port() const { return port_; }
    /// The next connection. Throws when none comes.
    upstream_connection accept();
    /// Whether a connection waits to be accepted, or comes within `patience`.
    bool connecting(std::chrono::milliseconds patience) const;
    /// Nobody listens any more.
    void close() { listener_.close(); }

private:
    file_descriptor listener_;
    std::uint16_t port_;
};

struct proxy_options {
    config::limits limits{};
    config::upstream upstream{};
    /// Instead of passing everything through.
    std::function<task<void>(http::downstream&)> handler{};
    /// What `answer_known` does; nothing is known without it.
    std::function<bool(http::downstream&, std::string_view head)> known{};
    /// Put into every answer.
    std::vector<std::pair<std::string, std::string>> extra{};
    /// May a request without content be repeated?
    upstream::repeat how = upstream::repeat::safe;
};

/// Listener, sessions and pool of one worker, in this process.
class http_proxy {
public:
    explicit http_proxy(std::uint16_t upstream_port, proxy_options options = {});
    ~http_proxy();

    std::uint16_t port() const { return port_; }
    /// The outcomes of the requests passed so far; waits until there are `count`.
    std::vector<upstream::pass_outcome> outcomes(std::size_t count);
    /// As SIGTERM would; `joined` waits for the last session.
    void drain();
    bool joined(std::chrono::milliseconds patience);
    std::size_t connections() const;
    /// Idle connections in the pool.
    std::size_t idle();

    struct parts;

private:
    std::unique_ptr<parts> parts_;
    std::uint16_t port_ = 0;
};

}  // namespace sidecache::tests
