#pragma once

#include "tests/support/file_descriptor.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecache::tests {

using http_fields = std::vector<std::pair<std::string, std::string>>;

/// What went wrong on the wire: the connection broke, the answer was cut short or is not HTTP.
struct http_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct http_response {
    int status = 0;
    std::string reason;
    http_fields fields;  // as received, in order
    std::string body;    // de-chunked
    http_fields trailers;
    std::vector<int> interims;  // statuses of 1xx answers that came before
    bool closes = false;        // the connection ends with it

    /// The first field of that name (case-insensitive); nullopt when there is none.
    std::optional<std::string> field(std::string_view name) const;
    /// Its value, or "".
    std::string operator[](std::string_view name) const { return field(name).value_or(""); }
};

/// A small blocking HTTP/1.1 client over one raw connection, which it opens when needed and keeps.
/// It adds Host and Content-Length where the caller names none, and nothing else. Throws
/// `http_error`. One thread.
class http_client {
public:
    explicit http_client(std::uint16_t port,
                         std::chrono::milliseconds patience = std::chrono::seconds(20));

    http_response request(std::string_view method,
                          std::string_view target,
                          http_fields const& fields = {},
                          std::string_view body = {});
    http_response get(std::string_view target, http_fields const& fields = {}) {
        return request("GET", target, fields);
    }

    /// The two halves of `request`, for many requests in flight at once.
    void send(std::string_view method,
              std::string_view target,
              http_fields const& fields = {},
              std::string_view body = {});
    /// The answer to the oldest request without one. `to` is its method where that matters
    /// (HEAD, CONNECT); nullopt: what `send` was given.
    http_response receive(std::optional<std::string_view> to = std::nullopt);

    /// Raw bytes.
    void send_raw(std::string_view bytes);
    /// Reads exactly one more piece; "" at the end of the connection.
    std::string receive_some();
    std::string receive_until_closed();
    /// Whether something (or the end) can be read within `patience`.
    bool readable(std::chrono::milliseconds patience);
    /// Closes our side; the next request opens a new connection.
    void close();
    /// Sends FIN, and still reads.
    void shutdown_send();
    /// Closes with a reset.
    void abort();
    bool connected() const { return static_cast<bool>(socket_); }
    void connect();

private:
    void need(std::size_t size);
    std::string take_line();
    std::string take(std::size_t size);
    http_fields take_fields();

    std::uint16_t port_;
    std::chrono::milliseconds patience_;
    file_descriptor socket_;
    std::string buffer_;
    std::vector<std::string> methods_;  // of requests without an answer yet
};

/// One request on a connection of its own.
http_response fetch(std::uint16_t port,
                    std::string_view method,
                    std::string_view target,
                    http_fields const& fields = {},
                    std::string_view body = {});

}  // namespace sidecache::tests
