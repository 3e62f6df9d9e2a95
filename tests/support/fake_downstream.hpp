#pragma once

#include "proxy/http/downstream.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A client without a socket, for tests of everything that answers one.
namespace sidecache::test {

/// A request head from raw HTTP/1.1 text, as a test states it:
///
///     "GET /products/42?page=1 HTTP/1.1\r\nHost: shop\r\nX-Org-Id: 7\r\n\r\n"
///
/// The empty line may be left out; Host defaults to "test". Framing, Expect, Connection and Upgrade
/// are read as a session would. Throws std::invalid_argument on what is not a request head.
http::request_head request_from(std::string_view text);

/// Scripted content on one side, what was answered on the other. It asserts the order of calls
/// that `http::downstream` demands, so a handler that answers twice fails its test. One thread.
class fake_downstream final : public http::downstream {
public:
    /// `body` is delivered in one piece; see `body_pieces` for more.
    explicit fake_downstream(http::request_head head, std::string body = {});
    explicit fake_downstream(std::string_view text, std::string body = {})
        : fake_downstream(request_from(text), std::move(body)) {}

    // The script.
    std::vector<std::string> body_pieces;  ///< one a `read_body` (split where the buffer is small)
    error_code body_error;                 ///< after the last piece, instead of its end
    error_code write_error;                ///< every write fails with it: the client has gone away
    std::size_t fail_after_bytes = 0;      ///< content bytes taken before `write_error` counts
    std::string peer_address = "127.0.0.1";
    std::string raw;  ///< what `raw_head` says; empty: it is not at hand

    // What came.
    http::response_head head;   ///< of the final answer; status 0: none yet
    std::string body;           ///< content sent so far
    std::string prepared_head;  ///< what `send_prepared` was given
    std::vector<http::response_head> interims;
    bool streamed = false;  ///< by `start`, not at once
    bool complete = false;  ///< `send`, `send_prepared` or `finish` succeeded
    bool tunnelled = false;
    bool closed = false;        ///< `close_after_answer` was called
    std::size_t body_read = 0;  ///< content bytes that the handler has taken

    /// A field of the answer; empty when it has none.
    std::string field(std::string_view name) const;

    http::request_head const& request() const override { return request_; }
    std::string_view peer() const override { return peer_address; }
    task<result<std::size_t>> read_body(asio::mutable_buffer out) override;
    task<error_code> send(http::response_head const& head, std::string_view body) override;
    task<error_code> start(http::response_head const& head) override;
    task<error_code> write(asio::const_buffer some) override;
    task<error_code> finish() override;
    task<error_code> interim(http::response_head const& head) override;
    task<error_code> send_prepared(unsigned status,
                                   std::string_view head,
                                   std::string_view body) override;
    std::string_view raw_head() const override { return raw; }
    void send_now(unsigned status, std::string_view head, std::string_view body) override;
    bool keeps_alive() const override { return request_.keep_alive && !closed; }
    void close_after_answer() override { closed = true; }
    task<error_code> tunnel(http::response_head const& head,
                            tcp_socket upstream,
                            std::string_view already_read) override;
    unsigned status_sent() const override { return head.status; }
    std::uint64_t bytes_sent() const override { return body.size(); }

private:
    error_code take(std::string_view some);
    error_code take_prepared(unsigned status, std::string_view sent, std::string_view content);

    http::request_head request_;
    std::size_t next_piece_ = 0;
    std::size_t piece_taken_ = 0;
};

}  // namespace sidecache::test
